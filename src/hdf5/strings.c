/* strings.c: data sets of strings.
 *
 * However they are stored, strings leave as one block, pointers first and the bytes after them.
 * Strings of variable length are in the file's heap, which libhdf5 is never asked to read. */
#include "hdf5/private.h"

#include <string.h>

enum { STRINGS_AT_ONCE = 1024 };

/* Strings while they are read: a block that begins with room for the pointers, which are offsets
 * until all is there, and goes on with the bytes. */
struct strings {
    rg_context *ctx;
    void *block;
    int64_t size, used;
};

static bool strings_add(struct strings *s, int64_t i, const char *text, size_t length)
{
    if (!rg__grow(s->ctx, &s->block, &s->size, s->used + (int64_t)length + 1, 1, "strings"))
        return false;
    ((uintptr_t *)s->block)[i] = (uintptr_t)s->used;
    char *at = (char *)s->block + s->used;
    memcpy(at, text, length);
    at[length] = '\0';
    s->used += (int64_t)length + 1;
    return true;
}

static char **strings_finish(struct strings *s, int64_t count)
{
    char **items = s->block;
    for (int64_t i = 0; i < count; i++)
        items[i] = (char *)s->block + ((uintptr_t *)s->block)[i];
    return items;
}

/* All references in chunks, which the caller frees. */
static rg_status read_chunks(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                             unsigned char **out)
{
    bool complete = false;
    *out = rg__alloc(file->ctx, set->info.count, set->info.stored, name);
    rg_status status = *out ? rg__h5_read_chunks(file, name, set, *out, &complete) : RG_LIMIT;
    if (status == RG_OK && !complete)
        status = rg__fail(file->ctx, RG_DAMAGED,
                          "%s: %s: a chunk of its strings is missing; make the file again",
                          file->path, name);
    return status;
}

struct compact {
    unsigned char *to;
    size_t size; /* of all references */
    bool found;
};

static rg_status take_compact(void *user, const struct rg__h5_message *m)
{
    struct compact *compact = user;
    const unsigned char *b = m->body;
    if (m->type != RG__H5_LAYOUT || m->size < 4 || b[0] < 3 || b[1] != 0 || compact->found ||
        m->size - 4 < compact->size || rg__h5_number(b + 2, 2) < compact->size)
        return RG_OK;
    memcpy(compact->to, b + 4, compact->size);
    compact->found = true;
    return RG_OK;
}

/* All references of a data set that is stored in its own header, which the caller frees. */
static rg_status read_compact(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                              unsigned char **out)
{
    H5O_info_t info;
    struct compact compact = {.size = (size_t)set->info.count * set->info.stored};
    compact.to = *out = rg__alloc(file->ctx, set->info.count, set->info.stored, name);
    if (!*out)
        return RG_LIMIT;
    if (H5Oget_info(set->id, &info) < 0)
        return rg__h5_fail(file, name, "read its header");
    rg_status status = rg__h5_read_header(file, name, info.addr, take_compact, &compact);
    if (status == RG_OK && !compact.found)
        status = rg__fail(file->ctx, RG_DAMAGED, "%s: %s: its strings are not in its header",
                          file->path, name);
    return status;
}

/* Without libhdf5, see heap.c; references that lie in one piece are read a few at a time. */
static rg_status read_variable(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                               struct strings *strings)
{
    struct rg__h5_heap heap = {.file = file, .name = name, .room = file->size};
    size_t size = set->info.stored;
    int64_t at = (int64_t)H5Dget_offset(set->id), count = set->info.count;
    unsigned char *all = NULL, *part = rg__alloc(file->ctx, STRINGS_AT_ONCE, size, name);
    rg_status status = part ? RG_OK : RG_LIMIT;
    if (status == RG_OK && set->info.chunked)
        status = read_chunks(file, name, set, &all);
    else if (status == RG_OK && H5Pget_layout(set->plist) == H5D_COMPACT)
        status = read_compact(file, name, set, &all);
    for (int64_t i = 0; i < count && status == RG_OK; i++) {
        int64_t k = i % STRINGS_AT_ONCE,
                n = count - i < STRINGS_AT_ONCE ? count - i : STRINGS_AT_ONCE;
        const unsigned char *reference = all ? all + (size_t)i * size : part + (size_t)k * size;
        const char *text;
        size_t length;
        if (k == 0 && !all)
            status = rg__read_at(file->ctx, file->path, file->channel.fd, part, (size_t)n * size,
                                 at + i * (int64_t)size);
        if (status == RG_OK)
            status = rg__h5_heap_text(&heap, reference, &text, &length);
        if (status == RG_OK && !strings_add(strings, i, text, length))
            status = RG_LIMIT;
    }
    rg__free(file->ctx, all);
    rg__free(file->ctx, part);
    rg__h5_heap_free(&heap);
    return status;
}

size_t rg__h5_fixed_length(const char *text, size_t size, H5T_str_t padding)
{
    size_t length = 0;
    while (length < size && text[length] != '\0')
        length++;
    while (padding == H5T_STR_SPACEPAD && length > 0 && text[length - 1] == ' ')
        length--;
    return length;
}

static rg_status read_fixed(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                            struct strings *strings)
{
    size_t size = set->info.size;
    H5T_str_t padding = H5Tget_strpad(set->type);
    char *bytes = rg__alloc(file->ctx, set->info.count, size, name);
    if (!bytes)
        return RG_LIMIT;
    rg_status status = RG_OK;
    if (H5Dread(set->id, set->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
        status = rg__h5_fail(file, name, "read its strings");
    else
        status = file->channel.failed;
    for (int64_t i = 0; i < set->info.count && status == RG_OK; i++) {
        const char *text = bytes + (size_t)i * size;
        if (!strings_add(strings, i, text, rg__h5_fixed_length(text, size, padding)))
            status = RG_LIMIT;
    }
    rg__free(file->ctx, bytes);
    return status;
}

rg_status rg__h5_read_strings(struct rg__h5 *file, const char *name, int64_t count, char ***out)
{
    struct rg__h5_set set;
    struct strings strings = {.ctx = file->ctx};
    struct rg__h5_scope scope = rg__h5_enter();
    *out = NULL;
    rg_status status = rg__h5_open_to_read(file, name, &set);
    if (status != RG_OK)
        goto done;
    if (set.info.class != RG__H5_STRING || set.info.count != count) {
        status = rg__fail(file->ctx, RG_BAD_DATA, "%s: %s is not a row of %lld strings", file->path,
                          name, (long long)count);
        goto done;
    }
    /* The pointers, or a little more than nothing. */
    strings.used = count * (int64_t)sizeof(char *);
    if (!rg__grow(file->ctx, &strings.block, &strings.size, strings.used + 1, 1, name))
        status = RG_LIMIT;
    else
        status = set.info.variable ? read_variable(file, name, &set, &strings)
                                   : read_fixed(file, name, &set, &strings);
    if (status == RG_OK) {
        *out = strings_finish(&strings, count);
        status = rg__h5_check_strings(file, name, count, (const char *const *)*out);
    }
done:
    if (status != RG_OK) {
        rg__free(file->ctx, strings.block);
        *out = NULL;
    }
    rg__h5_close_set(&set);
    rg__h5_leave(&scope);
    return status;
}
