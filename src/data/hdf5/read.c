/* read.c: the numbers of a data set file, by a layout that is known to be sound.
 *
 * Lists first. They decide the order of the rows, and then every array of rows is
 * loaded once, in that order; features that can stay where they are stay mapped. */
#include "data/hdf5/layout.h"

#include "data/builder/grouping.h"
#include "data/ids.h"
#include "data/split.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    rg_context *ctx;
    rg_dataset *dataset; /* owns what is read */
    const rg_dataset_options *options;
    struct rg__h5 *file;
    const struct rg__layout *layout; /* of the split under way */
    rg_split *split;
    const int64_t *order; /* (N) the rows to take, owned by the data set; NULL: as they are */
};

static const char *name_of(const struct reader *r, enum rg__field field, char text[RG__FIELD_NAME])
{
    return rg__field_name(r->layout->split, field, text);
}

/* A row of the split under way as messages count it: in the file, from 1. */
static long long number_of(const struct reader *r, int64_t row)
{
    return (long long)(r->order ? r->order[row] : row) + 1;
}

/* ---- Arrays ---------------------------------------------------------------------------------- */

/* Where a field lies in the mapped file as `dtype`; NULL: it has to be read. */
static const void *mapped(struct reader *r, enum rg__field field, rg_dtype dtype)
{
    const struct rg__h5_info *info = &r->layout->info[field];
    if (r->options->no_map || info->offset < 0 || info->native != (int)dtype)
        return NULL;
    const char *map = rg__h5_map(r->file);
    return map ? map + info->offset : NULL;
}

/* A copy that the caller frees. */
static rg_status read_copy(struct reader *r, enum rg__field field, rg_dtype dtype, void **out)
{
    char name[RG__FIELD_NAME];
    int64_t count = r->layout->info[field].count;
    name_of(r, field, name);
    *out = rg__alloc(r->ctx, count, rg_dtype_size(dtype), name);
    if (!*out)
        return RG_LIMIT;
    rg_status status = rg__h5_read(r->file, name, dtype, count, *out);
    if (status != RG_OK) {
        rg__free(r->ctx, *out);
        *out = NULL;
    }
    return status;
}

/* The rows of `from`, each of `size` bytes, in the order under way. */
static void *reordered(struct reader *r, const void *from, size_t size)
{
    int64_t n = r->layout->n_rows;
    char *to = rg__own_new(r->dataset, n, size, "rows in their lists");
    for (int64_t row = 0; to && row < n; row++)
        memcpy(to + (size_t)row * size, (const char *)from + (size_t)r->order[row] * size, size);
    return to;
}

/* A field as the split will hold it: mapped if it may be, else read; `row_size`: bytes a row of
 * what has rows, 0 for what has none. *out stays NULL where the field is absent. */
static rg_status load(struct reader *r, enum rg__field field, rg_dtype dtype, bool may_map,
                      size_t row_size, const void **out)
{
    void *copy = NULL;
    *out = NULL;
    if (!r->layout->has[field])
        return RG_OK;
    const void *data = may_map ? mapped(r, field, dtype) : NULL;
    if (!data) {
        rg_status status = read_copy(r, field, dtype, &copy);
        if (status != RG_OK)
            return status;
        data = copy;
    }
    if (r->order && row_size > 0) {
        *out = reordered(r, data, row_size);
        rg__free(r->ctx, copy);
    } else {
        *out = copy ? rg__own(r->dataset, copy) : data;
    }
    return *out ? RG_OK : RG_LIMIT;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Offsets as they are in the file, checked; the data set owns them. */
static rg_status read_offsets(struct reader *r, int64_t **out)
{
    char name[RG__FIELD_NAME];
    void *block;
    rg_status status = read_copy(r, RG__OFFSETS, RG_I64, &block);
    int64_t *offsets = *out = status == RG_OK ? rg__own(r->dataset, block) : NULL;
    if (!offsets)
        return status == RG_OK ? RG_LIMIT : status;
    return rg__check_offsets(r->ctx, r->dataset->path, name_of(r, RG__OFFSETS, name), offsets,
                             r->layout->info[RG__OFFSETS].count - 1, r->layout->n_rows, "rows");
}

/* The same from the sizes of lists. */
static rg_status read_group(struct reader *r, int64_t **out)
{
    char name[RG__FIELD_NAME];
    void *block = NULL;
    int64_t n_lists = r->layout->info[RG__GROUP].count, n_rows = r->layout->n_rows, sum = 0;
    name_of(r, RG__GROUP, name);
    *out = rg__own_new(r->dataset, n_lists + 1, sizeof **out, name);
    rg_status status = *out ? read_copy(r, RG__GROUP, RG_I64, &block) : RG_LIMIT;
    const int64_t *sizes = block;
    for (int64_t i = 0; i < n_lists && status == RG_OK; i++) {
        if (sizes[i] < 0)
            status = rg__fail(r->ctx, RG_BAD_DATA,
                              "%s: %s: list %lld (from 1) has %lld rows; 0 or more are expected",
                              r->dataset->path, name, (long long)i + 1, (long long)sizes[i]);
        else if (__builtin_add_overflow(sum, sizes[i], &sum))
            sum = INT64_MAX;
        (*out)[i + 1] = sum;
    }
    rg__free(r->ctx, block);
    if (status == RG_OK && sum != n_rows)
        status = rg__fail(r->ctx, RG_BAD_DATA, "%s: the sizes in %s make %lld rows; there are %lld",
                          r->dataset->path, name, (long long)sum, (long long)n_rows);
    return status;
}

/* Whole numbers below 2^53, which are what a qid written as a float holds. */
static rg_status read_float_qids(struct reader *r, int64_t *numbers)
{
    char name[RG__FIELD_NAME];
    void *block;
    rg_status status = read_copy(r, RG__QID, RG_F64, &block);
    const double *values = block;
    for (int64_t i = 0; status == RG_OK && i < r->layout->n_rows; i++) {
        if (!(fabs(values[i]) < 0x1p53) || values[i] != trunc(values[i]))
            status =
                rg__fail(r->ctx, RG_BAD_DATA,
                         "%s: %s: row %lld (from 1) is %.17g; an integer or a string is "
                         "expected",
                         r->dataset->path, name_of(r, RG__QID, name), (long long)i + 1, values[i]);
        else
            numbers[i] = (int64_t)values[i];
    }
    rg__free(r->ctx, block);
    return status;
}

/* Ids of rows or lists from a field of integers or strings; the block is the caller's. */
static rg_status read_ids(struct reader *r, enum rg__field field, struct rg__ids *ids, void **block)
{
    char name[RG__FIELD_NAME];
    const struct rg__h5_info *info = &r->layout->info[field];
    rg_status status;
    *block = NULL;
    *ids = (struct rg__ids){.n = info->count, .is_unsigned = info->is_unsigned};
    if (info->class == RG__H5_STRING) {
        char **texts;
        status = rg__h5_read_strings(r->file, name_of(r, field, name), ids->n, &texts);
        ids->texts = (const char *const *)texts;
        *block = texts;
        if (status == RG_OK && field != RG__FEATURE_NAMES)
            status = rg__check_ids(r->ctx, r->dataset->path, name,
                                   field == RG__QUERY_IDS ? "list" : "row", ids->texts, ids->n);
    } else {
        status = read_copy(r, field, RG_I64, block);
        ids->numbers = *block;
        if (status == RG_OK && info->class == RG__H5_FLOAT)
            status = read_float_qids(r, *block);
    }
    return status;
}

/* Names the lists after their first rows; an empty one is "". */
static rg_status name_lists(struct reader *r, const struct rg__ids *ids)
{
    int64_t n = r->split->n_lists;
    const int64_t *offsets = r->split->offsets;
    int64_t *rows = rg__alloc(r->ctx, n, sizeof *rows, "ids");
    for (int64_t i = 0; rows && i < n; i++)
        rows[i] = offsets[i] == offsets[i + 1] ? -1 : r->order ? r->order[offsets[i]] : offsets[i];
    char **texts = rows ? rg__own(r->dataset, rg__id_texts(r->ctx, ids, rows, n)) : NULL;
    r->split->query_ids = (const char *const *)texts;
    rg__free(r->ctx, rows);
    return texts ? RG_OK : RG_LIMIT;
}

/* Lists from qid, or qid against the lists there are. */
static rg_status use_qids(struct reader *r)
{
    char name[RG__FIELD_NAME];
    struct rg__ids ids;
    struct rg__lists lists = {0};
    void *block;
    name_of(r, RG__QID, name);
    rg_status status = read_ids(r, RG__QID, &ids, &block);
    if (status == RG_OK && r->split->offsets)
        status = rg__check_agreement(r->ctx, r->dataset->path, name, &ids, r->split->offsets,
                                     r->split->n_lists);
    if (status == RG_OK)
        status = rg__find_lists(r->ctx, r->dataset->path, name, &ids,
                                r->options->regroup && !r->split->offsets, &lists);
    if (status == RG_OK && r->split->offsets) {
        rg__free(r->ctx, lists.offsets); /* the same, but for empty lists */
    } else if (status == RG_OK) {
        r->split->n_lists = lists.n_lists;
        r->split->offsets = rg__own(r->dataset, lists.offsets);
        if (lists.order)
            r->order = rg__own(r->dataset, lists.order);
        if (!r->split->offsets || (lists.order && !r->order))
            status = RG_LIMIT;
    }
    if (status == RG_OK && !r->layout->has[RG__QUERY_IDS])
        status = name_lists(r, &ids);
    rg__free(r->ctx, block);
    return status;
}

static rg_status read_lists(struct reader *r)
{
    const struct rg__layout *layout = r->layout;
    int64_t *offsets = NULL, *group = NULL;
    rg_status status = layout->has[RG__OFFSETS] ? read_offsets(r, &offsets) : RG_OK;
    if (status == RG_OK && layout->has[RG__GROUP])
        status = read_group(r, &group);
    for (int64_t i = 0; status == RG_OK && offsets && group && i <= layout->n_lists; i++)
        if (offsets[i] != group[i])
            status = rg__fail(
                r->ctx, RG_BAD_DATA,
                "%s: offsets and group disagree: list %lld ends with row %lld or %lld (from 1)",
                r->dataset->path, (long long)i, (long long)offsets[i], (long long)group[i]);
    if (status != RG_OK)
        return status;
    r->split->offsets = offsets ? offsets : group;
    r->split->n_lists = layout->n_lists < 0 ? 0 : layout->n_lists;
    if (layout->has[RG__QID])
        status = use_qids(r);
    else if (!r->split->offsets && r->options->needs_lists)
        status = rg__fail(r->ctx, RG_BAD_DATA,
                          "%s: /%s has neither qid nor offsets nor group; one of them tells which "
                          "rows are a list",
                          r->dataset->path, layout->split);
    if (status == RG_OK)
        status = rg__hdf5_check_lists(r->ctx, r->dataset->path, layout, r->split->n_lists);
    return status;
}

/* ---- Features -------------------------------------------------------------------------------- */

static rg_status read_dense(struct reader *r)
{
    rg_dtype dtype = r->layout->info[RG__FEATURES].as_float;
    const void *data;
    rg_status status = load(r, RG__FEATURES, dtype, true,
                            (size_t)r->layout->n_features * rg_dtype_size(dtype), &data);
    r->split->features =
        (rg_tensor){.dtype = dtype, .ndim = 2, .dims = {r->layout->n_rows, r->layout->n_features}};
    /* A tensor may be written to; one of a data set is only read. */
    memcpy(&r->split->features.data, &data, sizeof data);
    r->split->mapped = data && data == mapped(r, RG__FEATURES, dtype);
    return status;
}

struct entry {
    int32_t column;
    double value;
};

static int by_column(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->column > b->column) - (a->column < b->column);
}

/* A row of sparse features under way: `from` entries on, in the file; `to` on, in the split. */
static void copy_row(rg_dtype dtype, const int32_t *columns, const void *data, int64_t from,
                     struct entry *row, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        row[k] = (struct entry){columns[from + k], dtype == RG_F32
                                                       ? (double)((const float *)data)[from + k]
                                                       : ((const double *)data)[from + k]};
    if (n > 0)
        qsort(row, (size_t)n, sizeof *row, by_column);
}

/* Whether the columns of every row ascend. */
static bool is_sorted(const rg_csr *csr)
{
    bool sorted = true;
    for (int64_t row = 0; row < csr->n_rows; row++)
        for (int64_t k = csr->indptr[row] + 1; k < csr->indptr[row + 1]; k++)
            sorted &= csr->indices[k] >= csr->indices[k - 1];
    return sorted;
}

/* Replaces the arrays by others: rows in order, columns ascending within each. */
static rg_status rearrange(struct reader *r)
{
    rg_csr *csr = &r->split->csr;
    int64_t n = csr->n_rows, nnz = csr->indptr[n], longest = rg__longest_list(csr->indptr, n);
    size_t size = rg_dtype_size(csr->dtype);
    int64_t *indptr = rg__own_new(r->dataset, n + 1, sizeof *indptr, "sparse rows");
    int32_t *columns = rg__own_new(r->dataset, nnz, sizeof *columns, "sparse rows");
    char *data = rg__own_new(r->dataset, nnz, size, "sparse rows");
    struct entry *entries = rg__alloc(r->ctx, longest, sizeof *entries, "a sparse row");
    bool ready = indptr && columns && data && entries;
    for (int64_t row = 0; ready && row < n; row++) {
        int64_t source = r->order ? r->order[row] : row, to = indptr[row];
        int64_t from = csr->indptr[source], count = csr->indptr[source + 1] - from;
        copy_row(csr->dtype, csr->indices, csr->data, from, entries, count);
        for (int64_t k = 0; k < count; k++) {
            columns[to + k] = entries[k].column;
            rg__cast(RG_F64, &entries[k].value, csr->dtype, data + (size_t)(to + k) * size, 1);
        }
        indptr[row + 1] = to + count;
    }
    rg__free(r->ctx, entries);
    if (!ready)
        return RG_LIMIT;
    csr->indptr = indptr;
    csr->indices = columns;
    csr->data = data;
    return RG_OK;
}

static rg_status read_sparse(struct reader *r)
{
    rg_csr *csr = &r->split->csr;
    const void *indptr, *indices, *data;
    char name[RG__FIELD_NAME];
    csr->n_rows = r->layout->n_rows;
    csr->n_cols = r->layout->n_features;
    csr->dtype = r->layout->info[RG__DATA].as_float == RG_F64 ? RG_F64 : RG_F32;
    rg_status status = load(r, RG__INDPTR, RG_I64, true, 0, &indptr);
    if (status == RG_OK)
        status = load(r, RG__INDICES, RG_I32, true, 0, &indices);
    if (status == RG_OK)
        status = load(r, RG__DATA, csr->dtype, true, 0, &data);
    if (status != RG_OK)
        return status;
    csr->indptr = indptr;
    csr->indices = indices;
    csr->data = data;
    status = rg__check_offsets(r->ctx, r->dataset->path, name_of(r, RG__INDPTR, name), csr->indptr,
                               csr->n_rows, r->layout->info[RG__INDICES].count, "indices");
    if (status == RG_OK && (r->order || !is_sorted(csr)))
        status = rearrange(r);
    if (status != RG_OK)
        return status;
    return rg__check_columns(r->ctx, r->dataset->path, name_of(r, RG__INDICES, name), csr,
                             r->order);
}

/* ---- What goes with the rows ----------------------------------------------------------------- */

/* NaN and infinities are errors, but for rows that are not there. */
static rg_status check_finite(struct reader *r, enum rg__field field, const double *values)
{
    char name[RG__FIELD_NAME];
    bool rows = field != RG__LIST_WEIGHTS;
    int64_t n = rows ? r->split->n_rows : r->split->n_lists;
    for (int64_t i = 0; values && i < n; i++)
        if (!isfinite(values[i]) && (!rows || rg__row_is_there(r->split, i)))
            return rg__fail(
                r->ctx, RG_BAD_DATA, "%s: %s: %s %lld (from 1) is %s; a finite number is expected",
                r->dataset->path, name_of(r, field, name), rows ? "row" : "list",
                rows ? number_of(r, i) : (long long)i + 1, isnan(values[i]) ? "NaN" : "infinite");
    return RG_OK;
}

static rg_status check_positions(struct reader *r)
{
    char name[RG__FIELD_NAME];
    const int64_t *positions = r->split->positions;
    for (int64_t i = 0; positions && i < r->split->n_rows; i++)
        if (positions[i] < 1 && rg__row_is_there(r->split, i))
            return rg__fail(r->ctx, RG_BAD_DATA,
                            "%s: %s: row %lld (from 1) is %lld; positions count from 1",
                            r->dataset->path, name_of(r, RG__POSITIONS, name), number_of(r, i),
                            (long long)positions[i]);
    return RG_OK;
}

/* Grades of 0 to 255, whatever integers the file holds. */
static rg_status read_subtopics(struct reader *r)
{
    char name[RG__FIELD_NAME];
    const void *read;
    const struct rg__h5_info *info = &r->layout->info[RG__SUBTOPICS];
    bool are_bytes = info->class == RG__H5_INTEGER && info->is_unsigned && info->size == 1;
    int64_t n = r->layout->has[RG__SUBTOPICS] ? info->dims[1] : 0;
    rg_dtype type = are_bytes ? RG_U8 : RG_I64;
    rg_status status = load(r, RG__SUBTOPICS, type, false, (size_t)n * rg_dtype_size(type), &read);
    if (status != RG_OK || !read)
        return status;
    r->split->n_subtopics = n;
    r->split->subtopics = are_bytes ? read : NULL;
    if (are_bytes)
        return RG_OK;
    const int64_t *grades = read;
    uint8_t *bytes =
        rg__own_new(r->dataset, r->split->n_rows * n, 1, name_of(r, RG__SUBTOPICS, name));
    for (int64_t i = 0; bytes && i < r->split->n_rows * n; i++) {
        bool is_there = rg__row_is_there(r->split, i / n);
        if (is_there && (grades[i] < 0 || grades[i] > UINT8_MAX))
            return rg__fail(
                r->ctx, RG_BAD_DATA,
                "%s: %s: the grade of row %lld for subtopic %lld (both from 1) is %lld; 0 "
                "to 255 is expected",
                r->dataset->path, name, number_of(r, i / n), (long long)(i % n) + 1,
                (long long)grades[i]);
        bytes[i] = is_there ? (uint8_t)grades[i] : 0;
    }
    r->split->subtopics = bytes;
    return bytes ? RG_OK : RG_LIMIT;
}

static rg_status read_numbers(struct reader *r)
{
    rg_split *split = r->split;
    const void *mask, *labels, *weights, *list_weights, *positions;
    rg_status status = load(r, RG__MASK, RG_BOOL, false, 1, &mask);
    if (status == RG_OK)
        status = load(r, RG__LABELS, RG_F64, false, sizeof(double), &labels);
    if (status == RG_OK)
        status = load(r, RG__WEIGHTS, RG_F64, false, sizeof(double), &weights);
    if (status == RG_OK)
        status = load(r, RG__LIST_WEIGHTS, RG_F64, false, 0, &list_weights);
    if (status == RG_OK)
        status = load(r, RG__POSITIONS, RG_I64, false, sizeof(int64_t), &positions);
    if (status != RG_OK)
        return status;
    split->mask = mask;
    split->labels = labels;
    split->weights = weights;
    split->list_weights = list_weights;
    split->positions = positions;
    status = check_finite(r, RG__LABELS, labels);
    if (status == RG_OK)
        status = check_finite(r, RG__WEIGHTS, weights);
    if (status == RG_OK)
        status = check_finite(r, RG__LIST_WEIGHTS, list_weights);
    if (status == RG_OK)
        status = check_positions(r);
    return status == RG_OK ? read_subtopics(r) : status;
}

/* Ids and names as strings of the data set's. */
static rg_status read_texts(struct reader *r, enum rg__field field, const char *const **out)
{
    struct rg__ids ids;
    void *block;
    if (!r->layout->has[field])
        return RG_OK;
    rg_status status = read_ids(r, field, &ids, &block);
    if (status == RG_OK && !ids.texts) {
        char **texts = rg__id_texts(r->ctx, &ids, NULL, ids.n);
        rg__free(r->ctx, block);
        block = texts;
        status = texts ? RG_OK : RG_LIMIT;
    }
    if (status != RG_OK) {
        rg__free(r->ctx, block);
        return status;
    }
    *out = rg__own(r->dataset, block);
    if (*out && r->order && field == RG__DOC_IDS)
        *out = reordered(r, *out, sizeof **out);
    return *out ? RG_OK : RG_LIMIT;
}

static rg_status read_split(struct reader *r)
{
    rg_split *split = r->split;
    *split = (rg_split){
        .name = r->layout->split, .n_rows = r->layout->n_rows, .n_features = r->layout->n_features};
    r->order = NULL;
    rg_status status = read_lists(r);
    if (status == RG_OK)
        status = r->layout->sparse ? read_sparse(r) : read_dense(r);
    if (status == RG_OK)
        status = read_numbers(r);
    if (status == RG_OK)
        status = read_texts(r, RG__QUERY_IDS, &split->query_ids);
    if (status == RG_OK)
        status = read_texts(r, RG__DOC_IDS, &split->doc_ids);
    if (status == RG_OK)
        status = read_texts(r, RG__FEATURE_NAMES, &split->feature_names);
    return status;
}

rg_status rg__hdf5_open(rg_dataset *dataset, const rg_dataset_options *options)
{
    struct rg__layout *layouts = NULL;
    struct reader r = {.ctx = dataset->ctx, .dataset = dataset, .options = options};
    int n = 0;
    rg_status status = rg__h5_open(dataset->ctx, dataset->path, &r.file);
    if (status != RG_OK)
        return status;
    layouts = rg__alloc(r.ctx, RG__MAX_SPLITS, sizeof *layouts, "the layout of a data set");
    status = layouts ? rg__hdf5_layout(r.ctx, dataset->path, r.file, layouts, &n) : RG_LIMIT;
    for (int i = 0; i < n && status == RG_OK; i++) {
        r.layout = &layouts[i];
        r.split = &dataset->splits[i];
        status = read_split(&r);
    }
    if (status == RG_OK)
        status = rg__hdf5_log_unused(r.ctx, dataset->path, r.file, layouts, n);
    dataset->n_splits = status == RG_OK ? n : 0;
    rg__h5_detach(r.file, &dataset->map, &dataset->map_size);
    rg__h5_close(r.file);
    rg__free(r.ctx, layouts);
    return status;
}
