/* chunks.c: data sets in chunks, decoded by the workers.
 *
 * Libhdf5 only finds the chunks. The caller's thread fetches their stored bytes, many
 * at a time; then each worker undoes the filters of one chunk and puts it in its place, which
 * belongs to no other.
 *
 * Why not H5Dget_chunk_info and a pread by each worker: it walks the index from its start to the
 * chunk, so that all of them take the square of their number. H5Dread_chunk looks it up, and reads
 * through our driver. A chunk is 2-D here; a vector is one row.
 */
#include "base/pool.h"
#include "hdf5/private.h"

#include <stdio.h>
#include <string.h>

enum {
    SHARE = 8 << 20, /* stored bytes that are fetched at a time, for each worker */
    SPARE = 16 << 20,
    MOST_FILTERS = 32,
    TEXT = 320
};

struct filter {
    rg__h5_undo *undo;
    unsigned value;
};

/* A chunk as it was fetched. */
struct piece {
    int64_t number, offset; /* of the chunk in the data set, row-major; of its bytes in `bytes` */
    size_t size;
    uint32_t skipped; /* bit i: filter i was not applied */
};

struct job {
    struct rg__h5 *file;
    const char *name;
    const struct rg__h5_set *set;
    char *to;                                    /* (dims[0], dims[1]) elements of `size` bytes */
    int64_t dims[2], shape[2], across, n_chunks; /* shape: of a chunk; across: chunks in a row */
    size_t size, chunk_size, room;               /* room: of a chunk on its way, in bytes */
    struct filter filters[MOST_FILTERS];         /* as they were applied */
    int n_filters;
    bool whole_only; /* a chunk that reaches beyond the data set has not been filtered */
    struct rg__pool *pool;
    unsigned char **scratch; /* (workers) 2 * room bytes each; NULL: not had yet */
    void *bytes, *pieces;    /* the fetched ones; struct piece */
    int64_t n_bytes, bytes_capacity, n_pieces, pieces_capacity;
};

/* "/features: chunk 3 of 6 (from 1)" */
static const char *title(const struct job *job, int64_t number, char text[TEXT])
{
    snprintf(text, TEXT, "%.255s: chunk %lld of %lld (from 1)", job->name, (long long)number + 1,
             (long long)job->n_chunks);
    return text;
}

static rg_status damaged(rg_context *ctx, const struct job *job, int64_t number, const char *what)
{
    char text[TEXT];
    return rg__fail(ctx, RG_DAMAGED, "%s: %s %s; the file is damaged, make or fetch it again",
                    job->file->path, title(job, number, text), what);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- One chunk ------------------------------------------------------------------------------- */

/* Where a chunk begins, and how much of it lies in the data set. */
static void locate(const struct job *job, int64_t number, int64_t at[2], int64_t inside[2])
{
    at[0] = number / job->across * job->shape[0];
    at[1] = number % job->across * job->shape[1];
    for (int i = 0; i < 2; i++)
        inside[i] = least(job->dims[i] - at[i], job->shape[i]);
}

static rg_status decode(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct job *job = user;
    const struct piece *piece = (const struct piece *)job->pieces + i;
    unsigned char **scratch = &job->scratch[worker];
    if (!*scratch && !(*scratch = rg__alloc(ctx, 2, job->room, "decoding a chunk")))
        return RG_LIMIT;
    int64_t at[2], inside[2];
    locate(job, piece->number, at, inside);
    bool whole = inside[0] == job->shape[0] && inside[1] == job->shape[1];
    uint32_t skipped = whole || !job->whole_only ? piece->skipped : UINT32_MAX;
    struct rg__h5_bytes b = {.ctx = ctx,
                             .at = (unsigned char *)job->bytes + piece->offset,
                             .size = piece->size,
                             .scratch = *scratch,
                             .next = *scratch,
                             .room = job->room};
    for (int k = job->n_filters - 1; k >= 0; k--)
        if (!(skipped >> k & 1) && !job->filters[k].undo(&b, job->filters[k].value))
            return b.wrong ? damaged(ctx, job, piece->number, b.wrong) : RG_LIMIT;
    if (b.size != job->chunk_size)
        return damaged(ctx, job, piece->number, "has, decoded, another size than its own");
    for (int64_t row = 0; row < inside[0]; row++)
        memcpy(job->to + (size_t)((at[0] + row) * job->dims[1] + at[1]) * job->size,
               b.at + (size_t)(row * job->shape[1]) * job->size, (size_t)inside[1] * job->size);
    return RG_OK;
}

/* ---- All chunks ------------------------------------------------------------------------------ */

/* Fetches one chunk; *there: whether libhdf5 finds it. Of one that is missing HDF5 1.10 says that
 * its size cannot be told, so that a damaged index is left to H5Dread as well. */
static rg_status fetch(struct job *job, int64_t number, bool *there)
{
    char text[TEXT];
    int64_t at[2], inside[2];
    hsize_t size = 0, offset[2];
    rg_context *ctx = job->file->ctx;
    locate(job, number, at, inside);
    for (int i = 0; i < 2; i++)
        offset[i] = (hsize_t)at[i];
    const hsize_t *where = offset + 2 - job->set->info.ndim;
    *there = H5Dget_chunk_storage_size(job->set->id, where, &size) >= 0 && size > 0;
    if (!*there)
        return job->file->channel.failed;
    if (size > (hsize_t)job->file->size)
        return damaged(ctx, job, number, "is stored in more bytes than the file has");
    if (!rg__grow(ctx, &job->pieces, &job->pieces_capacity, job->n_pieces + 1, sizeof(struct piece),
                  job->name) ||
        !rg__grow(ctx, &job->bytes, &job->bytes_capacity, job->n_bytes + (int64_t)size, 1,
                  job->name))
        return RG_LIMIT;
    struct piece *piece = (struct piece *)job->pieces + job->n_pieces;
    *piece = (struct piece){number, job->n_bytes, (size_t)size, 0};
    if (H5Dread_chunk(job->set->id, H5P_DEFAULT, where, &piece->skipped,
                      (char *)job->bytes + piece->offset) < 0)
        return rg__h5_fail(job->file, title(job, number, text), "read it");
    job->n_pieces++;
    job->n_bytes += (int64_t)size;
    return RG_OK;
}

/* Each worker's share, or a chunk for each. A failure waits until the chunks in front of it are
 * decoded, for their errors are reported first, whatever the number of workers. */
static rg_status read_all(struct job *job, bool *complete)
{
    rg_status status = RG_OK;
    int64_t workers = rg__pool_size(job->pool), next = 0;
    for (*complete = true; next < job->n_chunks && *complete && status == RG_OK;) {
        job->n_pieces = job->n_bytes = 0;
        while (next < job->n_chunks && *complete && status == RG_OK &&
               (job->n_pieces < workers || job->n_bytes < workers * SHARE))
            status = fetch(job, next++, complete);
        rg_status decoded = rg__pool_run(job->pool, job->n_pieces, decode, job);
        status = decoded == RG_OK ? status : decoded;
    }
    return status;
}

/* False where chunks are not what is decoded here: so far beyond the data set that the workers
 * would hold far more than it, where libhdf5 holds one at a time; but strings are never left to
 * it. */
static bool describe(struct job *job)
{
    const struct rg__h5_info *info = &job->set->info;
    hid_t plist = job->set->plist;
    hsize_t shape[2] = {1, 1};
    unsigned options, flags, config;
    job->n_filters = H5Pget_nfilters(plist);
    if (!info->chunked || info->ndim < 1 || info->ndim > 2 || job->n_filters < 0 ||
        job->n_filters > MOST_FILTERS || H5Pget_chunk_opts(plist, &options) < 0 ||
        H5Pget_chunk(plist, info->ndim, shape + 2 - info->ndim) != info->ndim)
        return false;
    for (int i = 0; i < job->n_filters; i++) {
        unsigned value = 0;
        size_t n_values = 1;
        rg__h5_undo *undo = rg__h5_find_filter(
            H5Pget_filter2(plist, (unsigned)i, &flags, &n_values, &value, 0, NULL, &config));
        if (!undo)
            return false;
        job->filters[i] = (struct filter){undo, value};
    }
    job->whole_only = options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS;
    job->size = info->stored;
    job->dims[0] = info->ndim == 2 ? info->dims[0] : 1;
    job->dims[1] = info->dims[info->ndim - 1];
    for (int i = 0; i < 2; i++)
        job->shape[i] = (int64_t)shape[i];
    job->across = (job->dims[1] - 1) / job->shape[1] + 1;
    job->n_chunks = ((job->dims[0] - 1) / job->shape[0] + 1) * job->across;
    job->chunk_size = (size_t)(job->shape[0] * job->shape[1]) * job->size;
    job->room = job->chunk_size + job->chunk_size / 64 + 1024; /* deflate and checksums add a bit */
    size_t bytes = (size_t)info->count * info->stored;
    return info->variable || job->chunk_size / 4 <= (bytes + SPARE) / (size_t)job->n_chunks;
}

rg_status rg__h5_read_chunks(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                             void *to, bool *complete)
{
    rg_context *ctx = file->ctx;
    struct job job = {.file = file, .name = name, .set = set, .to = to};
    *complete = false;
    if (!describe(&job))
        return RG_OK;
    job.pool = rg__pool(ctx);
    int n_workers = job.pool ? rg__pool_size(job.pool) : 0;
    job.scratch = job.pool ? rg__alloc(ctx, n_workers, sizeof *job.scratch, name) : NULL;
    rg_status status = job.scratch ? read_all(&job, complete) : RG_LIMIT;
    for (int i = 0; i < n_workers && job.scratch; i++)
        rg__free(ctx, job.scratch[i]);
    rg__free(ctx, job.scratch);
    rg__free(ctx, job.bytes);
    rg__free(ctx, job.pieces);
    return status;
}
