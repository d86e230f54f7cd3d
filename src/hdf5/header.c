/* header.c: the messages of an object's header, read without libhdf5.
 *
 * libhdf5 hands out what a header means, not where it says that things are: the index of a data
 * set's chunks, or the reference of a string attribute into the heap. Both are needed here so that
 * they can be checked before libhdf5 follows them.
 *
 *   version 1: version, 1 byte, number of messages (2), references (4), size (4), 4 bytes; messages
 *   version 2: "OHDR", 2, flags, times (16, flag 32), limits (4, flag 16), size (1, 2, 4 or 8);
 *              messages, checksum (4)
 *   message:   version 1: type (2), size (2), flags (1), 3 bytes; the body
 *              version 2: type (1), size (2), flags (1), order (2, flag 4 of the header); the body
 *
 * A message of type 16 leads to another block of messages, which in version 2 stands between "OCHK"
 * and a checksum. (HDF5 File Format Specification 3.0, IV.A.)
 */
#include "hdf5/private.h"

#include <string.h>

enum { CONTINUATION = 16, MOST_BLOCKS = 1024, PREFIX = 16, LONGEST_PREFIX = 34, CHECKSUM = 4 };

struct block {
    uint64_t address, size; /* of the messages alone */
};

struct header {
    struct rg__h5 *file;
    const char *name;
    int version, message_size; /* bytes of a message before its body */
    void *bytes;               /* of a block */
    int64_t capacity;
    int n_blocks;
    struct block blocks[MOST_BLOCKS];
};

static rg_status fail(const struct header *h, const char *what)
{
    return rg__fail(h->file->ctx, RG_DAMAGED, "%s: %s: %s; the file is damaged", h->file->path,
                    h->name, what);
}

rg_status rg__h5_read_bytes(struct rg__h5 *file, const char *name, uint64_t address, uint64_t size,
                            void *to)
{
    uint64_t rest = (uint64_t)(file->size - file->super.base);
    if (address > rest || size > rest - address)
        return rg__fail(file->ctx, RG_DAMAGED,
                        "%s: %s: an address of its description is beyond the file's end; the file "
                        "is damaged",
                        file->path, name);
    return rg__read_at(file->ctx, file->path, file->channel.fd, to, (size_t)size,
                       file->super.base + (int64_t)address);
}

/* Reads the prefix and notes the first block. */
static rg_status begin(struct header *h, uint64_t address)
{
    unsigned char p[LONGEST_PREFIX] = {0};
    rg_status status = rg__h5_read_bytes(h->file, h->name, address, PREFIX, p);
    if (status != RG_OK)
        return status;
    if (p[0] == 1) {
        h->version = 1;
        h->message_size = 8;
        h->blocks[h->n_blocks++] = (struct block){address + PREFIX, rg__h5_number(p + 8, 4)};
        return RG_OK;
    }
    if (memcmp(p, "OHDR\2", 5) != 0)
        return fail(h, "its header is of an unknown version");
    int flags = p[5], width = 1 << (flags & 3);
    int at = 6 + (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0);
    status = rg__h5_read_bytes(h->file, h->name, address, (uint64_t)(at + width), p);
    h->version = 2;
    h->message_size = flags & 4 ? 6 : 4;
    h->blocks[h->n_blocks++] =
        (struct block){address + (uint64_t)(at + width), rg__h5_number(p + at, width)};
    return status;
}

static rg_status add_block(struct header *h, const struct rg__h5_message *m)
{
    int width = h->file->super.address_size, length = h->file->super.length_size;
    int mark = h->version == 2 ? 4 : 0, sum = h->version == 2 ? CHECKSUM : 0;
    if (m->size < (size_t)(width + length) || h->n_blocks == MOST_BLOCKS)
        return fail(h, "its header does not end");
    uint64_t size = rg__h5_number(m->body + width, length);
    if (size < (uint64_t)(mark + sum))
        return fail(h, "a part of its header is too short");
    h->blocks[h->n_blocks++] = (struct block){rg__h5_number(m->body, width) + (uint64_t)mark,
                                              size - (uint64_t)(mark + sum)};
    return RG_OK;
}

/* The bytes of an attribute's value: those of an element, from the description of its type, times
 * the number of elements, from that of its space. -1: impossible. */
static int64_t value_size(const struct header *h, const unsigned char *type,
                          const unsigned char *space, size_t type_size, size_t space_size)
{
    int width = h->file->super.length_size;
    if (rg__h5_type_extent(type, type_size) < 0 || space_size < 4)
        return -1;
    int64_t bytes = (int64_t)rg__h5_number(type + 4, 4);
    size_t rank = space[1], at = space[0] == 1 ? 8 : 4;
    if (space[0] > 1 && space[3] == 2) /* no elements at all */
        return 0;
    if (space_size < at + rank * (size_t)width)
        return -1;
    for (size_t i = 0; i < rank; i++) {
        uint64_t n = rg__h5_number(space + at + i * (size_t)width, width);
        if (n > INT64_MAX || __builtin_mul_overflow(bytes, (int64_t)n, &bytes))
            return -1;
    }
    return bytes;
}

/* libhdf5 divides by what it finds here. */
bool rg__h5_split_layout(const struct rg__h5 *file, const struct rg__h5_message *m,
                         struct rg__h5_chunk_layout *layout)
{
    enum { CHUNKED = 2 };
    const unsigned char *b = m->body;
    int width = file->super.address_size;
    *layout = (struct rg__h5_chunk_layout){.version = m->size < 3 ? 0 : b[0]};
    if (layout->version < 1)
        return false;
    bool old = layout->version < 3;
    int class = old ? b[2] : b[1], n = old ? b[1] : b[2], at = (old ? 8 : 3) + width;
    if (layout->version > 3 || class != CHUNKED)
        return true;
    if (n < 2 || n > RG__H5_MOST_RANK || m->size < (size_t)(at + 4 * n))
        return false;
    layout->n_dims = n;
    layout->address = rg__h5_number(b + at - width, width);
    for (int i = 0; i < n; i++) {
        layout->chunk[i] = rg__h5_number(b + at + 4 * i, 4);
        if (layout->chunk[i] == 0)
            return false;
    }
    return true;
}

/* A type whose class has changed is found by its length. Enumerations and the like may be followed
 * by unused bytes. */
static bool is_type_whole(const struct header *h, const struct rg__h5_message *m)
{
    enum { STRING = 3 };
    if (m->flags & RG__H5_SHARED)
        return true;
    int64_t size = rg__h5_type_extent(m->body, m->size);
    if (size < 0 || (m->body[0] & 15) > STRING)
        return size >= 0;
    return (int64_t)m->size == (h->version == 1 ? (size + 7) / 8 * 8 : size);
}

/* The filters of a data set: version, their number, 6 bytes in version 1; for each its number (2),
 * the length of its name (2; not in version 2 for the stock ones, below 256), flags (2), number of
 * values (2); the name; the values (4 each), in version 1 an even number of them. */
static bool are_filters_whole(const struct rg__h5_message *m)
{
    const unsigned char *at = m->body, *end = m->body + m->size;
    if (m->size < 2 || at[0] < 1 || at[0] > 2)
        return false;
    bool old = at[0] == 1;
    int n = at[1];
    for (at += old ? 8 : 2; n > 0; n--) {
        if (end - at < 6)
            return false;
        bool named = old || rg__h5_number(at, 2) >= 256;
        if (named && end - at < 8)
            return false;
        size_t name = named ? (size_t)rg__h5_number(at + 2, 2) : 0;
        size_t values = (size_t)rg__h5_number(at + (named ? 6 : 4), 2);
        at += named ? 8 : 6;
        name = old ? (name + 7) / 8 * 8 : name;
        values = 4 * (old ? values + values % 2 : values);
        if (name + values > (size_t)(end - at) || (name > 0 && !memchr(at, '\0', name)))
            return false;
        at += name + values;
    }
    return true;
}

/* libhdf5 believes the sizes in an attribute and reads beyond its message. */
static rg_status check_attribute(const struct header *h, const struct rg__h5_message *m)
{
    enum { SHARED_PART = 3 };
    struct rg__h5_attribute a;
    if (m->flags & RG__H5_SHARED)
        return RG_OK;
    if (!rg__h5_split_attribute(m, &a))
        return fail(h, "an attribute is longer than its message");
    if (m->body[0] > 1 && (m->body[1] & SHARED_PART)) /* the type or space is elsewhere */
        return RG_OK;
    int64_t size = value_size(h, a.type, a.space, a.type_size, a.space_size);
    if (size < 0 || size > a.end - a.value)
        return fail(h, "the value of an attribute is longer than its message");
    return RG_OK;
}

bool rg__h5_split_attribute(const struct rg__h5_message *m, struct rg__h5_attribute *a)
{
    const unsigned char *b = m->body;
    size_t at, sizes[3], places[3];
    if (m->size < 9 || b[0] < 1 || b[0] > 3)
        return false;
    at = b[0] == 3 ? 9 : 8;
    for (int i = 0; i < 3; i++) {
        sizes[i] = (size_t)rg__h5_number(b + 2 + 2 * i, 2);
        places[i] = at;
        at += b[0] == 1 ? (sizes[i] + 7) / 8 * 8 : sizes[i];
    }
    if (at > m->size || sizes[0] == 0 || b[places[0] + sizes[0] - 1] != '\0')
        return false;
    *a = (struct rg__h5_attribute){.name = (const char *)b + places[0],
                                   .type = b + places[1],
                                   .space = b + places[2],
                                   .value = b + at,
                                   .end = b + m->size,
                                   .type_size = sizes[1],
                                   .space_size = sizes[2]};
    return true;
}

/* What libhdf5 would believe. */
static rg_status check_message(const struct header *h, const struct rg__h5_message *m)
{
    struct rg__h5_chunk_layout layout;
    if (m->type == RG__H5_ATTRIBUTE)
        return check_attribute(h, m);
    if (m->type == RG__H5_LAYOUT && !rg__h5_split_layout(h->file, m, &layout))
        return fail(h, "its layout is impossible");
    if (m->type == RG__H5_FILTERS && !(m->flags & RG__H5_SHARED) && !are_filters_whole(m))
        return fail(h, "the description of its filters is longer than its message");
    if (m->type == RG__H5_DATATYPE && !is_type_whole(h, m))
        return fail(h, "the description of its type has another length than its own");
    return RG_OK;
}

static rg_status read_block(struct header *h, const struct block *block,
                            rg__h5_message_function *visit, void *user)
{
    uint64_t most = (uint64_t)h->file->size;
    if (block->size > most)
        return fail(h, "its header is longer than the file");
    if (!rg__grow(h->file->ctx, &h->bytes, &h->capacity, (int64_t)block->size, 1, h->name))
        return RG_LIMIT;
    rg_status status = rg__h5_read_bytes(h->file, h->name, block->address, block->size, h->bytes);
    const unsigned char *at = h->bytes, *end = at + block->size;
    while (status == RG_OK && end - at >= h->message_size) {
        bool old = h->version == 1;
        struct rg__h5_message m = {.type = (int)rg__h5_number(at, old ? 2 : 1),
                                   .size = (size_t)rg__h5_number(at + (old ? 2 : 1), 2),
                                   .flags = at[old ? 4 : 3],
                                   .body = at + h->message_size};
        if (m.size > (size_t)(end - m.body))
            return fail(h, "a message of its header is longer than the header");
        status = check_message(h, &m);
        if (status == RG_OK && m.type == CONTINUATION)
            status = add_block(h, &m);
        else if (status == RG_OK && visit)
            status = visit(user, &m);
        at = m.body + m.size;
    }
    return status;
}

rg_status rg__h5_read_header(struct rg__h5 *file, const char *name, uint64_t address,
                             rg__h5_message_function *visit, void *user)
{
    struct header *h = rg__alloc(file->ctx, 1, sizeof *h, name);
    if (!h)
        return RG_LIMIT;
    h->file = file;
    h->name = name;
    rg_status status = begin(h, address);
    for (int i = 0; status == RG_OK && i < h->n_blocks; i++)
        status = read_block(h, &h->blocks[i], visit, user);
    rg__free(file->ctx, h->bytes);
    rg__free(file->ctx, h);
    return status;
}
