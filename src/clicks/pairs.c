/* pairs.c: propensities by EM with a relevance for each query and document.
 *
 * Clicks are counted by (query, document, position) first: an iteration visits these counts, not
 * the rows. Maximisation sets gamma of a pair to the mean P(R) of its items.
 *
 * Identifiability. The likelihood depends on products theta_k gamma_p. A pair that was clicked and
 * was shown at positions k and l gives information on theta_k / theta_l; positions that no chain of
 * such pairs connects can be scaled against each other without any change of the likelihood. */
#include "clicks/clicks.h"
#include "data/split.h"

#include <stdlib.h>
#include <string.h>

/* A row with what identifies its pair. */
struct entry {
    const char *query, *doc;
    int64_t position, list, row;
};

/* A query and a document. */
struct pair {
    int64_t end; /* its counts are those from the end of the pair before it to this */
    double gamma, shown;
};

struct pairs {
    int64_t n_entries, n;
    struct entry *entries;
    struct rg__shown *counts; /* of all pairs, one after another */
    struct pair *pairs;       /* (n) */
};

static int by_pair(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = a->query == b->query ? 0 : strcmp(a->query, b->query);
    if (order == 0)
        order = strcmp(a->doc, b->doc);
    if (order != 0)
        return order;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool is_same_pair(const struct entry *a, const struct entry *b)
{
    return strcmp(a->query, b->query) == 0 && strcmp(a->doc, b->doc) == 0;
}

static rg_status refuse_absent(rg_context *ctx, const char *what, int64_t row)
{
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s: row %lld (from 1) has none; `method` em estimates a relevance for each "
                    "query and document and needs both ids; regression-em uses features instead",
                    what, (long long)row + 1);
}

static rg_status add_entry(rg_context *ctx, const rg_split *split, int64_t list, int64_t row,
                           struct pairs *p)
{
    const char *query = split->query_ids ? split->query_ids[list] : NULL;
    const char *doc = split->doc_ids ? split->doc_ids[row] : NULL;
    if (!query || !query[0])
        return refuse_absent(ctx, "query_ids", row);
    if (!doc || !doc[0])
        return refuse_absent(ctx, "doc_ids", row);
    p->entries[p->n_entries++] = (struct entry){query, doc, split->positions[row], list, row};
    return RG_OK;
}

/* Sorts the rows by pair and position and counts them. */
static rg_status count_pairs(rg_context *ctx, const rg_split *split, struct pairs *p)
{
    int64_t n_counts = 0;
    p->entries = rg__alloc(ctx, split->n_rows, sizeof *p->entries, "queries and documents");
    p->counts = rg__alloc(ctx, split->n_rows, sizeof *p->counts, "queries and documents");
    p->pairs = rg__alloc(ctx, split->n_rows, sizeof *p->pairs, "queries and documents");
    rg_status status = p->entries && p->counts && p->pairs ? RG_OK : RG_LIMIT;
    for (int64_t q = 0; status == RG_OK && q < split->n_lists; q++)
        for (int64_t row = split->offsets[q]; status == RG_OK && row < split->offsets[q + 1]; row++)
            if (rg__row_is_there(split, row) && rg__list_weight(split, q) > 0)
                status = add_entry(ctx, split, q, row, p);
    if (status != RG_OK)
        return status;
    qsort(p->entries, (size_t)p->n_entries, sizeof *p->entries, by_pair);
    for (int64_t i = 0; i < p->n_entries; i++) {
        const struct entry *e = &p->entries[i];
        double weight = rg__list_weight(split, e->list);
        bool is_new = i == 0 || !is_same_pair(e - 1, e);
        p->n += is_new;
        if (is_new || e[-1].position != e->position)
            p->counts[n_counts++].position = e->position;
        p->counts[n_counts - 1].shown += weight;
        p->counts[n_counts - 1].clicks += weight * split->labels[e->row];
        p->pairs[p->n - 1].end = n_counts;
        p->pairs[p->n - 1].shown += weight;
        if (split->labels[e->row] > 0)
            p->pairs[p->n - 1].gamma = 0.5;
    }
    return RG_OK;
}

/* The root of position k's tree. */
static int64_t root_of(int64_t *parent, int64_t k)
{
    for (; parent[k] != k; k = parent[k])
        parent[k] = parent[parent[k]];
    return k;
}

/* Whether clicked pairs connect all clicked positions with the reference. */
static rg_status check_connected(rg_context *ctx, const struct pairs *p, const rg_propensities *out)
{
    int64_t *parent = rg__alloc(ctx, out->n + 1, sizeof *parent, "positions");
    rg_status status = parent ? RG_OK : RG_LIMIT;
    for (int64_t k = 0; parent && k <= out->n; k++)
        parent[k] = k;
    for (int64_t i = 0, at = 0; parent && i < p->n; at = p->pairs[i++].end)
        for (int64_t c = at + 1; p->pairs[i].gamma > 0 && c < p->pairs[i].end; c++)
            parent[root_of(parent, p->counts[c].position)] =
                root_of(parent, p->counts[at].position);
    for (int64_t k = 1; status == RG_OK && k <= out->n; k++)
        if (out->clicks[k - 1] > 0 && root_of(parent, k) != root_of(parent, out->reference))
            status = rg__fail(ctx, RG_BAD_DATA,
                              "positions: %lld cannot be compared with %lld: no chain of clicked "
                              "documents that were shown at two positions connects them; `method` "
                              "regression-em compares them by features",
                              (long long)k, (long long)out->reference);
    rg__free(ctx, parent);
    return status;
}

static rg_status step(void *user, struct rg__maximisation *m)
{
    struct pairs *p = user;
    for (int64_t i = 0, at = 0; i < p->n; i++) {
        struct pair *pair = &p->pairs[i];
        double relevant = 0;
        for (; at < pair->end; at++) {
            const struct rg__shown *shown = &p->counts[at];
            struct rg__expected e = rg__expect(shown, m->theta[shown->position - 1], pair->gamma);
            m->examined[shown->position - 1] += e.examined;
            m->log_likelihood += e.log_likelihood;
            relevant += e.relevant;
        }
        pair->gamma = relevant < pair->shown ? relevant / pair->shown : 1;
    }
    return RG_OK;
}

rg_status rg__estimate_by_pairs(rg_context *ctx, const rg_split *split,
                                const rg_propensity_options *options, rg_propensities *out)
{
    struct pairs p = {0};
    rg_status status = count_pairs(ctx, split, &p);
    rg__free(ctx, p.entries);
    if (status == RG_OK)
        status = check_connected(ctx, &p, out);
    if (status == RG_OK)
        status = rg__em(ctx, options, step, &p, out);
    rg__free(ctx, p.counts);
    rg__free(ctx, p.pairs);
    return status;
}
