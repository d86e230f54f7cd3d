/* strings.c: data sets of strings.
 *
 * The one idea: however they are stored, strings leave as one block, pointers first and the bytes
 * behind them. Strings of variable length lie in the file's heap; where only libhdf5 can read them
 * (in chunks), it gets its memory from us. */
#include "io/private.h"

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

/* Where libhdf5 gets memory for a batch of strings of variable length. All strings of a data set
 * together are not longer than the file that holds them: more is hostile. */
struct pool {
    struct rg__h5 *file;
    const char *name;
    int64_t room;
    int n_blocks;
    void *blocks[STRINGS_AT_ONCE];
};

static void *pool_alloc(size_t size, void *user)
{
    struct pool *pool = user;
    struct rg__h5 *file = pool->file;
    if (file->channel.failed != RG_OK || pool->n_blocks == STRINGS_AT_ONCE)
        return NULL;
    if (size > (size_t)pool->room) {
        file->channel.failed =
            rg__fail(file->ctx, RG_DAMAGED, "%s: %s: its strings are longer than the file",
                     file->path, pool->name);
        return NULL;
    }
    pool->room -= (int64_t)size;
    void *block = rg__alloc(file->ctx, (int64_t)size, 1, "a string");
    if (block)
        pool->blocks[pool->n_blocks++] = block;
    else
        file->channel.failed = RG_LIMIT;
    return block;
}

/* All of them end together. */
static void pool_free(void *block, void *user)
{
    (void)block, (void)user;
}

static void pool_empty(struct pool *pool)
{
    while (pool->n_blocks > 0)
        rg__free(pool->file->ctx, pool->blocks[--pool->n_blocks]);
}

/* Reads elements [start, start + n) of a data set of one dimension, or its only one. */
static bool read_part(const struct rg__h5_set *set, hid_t type, hid_t transfer, int64_t start,
                      int64_t n, void *to)
{
    hsize_t from = (hsize_t)start, count = (hsize_t)n;
    if (set->info.ndim == 0)
        return H5Dread(set->id, type, H5S_ALL, H5S_ALL, transfer, to) >= 0;
    if (H5Sselect_hyperslab(set->space, H5S_SELECT_SET, &from, NULL, &count, NULL) < 0)
        return false;
    hid_t memory = H5Screate_simple(1, &count, NULL);
    bool done = memory >= 0 && H5Dread(set->id, type, memory, set->space, transfer, to) >= 0;
    rg__h5_drop(memory);
    return done;
}

/* From where they lie in one piece, without libhdf5; see heap.c. */
static rg_status read_references(struct rg__h5 *file, const char *name,
                                 const struct rg__h5_set *set, struct strings *strings)
{
    struct rg__h5_heap heap = {.file = file, .name = name, .room = file->size};
    int size = 8 + file->super.address_size;
    int64_t at = (int64_t)H5Dget_offset(set->id), count = set->info.count;
    unsigned char *references = rg__alloc(file->ctx, STRINGS_AT_ONCE, (size_t)size, name);
    rg_status status = references ? RG_OK : RG_LIMIT;
    for (int64_t i = 0; i < count && status == RG_OK; i++) {
        int64_t k = i % STRINGS_AT_ONCE,
                n = count - i < STRINGS_AT_ONCE ? count - i : STRINGS_AT_ONCE;
        const char *text;
        size_t length;
        if (k == 0)
            status = rg__read_at(file->ctx, file->path, file->channel.fd, references,
                                 (size_t)(n * size), at + i * size);
        if (status == RG_OK)
            status = rg__h5_heap_text(&heap, references + k * size, &text, &length);
        if (status == RG_OK && !strings_add(strings, i, text, length))
            status = RG_LIMIT;
    }
    rg__free(file->ctx, references);
    rg__h5_heap_free(&heap);
    return status;
}

static rg_status read_variable(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                               struct strings *strings)
{
    char *batch[STRINGS_AT_ONCE];
    struct pool pool = {.file = file, .name = name, .room = file->size};
    rg_status status = RG_OK;
    hid_t type = rg__h5_string_type(H5Tget_cset(set->type));
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    bool ready = type >= 0 && transfer >= 0 &&
                 H5Pset_vlen_mem_manager(transfer, pool_alloc, &pool, pool_free, &pool) >= 0;
    for (int64_t at = 0; at < set->info.count && status == RG_OK; at += STRINGS_AT_ONCE) {
        int64_t n = set->info.count - at < STRINGS_AT_ONCE ? set->info.count - at : STRINGS_AT_ONCE;
        memset(batch, 0, sizeof batch);
        if (!ready || !read_part(set, type, transfer, at, n, batch))
            status = rg__h5_fail(file, name, "read its strings");
        else
            status = file->channel.failed;
        for (int64_t i = 0; i < n && status == RG_OK; i++) {
            const char *text = batch[i] ? batch[i] : "";
            if (!strings_add(strings, at + i, text, strlen(text)))
                status = RG_LIMIT;
        }
        pool_empty(&pool);
    }
    rg__h5_drop(type);
    rg__h5_drop(transfer);
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

/* Whether the references lie as they are in the file. */
static bool in_one_piece(const struct rg__h5 *file, const struct rg__h5_set *set)
{
    haddr_t offset = H5Dget_offset(set->id);
    return !set->info.chunked && set->info.count > 0 && offset <= (haddr_t)file->size;
}

rg_status rg__h5_read_strings(struct rg__h5 *file, const char *name, int64_t count, char ***out)
{
    struct rg__h5_set set;
    struct strings strings = {.ctx = file->ctx};
    struct rg__h5_scope scope = rg__h5_enter();
    *out = NULL;
    rg_status status = rg__h5_open_set(file, name, &set);
    if (status != RG_OK)
        goto done;
    if (set.info.class != RG__H5_STRING || set.info.count != count || set.info.ndim > 1) {
        status = rg__fail(file->ctx, RG_BAD_DATA, "%s: %s is not a row of %lld strings", file->path,
                          name, (long long)count);
        goto done;
    }
    /* The pointers, or a little more than nothing. */
    strings.used = count * (int64_t)sizeof(char *);
    if (!rg__grow(file->ctx, &strings.block, &strings.size, strings.used + 1, 1, name))
        status = RG_LIMIT;
    else
        status = !set.info.variable         ? read_fixed(file, name, &set, &strings)
                 : in_one_piece(file, &set) ? read_references(file, name, &set, &strings)
                                            : read_variable(file, name, &set, &strings);
done:
    if (status == RG_OK)
        *out = strings_finish(&strings, count);
    else
        rg__free(file->ctx, strings.block);
    rg__h5_close_set(&set);
    rg__h5_leave(&scope);
    return status;
}
