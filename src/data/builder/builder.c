/* builder.c: pieces come one by one; rows and lists are kept until the end; see builder.h. */
#include "data/builder/builder.h"

#include "base/file.h"
#include "tensor/tensor.h"

#include <string.h>
#include <xxhash.h>

/* Adds a string to the text; where it is, or -1. */
static int64_t add_text(struct rg__builder *g, const char *string, size_t n)
{
    if (!RG__ROOM(g->ctx, g, text, g->n_text + (int64_t)n + 1))
        return -1;
    int64_t at = g->n_text;
    memcpy(g->text + at, string, n);
    g->text[at + (int64_t)n] = '\0';
    g->n_text += (int64_t)n + 1;
    return at;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static bool has_id(const struct rg__builder *g, int64_t list, const char *qid, size_t n)
{
    const char *id = g->text + g->lists[list].id;
    return strlen(id) == n && memcmp(id, qid, n) == 0;
}

/* The slot of a qid, or the free one where it belongs. */
static int64_t find_slot(const struct rg__builder *g, const char *qid, size_t n)
{
    uint64_t mask = (uint64_t)g->n_slots - 1, slot = XXH3_64bits(qid, n) & mask;
    while (g->slots[slot] && !has_id(g, g->slots[slot] - 1, qid, n))
        slot = (slot + 1) & mask;
    return (int64_t)slot;
}

/* Keeps at least half of the slots free. */
static bool widen_slots(struct rg__builder *g)
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

static bool add_part(struct rg__builder *g, int64_t first_row, int64_t list)
{
    if (!RG__ROOM(g->ctx, g, parts, g->n_parts + 1))
        return false;
    g->parts[g->n_parts++] = (struct rg__list_part){first_row, list};
    return true;
}

/* A new list with its first query. */
static bool add_list(struct rg__builder *g, struct rg__built_list list, int64_t first_row)
{
    if (!RG__ROOM(g->ctx, g, lists, g->n_lists + 1) || !add_part(g, first_row, g->n_lists))
        return false;
    g->lists[g->n_lists++] = list;
    return true;
}

static rg_status fail_scattered(struct rg__builder *g, const struct rg__built_list *list,
                                struct rg__place place)
{
    return rg__fail(g->ctx, RG_BAD_DATA,
                    "%s:%lld: qid %.64s comes back, its list began at %s:%lld and has ended; "
                    "expected the rows of a qid together; `regroup` brings them together",
                    place.file, (long long)place.line, g->text + list->id, list->place.file,
                    (long long)list->place.line);
}

rg_status rg__builder_add_query(struct rg__builder *g, const struct rg__query_rows *query,
                                int64_t first_row, struct rg__place place, bool regroup)
{
    if (g->open && has_id(g, g->open - 1, query->qid, query->n_qid)) {
        g->lists[g->open - 1].n_rows += query->n_rows;
        return RG_OK;
    }
    if (!widen_slots(g))
        return RG_LIMIT;
    int64_t slot = find_slot(g, query->qid, query->n_qid), list = g->slots[slot] - 1;
    if (list >= 0 && !regroup)
        return fail_scattered(g, &g->lists[list], place);
    if (list >= 0) {
        if (!add_part(g, first_row, list))
            return RG_LIMIT;
        g->lists[list].n_rows += query->n_rows;
    } else {
        int64_t id = add_text(g, query->qid, query->n_qid);
        list = g->n_lists;
        if (id < 0 || !add_list(g, (struct rg__built_list){id, query->n_rows, place}, first_row))
            return RG_LIMIT;
        g->slots[slot] = list + 1;
    }
    g->open = list + 1;
    return RG_OK;
}

void rg__builder_end_list(struct rg__builder *g)
{
    g->open = 0;
}

rg_status rg__builder_add_list(struct rg__builder *g, int64_t first_row, int64_t n_rows)
{
    struct rg__built_list list = {.id = -1, .n_rows = n_rows};
    return add_list(g, list, first_row) ? RG_OK : RG_LIMIT;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The arrays of a row store: where the pointer is, the size of an element (0: that of the values'
 * type), whether there is one per value or one per row, and how many more there are. */
static const struct {
    size_t member, size;
    bool is_of_values;
    int more;
} row_arrays[RG__N_ROW_ARRAYS] = {
    {offsetof(struct rg__row_store, labels), sizeof(double), false, 0},
    {offsetof(struct rg__row_store, doc_ids), sizeof(int64_t), false, 0},
    {offsetof(struct rg__row_store, indptr), sizeof(int64_t), false, 1},
    {offsetof(struct rg__row_store, columns), sizeof(int32_t), true, 0},
    {offsetof(struct rg__row_store, values), 0, true, 0},
};

/* Bytes of array i. */
static size_t array_bytes(const struct rg__row_store *rows, int i)
{
    int64_t n = (row_arrays[i].is_of_values ? rows->n_values : rows->n_rows) + row_arrays[i].more;
    return (size_t)n * (row_arrays[i].size ? row_arrays[i].size : rg_dtype_size(rows->dtype));
}

static int64_t row_bytes(const struct rg__row_store *rows)
{
    int64_t bytes = 0;
    for (int i = 0; i < RG__N_ROW_ARRAYS; i++)
        bytes += (int64_t)array_bytes(rows, i);
    return bytes;
}

/* A segment for the rows in memory. */
static struct rg__segment *add_segment(struct rg__builder *g)
{
    if (!RG__ROOM(g->ctx, g, segments, g->n_segments + 1))
        return NULL;
    struct rg__segment *segment = &g->segments[g->n_segments++];
    *segment = (struct rg__segment){.first_row = g->n_rows - g->rows.n_rows, .rows = g->rows};
    return segment;
}

/* Moves the rows in memory to the spool. */
static rg_status spool_rows(struct rg__builder *g)
{
    struct rg__row_limit *limit = g->limit;
    struct rg__segment *segment = add_segment(g);
    rg_status status = segment ? RG_OK : RG_LIMIT;
    if (status == RG_OK && !limit->spool.ctx)
        status = rg__spool_open(g->ctx, limit->path, &limit->spool);
    for (int i = 0; i < RG__N_ROW_ARRAYS && status == RG_OK; i++) {
        void *array;
        memcpy(&array, (char *)&g->rows + row_arrays[i].member, sizeof array);
        segment->offsets[i] = rg__spool_reserve(&limit->spool, array_bytes(&g->rows, i));
        status = rg__spool_write(g->ctx, &limit->spool, array, array_bytes(&g->rows, i),
                                 segment->offsets[i]);
    }
    limit->held -= row_bytes(&g->rows);
    g->rows.n_rows = g->rows.n_values = 0;
    return status;
}

rg_status rg__builder_make_room(struct rg__builder *g, const struct rg__parsed *pieces, int n)
{
    int64_t n_rows = 0, n_values = 0, bytes = 0;
    for (int i = 0; i < n; i++) {
        n_rows += pieces[i].rows.n_rows;
        n_values += pieces[i].rows.n_values;
        bytes += row_bytes(&pieces[i].rows);
    }
    /* Arrays double as they grow: half of the limit may be room not yet used. */
    bool full = g->limit->bytes > 0 && g->limit->held + bytes > g->limit->bytes / 2;
    rg_status status = full && g->rows.n_rows > 0 ? spool_rows(g) : RG_OK;
    if (status != RG_OK)
        return status;
    if (!rg__store_room(g->ctx, &g->rows, g->rows.n_rows + n_rows, g->rows.n_values + n_values))
        return RG_LIMIT;
    g->rows.indptr[0] = 0;
    return RG_OK;
}

rg_status rg__builder_reserve(struct rg__builder *g, struct rg__parsed *piece)
{
    struct rg__row_store *rows = &g->rows;
    if (!RG__ROOM(g->ctx, g, text, g->n_text + piece->n_text))
        return RG_LIMIT;
    piece->row_at = rows->n_rows;
    piece->value_at = rows->n_values;
    piece->text_at = g->n_text;
    g->limit->held -= row_bytes(rows);
    rows->n_rows += piece->rows.n_rows;
    rows->n_values += piece->rows.n_values;
    g->limit->held += row_bytes(rows);
    g->n_rows += piece->rows.n_rows;
    g->n_values += piece->rows.n_values;
    g->n_text += piece->n_text;
    if (g->n_columns < piece->n_columns)
        g->n_columns = piece->n_columns;
    g->has_doc_ids |= piece->has_doc_ids;
    return RG_OK;
}

void rg__builder_copy(const struct rg__builder *g, const struct rg__parsed *piece)
{
    const struct rg__row_store *to = &g->rows, *from = &piece->rows;
    if (from->n_rows == 0) /* there may be no arrays yet */
        return;
    int64_t *doc_ids = to->doc_ids + piece->row_at, *indptr = to->indptr + piece->row_at;
    memcpy(to->labels + piece->row_at, from->labels, (size_t)from->n_rows * sizeof *to->labels);
    for (int64_t i = 0; i < from->n_rows; i++) {
        doc_ids[i] = from->doc_ids[i] < 0 ? -1 : from->doc_ids[i] + piece->text_at;
        indptr[i + 1] = from->indptr[i + 1] + piece->value_at;
    }
    size_t n = (size_t)from->n_values;
    memcpy(to->columns + piece->value_at, from->columns, n * sizeof *to->columns);
    rg__cast(from->dtype, from->values, to->dtype,
             (char *)to->values + (size_t)piece->value_at * rg_dtype_size(to->dtype),
             from->n_values);
    if (piece->n_text > 0)
        memcpy(g->text + piece->text_at, piece->text, (size_t)piece->n_text);
}

/* ---- The end --------------------------------------------------------------------------------- */

rg_status rg__builder_finish_rows(struct rg__builder *g)
{
    struct rg__row_limit *limit = g->limit;
    if (limit->spool.ctx && !limit->map) {
        rg_status status = rg__spool_map(&limit->spool, &limit->map);
        if (status != RG_OK)
            return status;
    }
    for (int64_t k = 0; k < g->n_segments; k++)
        for (int i = 0; i < RG__N_ROW_ARRAYS; i++) {
            struct rg__segment *segment = &g->segments[k];
            void *array = (char *)limit->map + segment->offsets[i];
            memcpy((char *)&segment->rows + row_arrays[i].member, &array, sizeof array);
        }
    return g->rows.n_rows == 0 || add_segment(g) ? RG_OK : RG_LIMIT;
}

const struct rg__segment *rg__builder_find_row(const struct rg__builder *g, int64_t row)
{
    int64_t low = 0, high = g->n_segments;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (g->segments[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return &g->segments[low];
}

void rg__builder_restart(struct rg__builder *g, rg_dtype dtype)
{
    struct rg__row_limit *limit = g->limit;
    limit->held -= row_bytes(&g->rows);
    rg__builder_free(g);
    g->limit = limit;
    g->rows.dtype = dtype;
}

void rg__builder_free(struct rg__builder *g)
{
    rg__store_free(g->ctx, &g->rows);
    rg__free(g->ctx, g->segments);
    rg__free(g->ctx, g->text);
    rg__free(g->ctx, g->lists);
    rg__free(g->ctx, g->parts);
    rg__free(g->ctx, g->weights.values);
    rg__free(g->ctx, g->list_weights.values);
    rg__free(g->ctx, g->positions.values);
    rg__free(g->ctx, g->slots);
    *g = (struct rg__builder){.ctx = g->ctx};
}

void rg__row_limit_free(rg_context *ctx, struct rg__row_limit *limit)
{
    if (limit->map)
        ctx->files->munmap(limit->map, (size_t)limit->spool.size);
    rg__spool_close(&limit->spool);
    *limit = (struct rg__row_limit){0};
}
