/* verify.c: checksums that are stored with data sets, compared with what is read.
 *
 * A checksum is over numbers as they are in the file before compression, or over the bytes of
 * strings, so that repacking a file keeps it. It may be absent: other writers have none. */
#include "hdf5/private.h"

#define XXH_STATIC_LINKING_ONLY /* for a state without malloc */
#include <xxhash.h>

#include <stdio.h>
#include <string.h>

enum { BLOCK = 1 << 20, LONGEST_NAME = 256 };

struct visit {
    struct rg__h5 *file;
    int n_checked;
    rg_status status;
};

/* Reads rows [start, start + n) of the first dimension, in the file's own type. */
static bool read_rows(const struct rg__h5_set *set, int64_t start, int64_t n, void *to)
{
    hsize_t from[RG_MAX_DIMS] = {(hsize_t)start}, count[RG_MAX_DIMS] = {(hsize_t)n};
    if (set->info.ndim == 0)
        return H5Dread(set->id, set->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
    for (int i = 1; i < set->info.ndim; i++)
        count[i] = (hsize_t)set->info.dims[i];
    if (H5Sselect_hyperslab(set->space, H5S_SELECT_SET, from, NULL, count, NULL) < 0)
        return false;
    hid_t memory = H5Screate_simple(set->info.ndim, count, NULL);
    bool done =
        memory >= 0 && H5Dread(set->id, set->type, memory, set->space, H5P_DEFAULT, to) >= 0;
    rg__h5_drop(memory);
    return done;
}

static rg_status hash_set(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                          uint64_t *hash)
{
    const struct rg__h5_info *info = &set->info;
    int64_t n_rows = info->count == 0 ? 0 : info->ndim > 0 ? info->dims[0] : 1;
    int64_t row_size = n_rows > 0 ? info->count / n_rows * (int64_t)info->size : 0;
    int64_t step = row_size > 0 && row_size < BLOCK ? BLOCK / row_size : 1;
    if (step > n_rows)
        step = n_rows;
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    void *rows = rg__alloc(file->ctx, step, (size_t)row_size, name);
    rg_status status = rows ? RG_OK : RG_LIMIT;
    for (int64_t at = 0; at < n_rows && status == RG_OK; at += step) {
        int64_t n = n_rows - at < step ? n_rows - at : step;
        if (!read_rows(set, at, n, rows))
            status = rg__h5_fail(file, name, "read it");
        else
            XXH3_64bits_update(&state, rows, (size_t)(n * row_size));
    }
    rg__free(file->ctx, rows);
    *hash = XXH3_64bits_digest(&state);
    return status;
}

/* ---- Checksums that are stored --------------------------------------------------------------- */

static rg_status compare(struct rg__h5 *file, const char *name, uint64_t hash, int64_t stored)
{
    if (hash == (uint64_t)stored)
        return RG_OK;
    return rg__fail(file->ctx, RG_DAMAGED,
                    "%s: %s has the checksum %016llx, but %016llx is stored with it; its content "
                    "has changed",
                    file->path, name, (unsigned long long)hash, (unsigned long long)stored);
}

rg_status rg__h5_check_numbers(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                               const void *numbers)
{
    const struct rg__h5_info *info = &set->info;
    int64_t stored;
    uint64_t hash = 0;
    bool found;
    rg_status status = rg__h5_read_attribute_i64(file, name, "xxh3", 1, &stored, &found);
    if (status != RG_OK || !found)
        return status;
    /* The checksum is over bytes. Only Rankgrad writes it, in the order of its machine. */
    if (info->size > 1 && H5Tget_order(set->type) != H5Tget_order(H5T_NATIVE_INT))
        return rg__fail(file->ctx, RG_DAMAGED,
                        "%s: %s has a checksum, but its numbers are in another byte order than "
                        "they were written in; the file is damaged",
                        file->path, name);
    if (numbers)
        hash = XXH3_64bits(numbers, (size_t)info->count * info->size);
    else
        status = hash_set(file, name, set, &hash);
    return status == RG_OK ? compare(file, name, hash, stored) : status;
}

uint64_t rg__h5_hash_strings(int64_t count, const char *const *strings)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (int64_t i = 0; i < count; i++)
        XXH3_64bits_update(&state, strings[i], strlen(strings[i]) + 1);
    return XXH3_64bits_digest(&state);
}

rg_status rg__h5_check_strings(struct rg__h5 *file, const char *name, int64_t count,
                               const char *const *strings)
{
    int64_t stored;
    bool found;
    rg_status status = rg__h5_read_attribute_i64(file, name, "xxh3_text", 1, &stored, &found);
    if (status != RG_OK || !found)
        return status;
    return compare(file, name, rg__h5_hash_strings(count, strings), stored);
}

/* ---- All data sets --------------------------------------------------------------------------- */

/* Strings are compared whenever they are read. */
static rg_status verify_strings(struct rg__h5 *file, const char *name, const struct rg__h5_set *set)
{
    char **strings;
    if (set->info.class != RG__H5_STRING)
        return rg__fail(file->ctx, RG_DAMAGED, "%s: %s has a checksum of strings but none",
                        file->path, name);
    rg_status status = rg__h5_read_strings(file, name, set->info.count, &strings);
    rg__free(file->ctx, strings);
    return status;
}

static rg_status verify_set(struct visit *visit, const char *name)
{
    struct rg__h5 *file = visit->file;
    struct rg__h5_set set;
    int64_t stored;
    bool numbers, strings = false;
    rg_status status = rg__h5_read_attribute_i64(file, name, "xxh3", 1, &stored, &numbers);
    if (status == RG_OK)
        status = rg__h5_read_attribute_i64(file, name, "xxh3_text", 1, &stored, &strings);
    if (status != RG_OK || (!numbers && !strings))
        return status;
    status = rg__h5_open_to_read(file, name, &set);
    if (status == RG_OK && numbers && (set.info.class & (RG__H5_STRING | RG__H5_OTHER)))
        status = rg__fail(file->ctx, RG_DAMAGED, "%s: %s has a checksum but no numbers", file->path,
                          name);
    if (status == RG_OK && numbers)
        status = rg__h5_check_numbers(file, name, &set, NULL);
    if (status == RG_OK && strings)
        status = verify_strings(file, name, &set);
    rg__h5_close_set(&set);
    visit->n_checked += status == RG_OK;
    return status;
}

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *object, void *user)
{
    (void)root;
    struct visit *visit = user;
    char absolute[LONGEST_NAME];
    if (object->type != H5O_TYPE_DATASET)
        return 0;
    int n = snprintf(absolute, sizeof absolute, "/%s", name);
    if (n < 0 || n >= (int)sizeof absolute)
        return 0; /* not a name that we write */
    visit->status = verify_set(visit, absolute);
    return visit->status == RG_OK ? 0 : 1;
}

rg_status rg__h5_verify(struct rg__h5 *file, int *n_checked)
{
    struct visit visit = {file, 0, RG_OK};
    struct rg__h5_scope scope = rg__h5_enter();
    if (H5Ovisit(file->file, H5_INDEX_NAME, H5_ITER_INC, visit_object, &visit) < 0 &&
        visit.status == RG_OK)
        visit.status = rg__h5_fail(file, "/", "walk through the file");
    rg__h5_leave(&scope);
    *n_checked = visit.n_checked;
    return visit.status;
}
