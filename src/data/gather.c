/* gather.c: rows come one by one and leave as a split; see gather.h. */
#include "data/gather.h"

#include <string.h>

/* Rows are dense when the dense array is at most this, or this part of it is not zero. */
#define SMALL_BYTES  (64.0 * 1024 * 1024)
#define DENSE_ENOUGH 0.25

/* Room for `count` elements in an array of `owner`; array_room is its capacity. */
#define ROOM(ctx, owner, array, count)                                                             \
    grow((ctx), &(owner)->array, &(owner)->array##_room, (count), sizeof *(owner)->array)

/* `array` is the address of a pointer of any type. */
static bool grow(rg_context *ctx, void *array, int64_t *room, int64_t count, size_t size)
{
    void *block;
    memcpy(&block, array, sizeof block);
    bool done = rg__grow(ctx, &block, room, count, size, "rows of text");
    memcpy(array, &block, sizeof block);
    return done;
}

/* Adds a string to the text; where it is, or -1. */
static int64_t add_text(struct rg__gather *g, const char *string, size_t n)
{
    if (!ROOM(g->ctx, g, text, g->n_text + (int64_t)n + 1))
        return -1;
    int64_t at = g->n_text;
    memcpy(g->text + at, string, n);
    g->text[at + (int64_t)n] = '\0';
    g->n_text += (int64_t)n + 1;
    return at;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static bool has_id(const struct rg__gather *g, int64_t list, const char *qid, size_t n)
{
    const char *id = g->text + g->lists[list].id;
    return strlen(id) == n && memcmp(id, qid, n) == 0;
}

/* FNV-1a, with its high bits folded in, as the table's index is taken from the low ones. */
static uint64_t hash(const char *string, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)string[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* The slot of a qid, or the free one where it belongs. */
static int64_t find_slot(const struct rg__gather *g, const char *qid, size_t n)
{
    uint64_t mask = (uint64_t)g->n_slots - 1, slot = hash(qid, n) & mask;
    while (g->slots[slot] && !has_id(g, g->slots[slot] - 1, qid, n))
        slot = (slot + 1) & mask;
    return (int64_t)slot;
}

/* Keeps at least half of the slots free. */
static bool widen_slots(struct rg__gather *g)
{
    if (2 * (g->n_lists + 1) <= g->n_slots)
        return true;
    int64_t n = g->n_slots ? 2 * g->n_slots : 1024;
    int64_t *slots = rg__alloc(g->ctx, n, sizeof *slots, "the table of qids");
    if (!slots)
        return false;
    rg__free(g->ctx, g->slots);
    g->slots = slots;
    g->n_slots = n;
    for (int64_t i = 0; i < g->n_lists; i++) {
        const char *id = g->text + g->lists[i].id;
        g->slots[find_slot(g, id, strlen(id))] = i + 1;
    }
    return true;
}

static bool add_run(struct rg__gather *g, int64_t first_row, int64_t list)
{
    if (!ROOM(g->ctx, g, runs, g->n_runs + 1))
        return false;
    g->runs[g->n_runs++] = (struct rg__text_run){first_row, list};
    return true;
}

/* A new list with its first run. */
static bool add_list(struct rg__gather *g, struct rg__text_list list, int64_t first_row)
{
    if (!ROOM(g->ctx, g, lists, g->n_lists + 1) || !add_run(g, first_row, g->n_lists))
        return false;
    g->lists[g->n_lists++] = list;
    return true;
}

static rg_status fail_scattered(struct rg__gather *g, const struct rg__text_list *list,
                                struct rg__place place)
{
    return rg__fail(g->ctx, RG_BAD_DATA,
                    "%s:%lld: qid %.64s comes back, its list began at %s:%lld and has ended; "
                    "expected the rows of a qid together; --regroup brings them together",
                    place.file, (long long)place.line, g->text + list->id, list->place.file,
                    (long long)list->place.line);
}

rg_status rg__gather_qid(struct rg__gather *g, const char *qid, size_t n, struct rg__place place,
                         bool regroup)
{
    if (g->open && has_id(g, g->open - 1, qid, n)) {
        g->lists[g->open - 1].n_rows++;
        return RG_OK;
    }
    if (!widen_slots(g))
        return RG_LIMIT;
    int64_t slot = find_slot(g, qid, n), list = g->slots[slot] - 1;
    if (list >= 0 && !regroup)
        return fail_scattered(g, &g->lists[list], place);
    if (list >= 0) {
        if (!add_run(g, g->rows.n_rows, list))
            return RG_LIMIT;
        g->lists[list].n_rows++;
    } else {
        int64_t id = add_text(g, qid, n);
        list = g->n_lists;
        if (id < 0 || !add_list(g, (struct rg__text_list){id, 1, place}, g->rows.n_rows))
            return RG_LIMIT;
        g->slots[slot] = list + 1;
    }
    g->open = list + 1;
    return RG_OK;
}

void rg__gather_end_list(struct rg__gather *g)
{
    g->open = 0;
}

rg_status rg__gather_list(struct rg__gather *g, int64_t first_row, int64_t n_rows)
{
    struct rg__text_list list = {.id = -1, .n_rows = n_rows};
    return add_list(g, list, first_row) ? RG_OK : RG_LIMIT;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Arrays for so many rows and values; room for one value at least, so that none is NULL. */
static bool make_room(rg_context *ctx, struct rg__row_store *rows, int64_t n_rows, int64_t n_values)
{
    return ROOM(ctx, rows, labels, n_rows) && ROOM(ctx, rows, doc_ids, n_rows) &&
           ROOM(ctx, rows, indptr, n_rows + 1) && ROOM(ctx, rows, columns, n_values + 1) &&
           ROOM(ctx, rows, values, n_values + 1);
}

rg_status rg__gather_row(struct rg__gather *g, double label, const struct rg__entry *entries,
                         int64_t n, const char *doc_id, size_t n_doc_id)
{
    struct rg__row_store *rows = &g->rows;
    if (!make_room(g->ctx, rows, rows->n_rows + 1, rows->n_values + n))
        return RG_LIMIT;
    int64_t id = doc_id ? add_text(g, doc_id, n_doc_id) : -1, k = rows->n_values;
    if (doc_id && id < 0)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++) {
        rows->columns[k] = entries[i].column;
        rows->values[k] = entries[i].value;
        k += entries[i].value != 0;
    }
    if (n > 0 && entries[n - 1].column >= g->n_columns)
        g->n_columns = (int64_t)entries[n - 1].column + 1;
    g->has_doc_ids |= doc_id != NULL;
    rows->labels[rows->n_rows] = label;
    rows->doc_ids[rows->n_rows] = id;
    rows->indptr[rows->n_rows] = rows->n_values;
    rows->indptr[rows->n_rows + 1] = k;
    rows->n_values = k;
    rows->n_rows++;
    return RG_OK;
}

/* The order that brings scattered lists together: order[new row] = old row, lists by first
 * appearance, rows of a list as they came. */
static int64_t *regrouped_order(struct rg__gather *g)
{
    int64_t *order = rg__alloc(g->ctx, g->rows.n_rows, sizeof *order, "the order of rows");
    int64_t *next = rg__alloc(g->ctx, g->n_lists, sizeof *next, "the order of rows");
    if (!order || !next) {
        rg__free(g->ctx, order);
        order = NULL;
        goto done;
    }
    for (int64_t q = 1; q < g->n_lists; q++)
        next[q] = next[q - 1] + g->lists[q - 1].n_rows;
    for (int64_t i = 0; i < g->n_runs; i++) {
        int64_t end = i + 1 < g->n_runs ? g->runs[i + 1].first_row : g->rows.n_rows;
        for (int64_t row = g->runs[i].first_row; row < end; row++)
            order[next[g->runs[i].list]++] = row;
    }
done:
    rg__free(g->ctx, next);
    return order;
}

/* Fills an empty store with the rows of another one, in the given order. */
static rg_status copy_rows(rg_context *ctx, struct rg__row_store *to,
                           const struct rg__row_store *from, const int64_t *order)
{
    if (!make_room(ctx, to, from->n_rows, from->n_values))
        return RG_LIMIT;
    for (int64_t i = 0; i < from->n_rows; i++) {
        int64_t begin = from->indptr[order[i]], n = from->indptr[order[i] + 1] - begin;
        to->labels[i] = from->labels[order[i]];
        to->doc_ids[i] = from->doc_ids[order[i]];
        to->indptr[i] = to->n_values;
        memcpy(to->columns + to->n_values, from->columns + begin, (size_t)n * sizeof *to->columns);
        memcpy(to->values + to->n_values, from->values + begin, (size_t)n * sizeof *to->values);
        to->n_values += n;
    }
    to->n_rows = from->n_rows;
    to->indptr[to->n_rows] = to->n_values;
    return RG_OK;
}

static void free_rows(rg_context *ctx, struct rg__row_store *rows)
{
    rg__free(ctx, rows->labels);
    rg__free(ctx, rows->doc_ids);
    rg__free(ctx, rows->indptr);
    rg__free(ctx, rows->columns);
    rg__free(ctx, rows->values);
}

static rg_status regroup(struct rg__gather *g)
{
    struct rg__row_store sorted = {0}, scattered = g->rows;
    int64_t *order = regrouped_order(g);
    rg_status status = order ? copy_rows(g->ctx, &sorted, &scattered, order) : RG_LIMIT;
    if (status == RG_OK)
        g->rows = sorted;
    free_rows(g->ctx, status == RG_OK ? &scattered : &sorted);
    rg__free(g->ctx, order);
    return status;
}

/* ---- The split ------------------------------------------------------------------------------- */

static bool is_dense(const struct rg__gather *g, int64_t n_features)
{
    double cells = (double)g->rows.n_rows * (double)n_features; /* may exceed 2^63 */
    return cells * sizeof(float) <= SMALL_BYTES || (double)g->rows.n_values >= DENSE_ENOUGH * cells;
}

static rg_status finish_dense(struct rg__gather *g, rg_dataset *dataset, rg_split *split)
{
    int64_t n_features = split->n_features, cells;
    if (__builtin_mul_overflow(g->rows.n_rows, n_features, &cells))
        return rg__fail_memory(g->ctx, SIZE_MAX, "features");
    float *x = rg__own_new(dataset, cells, sizeof *x, "features");
    if (!x)
        return RG_LIMIT;
    for (int64_t row = 0; row < g->rows.n_rows; row++)
        for (int64_t k = g->rows.indptr[row]; k < g->rows.indptr[row + 1]; k++)
            x[row * n_features + g->rows.columns[k]] = g->rows.values[k];
    split->features = (rg_tensor){RG_F32, 2, {g->rows.n_rows, n_features}, x};
    return RG_OK;
}

/* Hands an array of the gatherer over to the data set, which owns it then; NULL on failure. */
static void *give(rg_dataset *dataset, void *array_in_gather)
{
    void *array;
    memcpy(&array, array_in_gather, sizeof array);
    memset(array_in_gather, 0, sizeof array);
    return rg__own(dataset, array);
}

static rg_status finish_sparse(struct rg__gather *g, rg_dataset *dataset, rg_split *split)
{
    split->csr = (rg_csr){.n_rows = g->rows.n_rows,
                          .n_cols = split->n_features,
                          .dtype = RG_F32,
                          .indptr = give(dataset, &g->rows.indptr),
                          .indices = give(dataset, &g->rows.columns),
                          .data = give(dataset, &g->rows.values)};
    return split->csr.indptr && split->csr.indices && split->csr.data ? RG_OK : RG_LIMIT;
}

static rg_status finish_lists(struct rg__gather *g, rg_dataset *dataset, rg_split *split)
{
    int64_t n = g->n_lists;
    int64_t *offsets = rg__own_new(dataset, n + 1, sizeof *offsets, "list offsets");
    if (!offsets)
        return RG_LIMIT;
    for (int64_t q = 0; q < n; q++)
        offsets[q + 1] = offsets[q] + g->lists[q].n_rows;
    split->n_lists = n;
    split->offsets = offsets;
    if (g->lists[0].id < 0)
        return RG_OK;
    const char **ids = rg__own_new(dataset, n, sizeof *ids, "query ids");
    if (!ids)
        return RG_LIMIT;
    for (int64_t q = 0; q < n; q++)
        ids[q] = g->text + g->lists[q].id;
    split->query_ids = ids;
    return RG_OK;
}

static rg_status finish_doc_ids(struct rg__gather *g, rg_dataset *dataset, rg_split *split)
{
    const char **ids = rg__own_new(dataset, g->rows.n_rows, sizeof *ids, "doc ids");
    if (!ids)
        return RG_LIMIT;
    for (int64_t i = 0; i < g->rows.n_rows; i++)
        ids[i] = g->rows.doc_ids[i] < 0 ? "" : g->text + g->rows.doc_ids[i];
    split->doc_ids = ids;
    return RG_OK;
}

rg_status rg__gather_finish(struct rg__gather *g, int64_t n_features, rg_dataset *dataset,
                            rg_split *split)
{
    split->n_rows = g->rows.n_rows;
    split->n_features = n_features;
    rg_status status = g->n_runs > g->n_lists ? regroup(g) : RG_OK;
    if (status == RG_OK)
        status = (is_dense(g, n_features) ? finish_dense : finish_sparse)(g, dataset, split);
    if (status == RG_OK && g->n_lists > 0)
        status = finish_lists(g, dataset, split);
    if (status == RG_OK && g->has_doc_ids)
        status = finish_doc_ids(g, dataset, split);
    if (status != RG_OK)
        return status;
    bool has_text = g->n_text > 0;
    split->labels = give(dataset, &g->rows.labels);
    return split->labels && (!has_text || give(dataset, &g->text)) ? RG_OK : RG_LIMIT;
}

void rg__gather_free(struct rg__gather *g)
{
    free_rows(g->ctx, &g->rows);
    rg__free(g->ctx, g->text);
    rg__free(g->ctx, g->lists);
    rg__free(g->ctx, g->runs);
    rg__free(g->ctx, g->slots);
    *g = (struct rg__gather){.ctx = g->ctx};
}
