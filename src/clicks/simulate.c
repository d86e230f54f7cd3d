/* simulate.c: clicks of a position-based model on lists whose labels are known.
 *
 * Every number is a draw at the address (list, session, item), so a list gets the same
 * clicks whatever else is simulated. */
#include "base/random.h"
#include "clicks/clicks.h"
#include "data/dataset.h"
#include "data/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_SIZE = 24 /* room for a number */ };

/* What the numbers of an item in a session are drawn for. */
enum draw { ORDER, TIE, CLICK, N_DRAWS };

rg_click_options rg_click_options_default(void)
{
    return (rg_click_options){.sessions = 10, .depth = 10, .eta = 1, .noise = 0.1, .seed = 1};
}

/* An item of a session. */
struct item {
    int64_t row;
    double key, tie;
};

struct simulation {
    rg_context *ctx;
    const rg_split *from;
    const double *scores;
    rg_click_options options;
    double most; /* the largest label, at least 0 */
    rg_dataset *dataset;
    rg_split *to;
    struct item *items; /* (the longest list) */
    /* The arrays of the result. */
    int64_t *offsets, *positions;
    double *labels;
    const char **query_ids, **doc_ids;
    char *query_text, *doc_text; /* ID_SIZE bytes for each list and row of the source */
    int64_t *rows;               /* (rows of the result) their rows in the source */
};

static double draw(const struct simulation *s, int64_t list, int64_t session, int64_t item,
                   enum draw what)
{
    int64_t n = s->from->offsets[list + 1] - s->from->offsets[list];
    uint64_t address = ((uint64_t)session * (uint64_t)n + (uint64_t)item) * N_DRAWS + what;
    return rg_uniform(s->options.seed, RG__STREAM_CLICKS, (uint64_t)list, address);
}

/* (2^y - 1) / (2^most - 1), without overflow. */
static double relevance(double label, double most)
{
    if (label <= 0)
        return 0;
    return (exp2(label - most) - exp2(-most)) / (1 - exp2(-most));
}

static double propensity(const struct simulation *s, int64_t position)
{
    return pow((double)position, -s->options.eta);
}

static int by_key(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    return a->tie < b->tie ? -1 : a->tie > b->tie;
}

/* Puts the items of a session in order; returns how many are shown. */
static int64_t order_items(struct simulation *s, int64_t list, int64_t session)
{
    int64_t first = s->from->offsets[list], n = 0;
    for (int64_t row = first; row < s->from->offsets[list + 1]; row++) {
        struct item *item = &s->items[n];
        if (!rg__row_is_there(s->from, row))
            continue;
        double gumbel = -log(-log(draw(s, list, session, row - first, ORDER) + 0x1p-54));
        *item = (struct item){row, s->scores ? s->scores[row] : 0,
                              draw(s, list, session, row - first, TIE)};
        if (s->options.temperature > 0)
            item->key += s->options.temperature * gumbel;
        n++;
    }
    qsort(s->items, (size_t)n, sizeof *s->items, by_key);
    return n < s->options.depth ? n : s->options.depth;
}

/* An id of the source, or the number `i` + 1 as text at `own`. */
static const char *id_of(const char *const *ids, int64_t i, char *own)
{
    if (ids && ids[i] && ids[i][0])
        return ids[i];
    snprintf(own, ID_SIZE, "%lld", (long long)i + 1);
    return own;
}

static void simulate_list(struct simulation *s, int64_t list)
{
    const rg_split *from = s->from;
    for (int64_t session = 0; session < s->options.sessions; session++) {
        int64_t q = s->to->n_lists++, n = order_items(s, list, session), at = s->offsets[q];
        s->query_ids[q] = id_of(from->query_ids, list, s->query_text + list * ID_SIZE);
        s->offsets[q + 1] = at + n;
        for (int64_t k = 0; k < n; k++, at++) {
            int64_t row = s->items[k].row;
            double gain = relevance(from->labels[row], s->most), noise = s->options.noise;
            double p = propensity(s, k + 1) * (noise + (1 - noise) * gain);
            s->labels[at] = draw(s, list, session, row - from->offsets[list], CLICK) < p;
            s->positions[at] = k + 1;
            s->doc_ids[at] = id_of(from->doc_ids, row, s->doc_text + row * ID_SIZE);
            s->rows[at] = row;
        }
    }
}

/* Copies the features of the rows that were shown. */
static rg_status copy_dense(struct simulation *s)
{
    const rg_split *from = s->from;
    size_t size = (size_t)from->n_features * rg_dtype_size(from->features.dtype);
    char *data = rg__own_new(s->dataset, s->to->n_rows, size, "features");
    if (!data)
        return RG_LIMIT;
    for (int64_t at = 0; at < s->to->n_rows; at++)
        rg__copy_row(from, s->rows[at], data + (size_t)at * size);
    s->to->features = (rg_tensor){from->features.dtype, 2, {s->to->n_rows, from->n_features}, data};
    return RG_OK;
}

static rg_status copy_sparse(struct simulation *s)
{
    const rg_csr *from = &s->from->csr;
    int64_t n_rows = s->to->n_rows, n = 0;
    size_t size = rg_dtype_size(from->dtype);
    int64_t *indptr = rg__own_new(s->dataset, n_rows + 1, sizeof *indptr, "features");
    for (int64_t at = 0; indptr && at < n_rows; at++)
        indptr[at + 1] = indptr[at] + from->indptr[s->rows[at] + 1] - from->indptr[s->rows[at]];
    n = indptr ? indptr[n_rows] : 0;
    int32_t *indices = rg__own_new(s->dataset, n, sizeof *indices, "features");
    char *data = rg__own_new(s->dataset, n, size, "features");
    if (!indptr || !indices || !data)
        return RG_LIMIT;
    for (int64_t at = 0; at < n_rows; at++) {
        int64_t first = from->indptr[s->rows[at]];
        size_t count = (size_t)(indptr[at + 1] - indptr[at]);
        if (count == 0)
            continue;
        memcpy(indices + indptr[at], from->indices + first, count * sizeof *indices);
        memcpy(data + (size_t)indptr[at] * size, (const char *)from->data + (size_t)first * size,
               count * size);
    }
    s->to->csr = (rg_csr){n_rows, from->n_cols, indptr, indices, from->dtype, data};
    return RG_OK;
}

/* Counts the lists and rows of the result; RG_LIMIT if they are too many. */
static rg_status count_rows(const struct simulation *s, int64_t *n_lists, int64_t *n_rows)
{
    int64_t shown = 0;
    for (int64_t q = 0; q < s->from->n_lists; q++) {
        int64_t n = 0;
        for (int64_t row = s->from->offsets[q]; row < s->from->offsets[q + 1]; row++)
            n += rg__row_is_there(s->from, row);
        shown += n < s->options.depth ? n : s->options.depth;
    }
    if (__builtin_mul_overflow(s->from->n_lists, s->options.sessions, n_lists) ||
        __builtin_mul_overflow(shown, s->options.sessions, n_rows))
        return rg__fail(s->ctx, RG_LIMIT, "%lld sessions of %lld lists are too many",
                        (long long)s->options.sessions, (long long)s->from->n_lists);
    return RG_OK;
}

static rg_status simulate(struct simulation *s)
{
    const rg_split *from = s->from;
    rg_dataset *dataset = s->dataset;
    int64_t n_lists = 0, n_rows = 0, longest = rg__longest_list(from->offsets, from->n_lists);
    rg_status status = count_rows(s, &n_lists, &n_rows);
    if (status != RG_OK)
        return status;
    s->to->n_rows = n_rows;
    s->offsets = rg__own_new(dataset, n_lists + 1, sizeof *s->offsets, "offsets");
    s->positions = rg__own_new(dataset, n_rows, sizeof *s->positions, "positions");
    s->labels = rg__own_new(dataset, n_rows, sizeof *s->labels, "clicks");
    s->rows = rg__own_new(dataset, n_rows, sizeof *s->rows, "rows");
    s->query_ids = rg__own_new(dataset, n_lists, sizeof *s->query_ids, "query ids");
    s->doc_ids = rg__own_new(dataset, n_rows, sizeof *s->doc_ids, "document ids");
    s->items = rg__own_new(dataset, longest, sizeof *s->items, "a list");
    s->query_text = rg__own_new(dataset, from->n_lists, ID_SIZE, "query ids");
    s->doc_text = rg__own_new(dataset, from->n_rows, ID_SIZE, "document ids");
    if (!s->offsets || !s->positions || !s->labels || !s->rows || !s->query_ids || !s->doc_ids ||
        !s->items || !s->query_text || !s->doc_text)
        return RG_LIMIT;
    for (int64_t q = 0; q < from->n_lists && status == RG_OK; q++) {
        simulate_list(s, q);
        status = rg__cancelled(s->ctx);
    }
    if (status == RG_OK)
        status = (rg__has_sparse_rows(from) ? copy_sparse : copy_dense)(s);
    return status;
}

/* ---- The call -------------------------------------------------------------------------------- */

static rg_status check_options(rg_context *ctx, const rg_click_options *o)
{
    const struct rg__range ranges[] = {
        {"sessions", (double)o->sessions, o->sessions >= 1 && o->sessions <= INT32_MAX,
         "1 to 2147483647"},
        {"depth", (double)o->depth, o->depth >= 1 && o->depth <= RG_MAX_POSITION, "1 to 1048576"},
        {"eta", o->eta, o->eta >= 0 && o->eta <= 100, "0 <= eta <= 100"},
        {"noise", o->noise, o->noise >= 0 && o->noise <= 1, "0 <= noise <= 1"},
        {"temperature", o->temperature, o->temperature >= 0 && isfinite(o->temperature),
         "a finite number >= 0"},
    };
    return rg__check_ranges(ctx, "rg_clicks_simulate", ranges, RG__COUNT(ranges));
}

/* Checks the split and the scores, and finds the largest label. */
static rg_status check_source(struct simulation *s)
{
    const rg_split *from = s->from;
    rg_status status = rg__check_split(s->ctx, from, "the split");
    if (status != RG_OK)
        return status;
    if (!from->labels || !from->offsets)
        return rg__fail(s->ctx, RG_BAD_DATA, "the split has no %s; clicks are simulated from both",
                        from->labels ? "lists" : "labels");
    for (int64_t row = 0; row < from->n_rows; row++) {
        if (!rg__row_is_there(from, row))
            continue;
        double label = from->labels[row];
        if (!isfinite(label) || (s->scores && !isfinite(s->scores[row])))
            return rg__fail(s->ctx, RG_BAD_DATA,
                            "%s: row %lld (from 1) is %g; expected a finite number",
                            isfinite(label) ? "scores" : "labels", (long long)row + 1,
                            isfinite(label) ? s->scores[row] : label);
        s->most = label > s->most ? label : s->most;
    }
    return RG_OK;
}

/* The true propensities, and what was shown and clicked. */
static rg_status tell_truth(const struct simulation *s, rg_propensities *truth)
{
    int64_t n = rg__longest_list(s->offsets, s->to->n_lists);
    rg_status status = rg__propensities_new(s->ctx, n, truth);
    for (int64_t at = 0; status == RG_OK && at < s->to->n_rows; at++) {
        int64_t k = s->positions[at] - 1;
        truth->value[k] = propensity(s, k + 1);
        truth->shown[k]++;
        truth->clicks[k] += s->labels[at];
    }
    truth->reference = 1;
    return status;
}

rg_status rg_clicks_simulate(rg_context *ctx, const rg_split *split, const double *scores,
                             const rg_click_options *options, rg_dataset **out,
                             rg_propensities *truth)
{
    struct simulation s = {.ctx = ctx, .from = split, .scores = scores};
    rg_status status = rg__require(ctx, "rg_clicks_simulate", "split", split, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    if (truth)
        *truth = (rg_propensities){0};
    s.options = options ? *options : rg_click_options_default();
    status = check_options(ctx, &s.options);
    if (status == RG_OK)
        status = check_source(&s);
    if (status != RG_OK)
        return status;
    s.dataset = rg__dataset_new(ctx, "simulated");
    if (!s.dataset)
        return RG_LIMIT;
    s.to = &s.dataset->splits[0];
    *s.to = (rg_split){.name = rg__split_names[0],
                       .n_features = split->n_features,
                       .feature_names = split->feature_names};
    s.dataset->n_splits = 1;
    status = simulate(&s);
    s.to->offsets = s.offsets;
    s.to->positions = s.positions;
    s.to->labels = s.labels;
    s.to->query_ids = s.query_ids;
    s.to->doc_ids = s.doc_ids;
    if (status == RG_OK && truth)
        status = tell_truth(&s, truth);
    if (status == RG_OK)
        *out = s.dataset;
    else
        rg_dataset_close(s.dataset);
    return status;
}
