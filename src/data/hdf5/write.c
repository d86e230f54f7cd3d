/* write.c: splits into a data set file; see docs/file-format.md.
 *
 * An rg_split is an open struct that anybody may have filled, so it is checked before
 * the first byte is written; then the writer's errors wait until the commit. */
#include "data/hdf5/layout.h"

#include "data/columns.h"
#include "data/ids.h"
#include "data/split.h"
#include "tensor/tensor.h"

#include <rankgrad/output.h>

#include <stdio.h>
#include <string.h>

/* A split under way. */
struct target {
    rg_context *ctx;
    const char *path;
    struct rg__h5_writer *writer;
    const rg_split *split;
};

/* ---- Checks ---------------------------------------------------------------------------------- */

/* One split named "", or up to three of different names. */
static rg_status check_names(rg_context *ctx, const char *path, const rg_split *const *splits,
                             int n_splits)
{
    int seen[RG__MAX_SPLITS] = {0};
    if (n_splits == 1 && splits[0]->name && splits[0]->name[0] == '\0')
        return RG_OK;
    bool sound = n_splits >= 1;
    for (int i = 0; i < n_splits && sound; i++) {
        int k = splits[i]->name ? rg__find_name(rg__split_names, splits[i]->name) : -1;
        sound = k >= 0 && seen[k]++ == 0;
    }
    if (sound)
        return RG_OK;
    return rg__fail(ctx, RG_USAGE,
                    "%s: not written: a file holds one split named \"\", or train, "
                    "vali and test, each at most once",
                    path);
}

/* Names are sound. */
static rg_status check_split(rg_context *ctx, const char *path, const rg_split *split)
{
    char what[1024]; /* as long as an error message may be */
    snprintf(what, sizeof what, "%.900s: not written%s%s", path, split->name[0] ? ": /" : "",
             split->name);
    rg_status status = rg__check_split(ctx, split, what);
    if (status == RG_OK)
        status = rg__check_ids(ctx, what, "query_ids", "list", split->query_ids, split->n_lists);
    if (status == RG_OK)
        status = rg__check_ids(ctx, what, "doc_ids", "row", split->doc_ids, split->n_rows);
    return status;
}

/* Gives all splits the columns of the first one that has feature names. */
static rg_status match_splits(rg_context *ctx, const char *path, const rg_split *const *splits,
                              int n_splits, struct rg__matched *matched)
{
    char what[512], owner[512];
    const rg_split *first = splits[0];
    for (int i = n_splits - 1; i >= 0; i--)
        if (rg__has_names(splits[i]->feature_names, splits[i]->n_features))
            first = splits[i];
    const struct rg__columns wanted = {owner, first->n_features, first->feature_names};
    snprintf(owner, sizeof owner, "the split %.10s%s%.400s", first->name, first->path ? " of " : "",
             first->path ? first->path : "");
    for (int i = 0; i < n_splits; i++) {
        snprintf(what, sizeof what, "%.400s%s: the split %.10s",
                 splits[i]->path ? splits[i]->path : path, splits[i]->path ? "" : ": not written",
                 splits[i]->name);
        rg_status status = rg__match_columns(ctx, what, splits[i], &wanted, &matched[i]);
        if (status != RG_OK)
            return status;
    }
    return RG_OK;
}

/* ---- Features -------------------------------------------------------------------------------- */

/* The features of a split with a column map as an array of their own; freed by rg__free. */
static rg_status gather_columns(rg_context *ctx, const rg_split *split, rg_tensor *out)
{
    size_t size = (size_t)split->n_features * rg_dtype_size(split->features.dtype);
    char *rows = rg__alloc_uninitialized(ctx, split->n_rows, size, "features in another order");
    *out = (rg_tensor){split->features.dtype, 2, {split->n_rows, split->n_features}, rows};
    for (int64_t row = 0; rows && row < split->n_rows; row++)
        rg__copy_row(split, row, rows + (size_t)row * size);
    return rows ? RG_OK : RG_LIMIT;
}

static void name_field(const struct target *t, enum rg__field field, char text[RG__FIELD_NAME])
{
    rg__field_name(t->split->name, field, text);
}

static void write_field(const struct target *t, enum rg__field field, rg_dtype dtype, int64_t n,
                        const void *data)
{
    char name[RG__FIELD_NAME];
    name_field(t, field, name);
    if (data)
        rg__h5_write(t->writer, name, dtype, 1, &n, data);
}

/* As AnnData's sparse_dataset stores a csr_matrix. */
static void write_csr(const struct target *t, const rg_csr *csr)
{
    char group[RG__FIELD_NAME];
    int64_t shape[2] = {csr->n_rows, csr->n_cols}, nnz = csr->indptr[csr->n_rows];
    name_field(t, RG__FEATURES, group);
    rg__h5_write_group(t->writer, group);
    rg__h5_write_attribute(t->writer, group, "encoding-type", "csr_matrix");
    rg__h5_write_attribute(t->writer, group, "encoding-version", "0.1.0");
    rg__h5_write_attribute_i64(t->writer, group, "shape", 2, shape);
    write_field(t, RG__DATA, csr->dtype, nnz, nnz > 0 ? csr->data : "");
    write_field(t, RG__INDICES, RG_I32, nnz, nnz > 0 ? (const void *)csr->indices : "");
    write_field(t, RG__INDPTR, RG_I64, csr->n_rows + 1, csr->indptr);
}

/* +0 alone has no bit set: -0 and NaN are kept. */
static bool is_zero(const char *element, size_t size)
{
    static const char zero[sizeof(double)];
    return memcmp(element, zero, size) == 0;
}

/* Dense rows as sparse ones; the arrays are the caller's, freed by rg__free also on failure. */
static rg_status make_sparse(rg_context *ctx, const rg_tensor *x, int64_t **indptr,
                             int32_t **indices, char **data, rg_csr *csr)
{
    int64_t n = x->dims[0], n_cols = x->dims[1], nnz = 0;
    size_t size = rg_dtype_size(x->dtype);
    const char *element = x->data;
    rg_dtype dtype = x->dtype == RG_F64 ? RG_F64 : RG_F32;
    for (int64_t i = 0; i < n * n_cols; i++)
        nnz += !is_zero(element + (size_t)i * size, size);
    *indptr = rg__alloc(ctx, n + 1, sizeof **indptr, "sparse rows");
    *indices = rg__alloc(ctx, nnz, sizeof **indices, "sparse rows");
    *data = rg__alloc(ctx, nnz, rg_dtype_size(dtype), "sparse rows");
    if (!*indptr || !*indices || !*data)
        return RG_LIMIT;
    int64_t k = 0;
    for (int64_t row = 0; row < n; row++) {
        for (int64_t column = 0; column < n_cols; column++, element += size) {
            if (is_zero(element, size))
                continue;
            (*indices)[k] = (int32_t)column;
            rg__cast(x->dtype, element, dtype, *data + (size_t)k * rg_dtype_size(dtype), 1);
            k++;
        }
        (*indptr)[row + 1] = k;
    }
    *csr = (rg_csr){n, n_cols, *indptr, *indices, dtype, *data};
    return RG_OK;
}

static rg_status write_as_sparse(const struct target *t, const rg_tensor *x)
{
    int64_t *indptr = NULL;
    int32_t *indices = NULL;
    char *data = NULL;
    rg_csr csr;
    if (t->split->n_features > INT32_MAX)
        return rg__fail(t->ctx, RG_LIMIT, "%s: %lld features; sparse rows have at most 2^31 - 1",
                        t->path, (long long)t->split->n_features);
    rg_status status = make_sparse(t->ctx, x, &indptr, &indices, &data, &csr);
    if (status == RG_OK)
        write_csr(t, &csr);
    rg__free(t->ctx, indptr);
    rg__free(t->ctx, indices);
    rg__free(t->ctx, data);
    return status;
}

/* ---- The split ------------------------------------------------------------------------------- */

/* Strings as they are, or "" for those that are NULL. */
static rg_status write_texts(const struct target *t, enum rg__field field, int64_t n,
                             const char *const *texts)
{
    char name[RG__FIELD_NAME];
    if (!texts)
        return RG_OK;
    const char **whole = rg__alloc(t->ctx, n, sizeof *whole, "strings");
    if (!whole)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++)
        whole[i] = texts[i] ? texts[i] : "";
    name_field(t, field, name);
    rg__h5_write_strings(t->writer, name, n, whole);
    rg__free(t->ctx, (void *)whole);
    return RG_OK;
}

/* The file holds 0 and 1; in memory whatever is not 0 is true. */
static rg_status write_mask(const struct target *t)
{
    int64_t n = t->split->n_rows;
    if (!t->split->mask)
        return RG_OK;
    uint8_t *mask = rg__alloc(t->ctx, n, 1, "mask");
    if (!mask)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++)
        mask[i] = t->split->mask[i] != 0;
    write_field(t, RG__MASK, RG_BOOL, n, mask);
    rg__free(t->ctx, mask);
    return RG_OK;
}

static rg_status write_features(const struct target *t, bool sparse)
{
    char name[RG__FIELD_NAME];
    const rg_split *s = t->split;
    rg_tensor x = s->features, gathered = {.data = NULL};
    rg_status status = RG_OK;
    if (s->csr.indptr) {
        write_csr(t, &s->csr);
        return RG_OK;
    }
    if (s->columns) {
        status = gather_columns(t->ctx, s, &gathered);
        x = gathered;
    }
    if (status == RG_OK && sparse) {
        status = write_as_sparse(t, &x);
    } else if (status == RG_OK) {
        name_field(t, RG__FEATURES, name);
        rg__h5_write(t->writer, name, x.dtype, 2, x.dims, x.data);
    }
    rg__free(t->ctx, gathered.data);
    return status;
}

static rg_status write_split(const struct target *t, bool sparse)
{
    const rg_split *s = t->split;
    if (s->name[0]) {
        char group[RG__FIELD_NAME] = "/";
        strncat(group, s->name, sizeof group - 2);
        rg__h5_write_group(t->writer, group);
    }
    rg_status status = write_features(t, sparse);
    write_field(t, RG__LABELS, RG_F64, s->n_rows, s->labels);
    write_field(t, RG__OFFSETS, RG_I64, s->n_lists + 1, s->offsets);
    write_field(t, RG__WEIGHTS, RG_F64, s->n_rows, s->weights);
    write_field(t, RG__LIST_WEIGHTS, RG_F64, s->n_lists, s->list_weights);
    write_field(t, RG__POSITIONS, RG_I64, s->n_rows, s->positions);
    if (s->subtopics) {
        char name[RG__FIELD_NAME];
        const int64_t dims[2] = {s->n_rows, s->n_subtopics};
        name_field(t, RG__SUBTOPICS, name);
        rg__h5_write(t->writer, name, RG_U8, 2, dims, s->subtopics);
    }
    if (status == RG_OK)
        status = write_mask(t);
    if (status == RG_OK)
        status = write_texts(t, RG__QUERY_IDS, s->n_lists, s->query_ids);
    if (status == RG_OK)
        status = write_texts(t, RG__DOC_IDS, s->n_rows, s->doc_ids);
    if (status == RG_OK)
        status = write_texts(t, RG__FEATURE_NAMES, s->n_features, s->feature_names);
    return status;
}

/* Writes sound splits that have the same columns. */
static rg_status write_file(rg_context *ctx, const char *path, const struct rg__matched *matched,
                            int n_splits, const rg_write_options *o)
{
    struct target target = {.ctx = ctx, .path = path};
    rg_status status = rg__h5_begin(ctx, path, o->compress, &target.writer);
    if (status != RG_OK)
        return status;
    rg__h5_write_attribute(target.writer, "/", "format", RG__DATASET_FORMAT);
    rg__h5_write_attribute(target.writer, "/", "format_version", RG__DATASET_VERSION);
    for (int i = 0; i < n_splits && status == RG_OK; i++) {
        target.split = &matched[i].split;
        status = write_split(&target, o->sparse);
    }
    if (status == RG_OK)
        return rg__h5_commit(target.writer);
    rg__h5_abandon(target.writer);
    return status;
}

rg_status rg_dataset_write(rg_context *ctx, const char *path, const rg_split *const *splits,
                           int n_splits, const rg_write_options *options)
{
    rg_write_options o = options ? *options : rg_write_options_default();
    struct rg__matched matched[RG__MAX_SPLITS] = {{0}};
    rg_status status = rg__require(ctx, "rg_dataset_write", "path", path, "splits", splits, NULL);
    for (int i = 0; i < n_splits && status == RG_OK; i++)
        status = rg__require(ctx, "rg_dataset_write", "splits[i]", splits[i], NULL);
    if (status == RG_OK)
        status = check_names(ctx, path, splits, n_splits);
    for (int i = 0; i < n_splits && status == RG_OK; i++)
        status = check_split(ctx, path, splits[i]);
    if (status == RG_OK)
        status = match_splits(ctx, path, splits, n_splits, matched);
    if (status == RG_OK)
        status = rg_output_check(
            ctx, path, &(rg_output_options){.format = RG__DATASET_FORMAT, .force = o.force});
    if (status == RG_OK)
        status = write_file(ctx, path, matched, n_splits, &o);
    for (int i = 0; i < RG__MAX_SPLITS; i++)
        rg__matched_free(&matched[i]);
    return status;
}
