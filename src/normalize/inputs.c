/* inputs.c: which columns occur in sparse rows, and where; see inputs.h. */
#include "normalize/inputs.h"

#include "data/split.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of `blocks` for each input, at most: about what its parameter, gradient, moments, shift and
 * scale take in training. */
enum { MOST_BLOCK_BYTES = 64 };

static bool add_blocks(rg_context *ctx, struct rg__inputs *inputs)
{
    int64_t n = (inputs->n_features - 1) / 64 + 1, rank = 0;
    inputs->blocks = rg__alloc(ctx, n, sizeof *inputs->blocks, "the columns");
    for (int64_t i = 0; inputs->blocks && i < inputs->n; i++)
        inputs->blocks[inputs->index[i] / 64].bits |= UINT64_C(1) << (inputs->index[i] % 64);
    for (int64_t b = 0; inputs->blocks && b < n; b++) {
        inputs->blocks[b].rank = rank;
        rank += rg__count_bits(inputs->blocks[b].bits);
    }
    return inputs->blocks != NULL;
}

static bool add_buckets(rg_context *ctx, struct rg__inputs *inputs)
{
    int64_t n = inputs->n, last = inputs->n_features - 1, at = 0;
    while (last >> inputs->shift >= 2 * n)
        inputs->shift++;
    int64_t n_buckets = (last >> inputs->shift) + 1;
    inputs->first = rg__alloc(ctx, n_buckets + 1, sizeof *inputs->first, "the columns");
    for (int64_t b = 0; inputs->first && b <= n_buckets; b++) {
        while (at < n && inputs->index[at] >> inputs->shift < b)
            at++;
        inputs->first[b] = (int32_t)at;
    }
    return inputs->first != NULL;
}

rg_status rg__inputs_copy(rg_context *ctx, int64_t n_features, const int32_t *index, int64_t n,
                          struct rg__inputs *out)
{
    *out = (struct rg__inputs){.n_features = n_features, .n = n};
    out->index = rg__alloc(ctx, n, sizeof *out->index, "the columns");
    if (out->index)
        memcpy(out->index, index, (size_t)n * sizeof *index);
    bool few = n_features / 64 * (int64_t)sizeof *out->blocks <= MOST_BLOCK_BYTES * n;
    if (out->index && (few ? add_blocks : add_buckets)(ctx, out))
        return RG_OK;
    rg__inputs_free(ctx, out);
    return RG_LIMIT;
}

void rg__inputs_free(rg_context *ctx, struct rg__inputs *inputs)
{
    rg__free(ctx, inputs->index);
    rg__free(ctx, inputs->first);
    rg__free(ctx, inputs->blocks);
    *inputs = (struct rg__inputs){0};
}

/* ---- The columns that occur ------------------------------------------------------------------ */

/* A hash table of columns: column + 1, 0 for a free slot; n_slots is a power of two. */
struct set {
    uint32_t *slots;
    int64_t n_slots, n;
};

/* The slot of a column, or the free one where it belongs. */
static uint32_t *find_slot(const struct set *set, uint32_t column)
{
    uint64_t mask = (uint64_t)set->n_slots - 1;
    uint64_t slot = column * UINT64_C(0x9e3779b97f4a7c15) >> 32 & mask;
    while (set->slots[slot] && set->slots[slot] != column + 1)
        slot = (slot + 1) & mask;
    return &set->slots[slot];
}

/* Doubles the table where it is half full. */
static rg_status make_room(rg_context *ctx, struct set *set)
{
    if (2 * (set->n + 1) <= set->n_slots)
        return RG_OK;
    struct set larger = {.n_slots = set->n_slots ? 2 * set->n_slots : 1024, .n = set->n};
    larger.slots = rg__alloc(ctx, larger.n_slots, sizeof *larger.slots, "the columns");
    if (!larger.slots)
        return RG_LIMIT;
    for (int64_t i = 0; i < set->n_slots; i++)
        if (set->slots[i])
            *find_slot(&larger, set->slots[i] - 1) = set->slots[i];
    rg__free(ctx, set->slots);
    *set = larger;
    return RG_OK;
}

static rg_status collect(rg_context *ctx, const rg_split *split, struct set *set)
{
    const rg_csr *csr = &split->csr;
    rg_status status = make_room(ctx, set);
    for (int64_t row = 0; row < csr->n_rows && status == RG_OK; row++) {
        if (!rg__row_is_there(split, row))
            continue;
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1] && status == RG_OK; k++) {
            uint32_t *slot = find_slot(set, (uint32_t)csr->indices[k]);
            if (*slot)
                continue;
            *slot = (uint32_t)csr->indices[k] + 1;
            set->n++;
            status = make_room(ctx, set);
        }
    }
    return status;
}

static int by_number(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

rg_status rg__inputs_that_occur(rg_context *ctx, const rg_split *split, struct rg__inputs *out)
{
    struct set set = {0};
    *out = rg__all_inputs(split->n_features);
    if (!split->csr.indptr)
        return RG_OK;
    rg_status status = collect(ctx, split, &set);
    if (status != RG_OK || set.n == split->n_features) {
        rg__free(ctx, set.slots);
        return status;
    }
    int64_t n = set.n > 0 ? set.n : 1; /* a model has at least one: column 0 */
    int32_t *index = rg__alloc(ctx, n, sizeof *index, "the columns");
    for (int64_t i = 0, at = 0; index && i < set.n_slots; i++)
        if (set.slots[i])
            index[at++] = (int32_t)(set.slots[i] - 1);
    rg__free(ctx, set.slots);
    if (!index)
        return RG_LIMIT;
    qsort(index, (size_t)set.n, sizeof *index, by_number);
    status = rg__inputs_copy(ctx, split->n_features, index, n, out);
    rg__free(ctx, index);
    return status;
}
