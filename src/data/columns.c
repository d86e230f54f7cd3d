/* columns.c: matching the columns of a split by name; see columns.h. */
#include "data/columns.h"

#include "data/listing.h"
#include "data/split.h"
#include "tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

/* A name and its column. An absent name is the empty one. */
struct named {
    const char *name;
    int64_t column;
};

static const char *name_at(const char *const *names, int64_t i)
{
    return names[i] ? names[i] : "";
}

bool rg__has_names(const char *const *names, int64_t n)
{
    for (int64_t i = 0; names && i < n; i++)
        if (*name_at(names, i))
            return true;
    return false;
}

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->column > b->column) - (a->column < b->column);
}

/* The names in sorted order; NULL: error recorded. */
static struct named *sort_names(rg_context *ctx, const char *const *names, int64_t n)
{
    struct named *sorted = rg__alloc(ctx, n, sizeof *sorted, "feature names");
    for (int64_t i = 0; sorted && i < n; i++)
        sorted[i] = (struct named){name_at(names, i), i};
    if (sorted)
        qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    return sorted;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void add_name(struct rg__listing *list, const char *name)
{
    rg__listing_add(list, "'%.48s'", name);
}

static rg_status fail_duplicate(rg_context *ctx, const char *who, const struct named *first)
{
    return rg__fail(
        ctx, RG_BAD_DATA,
        "%s: features %lld and %lld (from 1) have the same name '%.56s', and the "
        "features are in another order than expected, so that they cannot be matched by "
        "name; make the names unique",
        who, (long long)first[0].column + 1, (long long)first[1].column + 1, first->name);
}

/* Logs what the match has changed. */
static void log_match(rg_context *ctx, const char *what, const rg_split *split,
                      const struct rg__columns *wanted, const int64_t *columns)
{
    bool moved = false;
    struct rg__listing extra = {.n = 0};
    for (int64_t j = 1; j < wanted->n; j++)
        moved |= columns[j] < columns[j - 1];
    if (moved)
        rg__log(ctx, RG_LOG_INFO,
                "%s has its features in another order than %s; they are matched by name", what,
                wanted->owner);
    if (split->n_features == wanted->n)
        return;
    char *used = rg__alloc(ctx, split->n_features, 1, "feature names");
    for (int64_t j = 0; used && j < wanted->n; j++)
        used[columns[j]] = 1;
    for (int64_t j = 0; used && j < split->n_features; j++)
        if (!used[j])
            add_name(&extra, name_at(split->feature_names, j));
    rg__free(ctx, used);
    rg__log(ctx, RG_LOG_INFO, "%s has %lld feature%s that %s has not, ignored: %s", what,
            (long long)(split->n_features - wanted->n),
            split->n_features - wanted->n == 1 ? "" : "s", wanted->owner, rg__listing_end(&extra));
}

/* ---- The match ------------------------------------------------------------------------------- */

/* Looks up each wanted name among the split's: columns[j], -1 where there is none. */
static rg_status look_up(rg_context *ctx, const char *what, const struct named *have,
                         int64_t n_have, const struct rg__columns *wanted,
                         const struct named *sorted, int64_t *columns)
{
    int64_t k = 0;
    for (int64_t i = 0; i < wanted->n; i++) {
        if (i > 0 && strcmp(sorted[i].name, sorted[i - 1].name) == 0)
            return fail_duplicate(ctx, wanted->owner, &sorted[i - 1]);
        while (k < n_have && strcmp(have[k].name, sorted[i].name) < 0)
            k++;
        bool found = k < n_have && strcmp(have[k].name, sorted[i].name) == 0;
        if (found && k + 1 < n_have && strcmp(have[k + 1].name, have[k].name) == 0)
            return fail_duplicate(ctx, what, &have[k]);
        columns[sorted[i].column] = found ? have[k].column : -1;
    }
    return RG_OK;
}

static rg_status check_missing(rg_context *ctx, const char *what, const struct rg__columns *wanted,
                               const int64_t *columns)
{
    struct rg__listing missing = {.n = 0};
    for (int64_t j = 0; j < wanted->n; j++)
        if (columns[j] < 0)
            add_name(&missing, name_at(wanted->names, j));
    if (missing.n == 0)
        return RG_OK;
    long long n = (long long)missing.n;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s lacks %lld of the %lld features of %s: %s; both have feature names, which "
                    "must agree (a file without feature_names is matched by position)",
                    what, n, (long long)wanted->n, wanted->owner, rg__listing_end(&missing));
}

/* columns[j] is the split's column that has the j-th wanted name. */
static rg_status match_names(rg_context *ctx, const char *what, const rg_split *split,
                             const struct rg__columns *wanted, int64_t *columns)
{
    struct named *have = sort_names(ctx, split->feature_names, split->n_features);
    struct named *sorted = have ? sort_names(ctx, wanted->names, wanted->n) : NULL;
    rg_status status = sorted ? RG_OK : RG_LIMIT;
    if (status == RG_OK)
        status = look_up(ctx, what, have, split->n_features, wanted, sorted, columns);
    rg__free(ctx, sorted);
    rg__free(ctx, have);
    return status == RG_OK ? check_missing(ctx, what, wanted, columns) : status;
}

static bool has_same_names(const rg_split *split, const struct rg__columns *wanted)
{
    bool same = split->n_features == wanted->n;
    for (int64_t j = 0; same && j < wanted->n; j++)
        same = strcmp(name_at(split->feature_names, j), name_at(wanted->names, j)) == 0;
    return same;
}

/* ---- Sparse rows ----------------------------------------------------------------------------- */

struct entry {
    int32_t column;
    int64_t from; /* where its value is */
};

static int by_column(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->column > b->column) - (a->column < b->column);
}

/* The entries of a row that have a new column, sorted by it; their number. */
static int64_t map_row(const rg_csr *csr, int64_t row, const int32_t *new_column,
                       struct entry *entries)
{
    int64_t n = 0;
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
        if (new_column[csr->indices[k]] >= 0)
            entries[n++] = (struct entry){new_column[csr->indices[k]], k};
    if (n > 0)
        qsort(entries, (size_t)n, sizeof *entries, by_column);
    return n;
}

/* Copies the sparse rows with new columns: column columns[j] becomes j, others are dropped. */
static rg_status map_sparse(rg_context *ctx, const rg_csr *csr, const int64_t *columns, int64_t n,
                            struct rg__matched *m)
{
    size_t size = rg_dtype_size(csr->dtype);
    int64_t nnz = csr->indptr[csr->n_rows], longest = rg__longest_list(csr->indptr, csr->n_rows);
    int64_t *indptr = m->blocks[1] =
        rg__alloc(ctx, csr->n_rows + 1, sizeof *indptr, "sparse rows with matched columns");
    int32_t *indices = m->blocks[2] =
        rg__alloc_uninitialized(ctx, nnz, sizeof *indices, "sparse rows with matched columns");
    char *data = m->blocks[3] =
        rg__alloc_uninitialized(ctx, nnz, size, "sparse rows with matched columns");
    int32_t *new_column = rg__alloc(ctx, csr->n_cols, sizeof *new_column, "a column map");
    struct entry *entries = rg__alloc(ctx, longest, sizeof *entries, "a sparse row");
    bool ready = indptr && indices && data && new_column && entries;
    for (int64_t j = 0; ready && j < csr->n_cols; j++)
        new_column[j] = -1;
    for (int64_t j = 0; ready && j < n; j++)
        new_column[columns[j]] = (int32_t)j;
    for (int64_t row = 0; ready && row < csr->n_rows; row++) {
        int64_t to = indptr[row], count = map_row(csr, row, new_column, entries);
        for (int64_t k = 0; k < count; k++) {
            indices[to + k] = entries[k].column;
            memcpy(data + (size_t)(to + k) * size,
                   (const char *)csr->data + (size_t)entries[k].from * size, size);
        }
        indptr[row + 1] = to + count;
    }
    rg__free(ctx, entries);
    rg__free(ctx, new_column);
    if (!ready)
        return RG_LIMIT;
    m->bytes =
        (csr->n_rows + 1) * (int64_t)sizeof *indptr + nnz * (int64_t)(sizeof *indices + size);
    m->split.csr = (rg_csr){csr->n_rows, n, indptr, indices, csr->dtype, data};
    return RG_OK;
}

/* ---- A split --------------------------------------------------------------------------------- */

rg_status rg__match_columns(rg_context *ctx, const char *what, const rg_split *split,
                            const struct rg__columns *wanted, struct rg__matched *m)
{
    *m = (struct rg__matched){.ctx = ctx, .split = *split};
    bool by_name = rg__has_names(split->feature_names, split->n_features) &&
                   rg__has_names(wanted->names, wanted->n);
    if (!by_name && split->n_features != wanted->n)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s has %s, %s %lld; without feature names on both sides the "
                        "numbers must be equal",
                        what, rg__counted(split->n_features, "feature").text, wanted->owner,
                        (long long)wanted->n);
    if (!by_name || has_same_names(split, wanted))
        return RG_OK;
    int64_t *columns = m->blocks[0] = rg__alloc(ctx, wanted->n, sizeof *columns, "a column map");
    rg_status status = columns ? match_names(ctx, what, split, wanted, columns) : RG_LIMIT;
    if (status != RG_OK)
        return status;
    log_match(ctx, what, split, wanted, columns);
    m->split.n_features = wanted->n;
    m->split.feature_names = wanted->names;
    if (split->csr.indptr)
        return map_sparse(ctx, &split->csr, columns, wanted->n, m);
    for (int64_t j = 0; split->columns && j < wanted->n; j++)
        columns[j] = split->columns[columns[j]];
    m->split.columns = columns;
    return RG_OK;
}

void rg__matched_free(struct rg__matched *m)
{
    for (int i = 0; m->ctx && i < RG__COUNT(m->blocks); i++)
        rg__free(m->ctx, m->blocks[i]);
    *m = (struct rg__matched){0};
}
