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
#include "io/private.h"

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
        if (m.type == CONTINUATION)
            status = add_block(h, &m);
        else if (visit)
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
