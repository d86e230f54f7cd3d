/* index.c: whether every element of a data set was written, and where its chunks are, checked
 * before libhdf5 reads them.
 *
 * libhdf5 1.10.8 takes a missing chunk for one that holds the fill value, rounds a chunk's place to
 * a multiple of the chunk's size, and never looks for a chunk that stands in the wrong place: a
 * damaged byte of the index turns numbers into zeros. Chunks are indexed by a B-tree of version 1,
 * whose entries ascend by place; so the i-th entry must be the i-th chunk of the data set, and a
 * walk through the tree finds one that is missing, doubled, out of place or outside:
 *
 *   node: "TREE", 1, level, number of entries (2), two addresses; entries, and a last key
 *   entry: stored bytes (4), skipped filters (4), place (8 for each dimension, and one more: 0),
 *          address of the chunk or of the node below
 *
 * (HDF5 File Format Specification 3.0, III.A.1 and IV.A.2.i.) The other kinds of indexes, of HDF5
 * 1.10 and later, carry checksums; of them the number of chunks is checked.
 */
#include "hdf5/private.h"

#include <string.h>

enum { MOST_LEVELS = 32 };

struct index {
    struct rg__h5 *file;
    const char *name;
    const struct rg__h5_set *set;
    struct rg__h5_chunk_layout layout;
    bool found; /* a layout */
    int n_filters;
    uint32_t deflate, fletcher32; /* which of them are these: a bit for each */
    bool may_miss;                /* a chunk: the file's writer said what its elements are */
    uint64_t chunk_bytes;
    int64_t n_chunks, next;           /* of the data set; the one whose entry is expected now */
    int64_t across[RG__H5_MOST_RANK]; /* chunks along each dimension */
};

static rg_status fail(const struct index *x, const char *what)
{
    return rg__fail(x->file->ctx, RG_DAMAGED,
                    "%s: %s: chunk %lld of %lld (from 1) %s; the file is damaged or was never "
                    "finished, make or fetch it again",
                    x->file->path, x->name, (long long)x->next + 1, (long long)x->n_chunks, what);
}

static rg_status take_layout(void *user, const struct rg__h5_message *m)
{
    struct index *x = user;
    if (m->type == RG__H5_LAYOUT && !x->found)
        x->found = rg__h5_split_layout(x->file, m, &x->layout);
    return RG_OK;
}

/* ---- The tree -------------------------------------------------------------------------------- */

/* Which chunk has that key; -1: none, it is outside of the data set or between two chunks. */
static int64_t number_of(const struct index *x, const unsigned char *key)
{
    int rank = x->layout.n_dims - 1;
    int64_t number = 0;
    for (int i = 0; i < rank; i++) {
        uint64_t place = rg__h5_number(key + 8 + 8 * i, 8), chunk = x->layout.chunk[i];
        if (place % chunk != 0 || place / chunk >= (uint64_t)x->across[i])
            return -1;
        number = number * x->across[i] + (int64_t)(place / chunk);
    }
    return rg__h5_number(key + 8 + 8 * rank, 8) == 0 ? number : -1;
}

/* A chunk's entry in a leaf. */
static rg_status check_entry(struct index *x, const unsigned char *key, uint64_t address)
{
    uint64_t size = rg__h5_number(key, 4);
    int64_t number = number_of(x, key);
    if (number < x->next || (number > x->next && !x->may_miss))
        return fail(x, "is missing in the index, or not in its place");
    x->next = number;
    if (size > (uint64_t)x->file->size)
        return fail(x, "is stored in more bytes than the file has");
    /* Its own size, unless it is deflated; libhdf5 reads beyond one that is shorter. */
    uint64_t applied = ~rg__h5_number(key + 4, 4), sum = 0;
    for (uint64_t bits = x->fletcher32 & applied; bits; bits &= bits - 1)
        sum += 4;
    if (!(x->deflate & applied) && size != x->chunk_bytes + sum)
        return fail(x, "is stored in another number of bytes than its own");
    uint64_t rest = (uint64_t)(x->file->size - x->file->super.base);
    if (address > rest || size > rest - address)
        return fail(x, "cannot be read: it is beyond the file's end");
    x->next++;
    return RG_OK;
}

static rg_status walk(struct index *x, uint64_t address, int level);

static rg_status walk_entries(struct index *x, const unsigned char *entries, int n, int level)
{
    int key = 8 + 8 * x->layout.n_dims, width = x->file->super.address_size;
    rg_status status = RG_OK;
    for (int i = 0; i < n && status == RG_OK; i++) {
        const unsigned char *entry = entries + (size_t)i * (size_t)(key + width);
        uint64_t address = rg__h5_number(entry + key, width);
        status = level == 0 ? check_entry(x, entry, address) : walk(x, address, level - 1);
    }
    return status;
}

/* level -1: the root, of any level. No node is empty, and levels fall, so the walk ends. */
static rg_status walk(struct index *x, uint64_t address, int level)
{
    unsigned char start[8];
    int width = x->file->super.address_size, key = 8 + 8 * x->layout.n_dims;
    rg_status status = rg__h5_read_bytes(x->file, x->name, address, sizeof start, start);
    if (status != RG_OK)
        return status;
    int n = (int)rg__h5_number(start + 6, 2);
    if (memcmp(start, "TREE\1", 5) != 0 || n == 0 || start[5] > MOST_LEVELS ||
        (level >= 0 && start[5] != level))
        return fail(x, "cannot be found: its index is no tree");
    int64_t size = (int64_t)n * (key + width);
    unsigned char *entries = rg__alloc(x->file->ctx, size, 1, x->name);
    if (!entries)
        return RG_LIMIT;
    status = rg__h5_read_bytes(x->file, x->name, address + 8 + 2 * (uint64_t)width, (uint64_t)size,
                               entries);
    if (status == RG_OK)
        status = walk_entries(x, entries, n, start[5]);
    rg__free(x->file->ctx, entries);
    return status;
}

/* ---- The data set ---------------------------------------------------------------------------- */

/* Whether the file's writer said what an element is that was never written. */
static bool has_fill_value(const struct rg__h5_set *set)
{
    H5D_fill_value_t fill;
    return H5Pfill_value_defined(set->plist, &fill) >= 0 && fill == H5D_FILL_VALUE_USER_DEFINED;
}

static rg_status fail_unwritten(struct rg__h5 *file, const char *name)
{
    return rg__fail(file->ctx, RG_DAMAGED,
                    "%s: %s was never written: the file has its shape but none of its elements; "
                    "make the file again",
                    file->path, name);
}

/* The chunks along each dimension, by the property list; false when libhdf5 does not tell them. */
static bool count_chunks(struct index *x, hsize_t chunk[H5S_MAX_RANK])
{
    const struct rg__h5_info *info = &x->set->info;
    if (H5Pget_chunk(x->set->plist, H5S_MAX_RANK, chunk) != info->ndim)
        return false;
    x->n_chunks = 1;
    for (int i = 0; i < info->ndim; i++) {
        if (chunk[i] == 0)
            return false;
        x->across[i] = (info->dims[i] - 1) / (int64_t)chunk[i] + 1;
        x->n_chunks *= x->across[i]; /* not more than there are elements */
    }
    return true;
}

/* The layout message must say what libhdf5 has understood, and fit the type. */
static bool fits(struct index *x, const hsize_t chunk[H5S_MAX_RANK])
{
    const struct rg__h5_info *info = &x->set->info;
    const struct rg__h5_chunk_layout *layout = &x->layout;
    bool same = layout->n_dims == info->ndim + 1 && layout->chunk[info->ndim] == info->stored;
    x->chunk_bytes = info->stored;
    for (int i = 0; i < info->ndim && same; i++) {
        same = layout->chunk[i] == chunk[i];
        x->chunk_bytes *= chunk[i];
    }
    return same;
}

static rg_status check_tree(struct index *x, const hsize_t chunk[H5S_MAX_RANK])
{
    uint64_t none = UINT64_MAX >> (64 - 8 * x->file->super.address_size);
    x->may_miss = has_fill_value(x->set);
    if (!fits(x, chunk))
        return rg__fail(x->file->ctx, RG_DAMAGED,
                        "%s: %s: the size of its chunks does not fit its type and shape; the file "
                        "is damaged",
                        x->file->path, x->name);
    if (x->layout.address == none)
        return x->may_miss ? RG_OK : fail_unwritten(x->file, x->name);
    rg_status status = walk(x, x->layout.address, -1);
    if (status == RG_OK && x->next < x->n_chunks && !x->may_miss)
        status = fail(x, "is missing in the index");
    return status;
}

/* check_filters of read.c has refused all that are not known here. */
static void find_filters(struct index *x)
{
    for (int i = 0; i < x->n_filters && i < 32; i++) {
        unsigned flags, config;
        size_t no_values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(x->set->plist, (unsigned)i, &flags, &no_values, NULL, 0, NULL, &config);
        x->deflate |= (uint32_t)(id == H5Z_FILTER_DEFLATE) << i;
        x->fletcher32 |= (uint32_t)(id == H5Z_FILTER_FLETCHER32) << i;
    }
}

rg_status rg__h5_check_written(struct rg__h5 *file, const char *name, const struct rg__h5_set *set)
{
    struct index x = {.file = file, .name = name, .set = set};
    H5O_info_t object;
    hsize_t chunk[H5S_MAX_RANK], there = 0;
    if (set->info.count == 0)
        return RG_OK;
    if (!set->info.chunked) {
        bool unwritten =
            H5Pget_layout(set->plist) == H5D_CONTIGUOUS && H5Dget_offset(set->id) == HADDR_UNDEF;
        return unwritten && !has_fill_value(set) ? fail_unwritten(file, name) : RG_OK;
    }
    x.n_filters = H5Pget_nfilters(set->plist);
    if (x.n_filters < 0 || !count_chunks(&x, chunk) || H5Oget_info(set->id, &object) < 0)
        return rg__h5_fail(file, name, "find its chunks");
    find_filters(&x);
    rg_status status = rg__h5_read_header(file, name, object.addr, take_layout, &x);
    if (status != RG_OK)
        return status;
    if (x.found && x.layout.version <= 3)
        return check_tree(&x, chunk);
    if (H5Dget_num_chunks(set->id, set->space, &there) < 0)
        return rg__h5_fail(file, name, "find its chunks");
    if (there != (hsize_t)x.n_chunks && !has_fill_value(set))
        return there == 0 ? fail_unwritten(file, name)
                          : rg__fail(file->ctx, RG_DAMAGED,
                                     "%s: %s: %lld of its %lld chunks were written; the file was "
                                     "never finished or is damaged, make or fetch it again",
                                     file->path, name, (long long)there, (long long)x.n_chunks);
    return RG_OK;
}
