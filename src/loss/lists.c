/* lists.c: splits the operands of a loss into lists and collects the gradients; see lists.h.
 *
 * The one idea: an operand is read through a view: the index of the first item of list q, and a
 * stride of 0 or 1 between items. Without mask, broadcasting or conversion the view is read in
 * place; otherwise each list is copied into a buffer of the length of the longest list. */
#include "loss/lists.h"

#include "autograd/segments/segments.h"
#include "tensor/broadcast.h"
#include "tensor/lanes.h"

#include <math.h>
#include <string.h>

/* Operands; the first N_ITEM_VALUES have a value for each item. */
enum { LOGITS, LABELS, WEIGHTS, N_ITEM_VALUES, WHERE = N_ITEM_VALUES, LIST_WEIGHTS, N_OPERANDS };

/* The attributes of a loss node. */
struct attributes {
    const int64_t *offsets; /* (n_lists + 1), in the arena; NULL: padded logits */
    rg_workspace workspace;
    int64_t n_lists;
    rg_reduction reduction;
    rg_choice loss; /* an rg_loss and its parameters */
    rg_loss_unit unit;
    int64_t columns; /* logits of an item; above 1 they have an axis of their own, the last */
    int64_t levels;  /* as rg_loss_properties */
    bool random;
    const int64_t *item_ids; /* as rg_loss_options */
    uint64_t draw;
    const int64_t *positions;     /* as rg_loss_options; NULL unless the loss corrects for them */
    const rg_position_bias *bias; /* with positions: not NULL */
};

static const rg_loss *loss_of(const struct attributes *a)
{
    return (const void *)a->loss.component;
}

/* The shape of the items: the logits without the axis of their columns. */
static rg_tensor items_of_logits(const rg_tensor *logits, const struct attributes *a)
{
    rg_tensor items = *logits;
    items.ndim -= a->columns > 1;
    return items;
}

/* What forward saves for backward. */
struct saved {
    bool *nonempty;    /* (n_lists) */
    double *units;     /* (n_lists) units of the nonempty lists, see rg_loss_unit */
    int64_t n_counted; /* number of nonempty lists whose weight and units are not 0 */
    double weight_sum; /* sum of weight times units over the nonempty lists */
    double mean;       /* the value under RG_REDUCE_MEAN, else 0 */
    double *list_loss; /* (n_lists) before the list weight; NULL without list weights */
    int64_t longest;
    double *state; /* (n_lists, workspace.state) */
    void *lists;   /* a struct F(lists) */
};

/* The positions of an operand's items: list q starts at offsets[q] * per_offset + sum index *
 * stride over the batch axes, and its items follow with the stride per_item. Positions and strides
 * count items, of `width` numbers each. */
struct F(view) {
    const rg_tensor *tensor; /* NULL: the operand is absent */
    int64_t width;           /* the columns of the logits; 1 of other operands */
    int64_t per_item, per_offset;
    int n_axes;
    int64_t dims[RG_MAX_DIMS], stride[RG_MAX_DIMS];
    real *buffer;    /* compacted values of one list; NULL: read in place */
    void *grad;      /* of the operand; NULL: not required */
    double *sum;     /* sums of gradients if the operand is broadcast or of another type */
    real *list_grad; /* compacted gradients of one list; NULL: added in place */
};

struct F(lists) {
    const struct attributes *attributes;
    int64_t n; /* items of a padded list */
    struct F(view) view[N_OPERANDS];
    struct rg__item *pairing; /* (3/2 of the longest list) for counting pairs; NULL: not needed */
    int64_t *ids;       /* (longest list) of the valid items; NULL unless the loss is random */
    int64_t *positions; /* (longest list) likewise; NULL without positions */
    rg_graph *graph;
    real *scratch;
    real *square;
    real *kept; /* (number of items, workspace.kept) */
    const struct F(rg__vector) * vector;
    rg_context *ctx;
    bool logits_only;
};

/* The items of one list, of which n are valid. */
struct F(items) {
    const struct F(view) * mask; /* NULL: all are valid */
    int64_t mask_first, length, n;
};

static int64_t F(length)(const struct F(lists) * l, int64_t q)
{
    const int64_t *offsets = l->attributes->offsets;
    return offsets ? offsets[q + 1] - offsets[q] : l->n;
}

/* The view of a tensor that is broadcast to the shape of the items; the shape rule has checked that
 * it fits. */
static struct F(view)
    F(view_of)(const rg_tensor *t, const rg_tensor *items, const struct attributes *a)
{
    struct F(view) v = {.tensor = t, .width = 1};
    if (!t)
        return v;
    int64_t count = rg__count(t);
    if (a->offsets) {
        bool per_list = t->ndim == 2;
        v.per_item = v.per_offset = !per_list && t->ndim == 1 && count == items->dims[0];
        v.n_axes = per_list;
        v.dims[0] = a->n_lists;
        v.stride[0] = 1;
        return v;
    }
    int64_t step = 1;
    for (int i = 0; i < t->ndim; i++) {
        int axis = t->ndim - 1 - i, at = items->ndim - 1 - i; /* counted from the end */
        int64_t stride = t->dims[axis] == 1 ? 0 : step;
        if (i == 0)
            v.per_item = stride;
        else
            v.stride[at] = stride;
        step *= t->dims[axis];
    }
    v.n_axes = items->ndim - 1;
    memcpy(v.dims, items->dims, sizeof v.dims);
    return v;
}

/* The view of an operand with one value per list: as if it had a last axis of 1. */
static struct F(view)
    F(list_view_of)(const rg_tensor *t, const rg_tensor *items, const struct attributes *a)
{
    struct F(view) v = {.tensor = t, .width = 1};
    if (!t || rg__count(t) == 1)
        return v;
    rg_tensor with_items = *t;
    with_items.dims[with_items.ndim++] = 1;
    v = F(view_of)(&with_items, items, a);
    v.tensor = t;
    return v;
}

/* The view of the logits, whose axis of columns is part of an item. */
static struct F(view) F(logits_view)(const rg_tensor *logits, const struct attributes *a)
{
    const rg_tensor items = items_of_logits(logits, a);
    struct F(view) v = F(view_of)(&items, &items, a);
    v.tensor = logits;
    v.width = a->columns;
    return v;
}

static int64_t F(first_item)(const struct F(view) * v, const struct attributes *a, int64_t q)
{
    int64_t at = v->per_offset ? a->offsets[q] : 0;
    for (int i = v->n_axes - 1; i >= 0; i--) {
        at += q % v->dims[i] * v->stride[i];
        q /= v->dims[i];
    }
    return at;
}

/* The weight of list q, rounded to the logits' type like all operands. */
static double F(list_weight)(const struct F(lists) * l, int64_t q)
{
    const struct F(view) *v = &l->view[LIST_WEIGHTS];
    if (!v->tensor)
        return 1;
    int64_t at = F(first_item)(v, l->attributes, q);
    return ACC((real)rg__element(v->tensor->dtype, v->tensor->data, at));
}

static bool F(is_valid)(const struct F(items) * items, int64_t k)
{
    const struct F(view) *mask = items->mask;
    return !mask || rg__element(mask->tensor->dtype, mask->tensor->data,
                                items->mask_first + k * mask->per_item) != 0;
}

static struct F(items) F(items_of)(const struct F(lists) * l, int64_t q)
{
    struct F(items) items = {.length = F(length)(l, q)};
    items.n = items.length;
    if (!l->view[WHERE].tensor)
        return items;
    items.mask = &l->view[WHERE];
    items.mask_first = F(first_item)(items.mask, l->attributes, q);
    items.n = 0;
    for (int64_t k = 0; k < items.length; k++)
        items.n += F(is_valid)(&items, k);
    if (items.n == items.length)
        items.mask = NULL;
    return items;
}

/* The values of a list's valid items, compacted; in place if possible. */
static const real *F(values)(const struct F(view) * v, int64_t first, const struct F(items) * items)
{
    const rg_tensor *t = v->tensor;
    if (!t)
        return NULL;
    size_t size = rg_dtype_size(t->dtype) * (size_t)v->width;
    const char *data = (const char *)t->data + (size_t)first * size;
    bool as_they_lie = !items->mask && v->per_item == 1;
    if (as_they_lie && t->dtype == REAL_TYPE)
        return (const real *)(const void *)data;
    if (as_they_lie)
        rg__cast(t->dtype, data, REAL_TYPE, v->buffer, items->n * v->width);
    real *to = v->buffer;
    for (int64_t k = 0; !as_they_lie && k < items->length; k++, data += (size_t)v->per_item * size)
        if (F(is_valid)(items, k)) {
            rg__cast(t->dtype, data, REAL_TYPE, to, v->width);
            to += v->width;
        }
    return v->buffer;
}

/* The ids of list q's valid items, compacted; `first` is its first logit. */
static const int64_t *F(ids)(const struct F(lists) * l, int64_t q, int64_t first,
                             const struct F(items) * items)
{
    const int64_t *given = l->attributes->item_ids;
    int64_t n = 0;
    for (int64_t k = 0; l->ids && k < items->length; k++)
        if (F(is_valid)(items, k)) {
            l->ids[n] = given ? given[first + k] : (int64_t)(((uint64_t)q << 32) + (uint64_t)n);
            n++;
        }
    return l->ids;
}

/* The positions of list q's valid items, compacted; NULL, with an error in the graph, if one is out
 * of range. */
static const int64_t *F(positions)(const struct F(lists) * l, int64_t first,
                                   const struct F(items) * items)
{
    const struct attributes *a = l->attributes;
    int64_t n = 0;
    for (int64_t k = 0; l->positions && k < items->length; k++) {
        int64_t position = a->positions[first + k];
        if (!F(is_valid)(items, k))
            continue;
        if (position < 1 || position > a->bias->n_positions) {
            rg__graph_fail(l->graph, RG_BAD_DATA,
                           "positions[%lld] is %lld; expected 1 to %lld, the number of positions",
                           (long long)(first + k), (long long)position,
                           (long long)a->bias->n_positions);
            return NULL;
        }
        l->positions[n++] = position;
    }
    return l->positions;
}

/* List q, which has a valid item, compacted. */
static struct F(rg__list)
    F(load)(const struct F(lists) * l, int64_t q, double *state, const struct F(items) * items)
{
    const real *values[N_ITEM_VALUES] = {0};
    const rg_workspace *space = &l->attributes->workspace;
    int64_t first = F(first_item)(&l->view[LOGITS], l->attributes, q);
    for (int i = 0; i < N_ITEM_VALUES; i++)
        if (l->view[i].tensor)
            values[i] = F(values)(&l->view[i], F(first_item)(&l->view[i], l->attributes, q), items);
    return (struct F(rg__list)){.n = items->n,
                                .columns = l->attributes->columns,
                                .s = values[LOGITS],
                                .y = values[LABELS],
                                .w = values[WEIGHTS],
                                .loss = loss_of(l->attributes),
                                .params = &l->attributes->loss.params,
                                .scratch = l->scratch,
                                .kept = l->kept + first * space->kept,
                                .state = state + q * space->state,
                                .square = l->square,
                                .ids = F(ids)(l, q, first, items),
                                .draw = l->attributes->draw,
                                .list_weight = F(list_weight)(l, q),
                                .positions = F(positions)(l, first, items),
                                .bias = l->attributes->bias,
                                .vector = l->vector,
                                .ctx = l->ctx,
                                .logits_only = l->logits_only};
}

/* Room for `count` numbers per pair of items. */
static real *F(alloc_square)(rg_graph *graph, int64_t longest, int count)
{
    int64_t bytes;
    if (!__builtin_mul_overflow(longest, longest, &bytes) &&
        !__builtin_mul_overflow(bytes, count * (int64_t)sizeof(real), &bytes))
        return rg_graph_alloc(graph, (size_t)bytes);
    rg__graph_fail(graph, RG_LIMIT, "a loss needs memory for every pair of %lld items",
                   (long long)longest);
    return NULL;
}

/* Creates the views of a node's operands and the buffers, for forward and backward; NULL: out of
 * memory. */
static struct F(lists) * F(open_lists)(rg_node *y, int64_t longest)
{
    rg_graph *graph = rg_node_graph(y);
    const struct attributes *a = rg_attributes(y);
    const rg_tensor shape = items_of_logits(rg_operand(y, LOGITS), a);
    struct F(lists) *l = rg_graph_alloc(graph, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct F(lists)){.attributes = a,
                           .vector = F(rg__vector)(rg__graph_context(graph)),
                           .graph = graph,
                           .ctx = rg__graph_context(graph),
                           .logits_only = !rg__operand_requires_grad(y, LABELS) &&
                                          !rg__operand_requires_grad(y, WEIGHTS)};
    l->n = a->offsets ? 0 : shape.dims[shape.ndim - 1];
    bool masked = rg_operand(y, WHERE) != NULL;
    size_t room = (size_t)longest * sizeof(real);
    l->view[WHERE] = F(view_of)(rg_operand(y, WHERE), &shape, a);
    l->view[LIST_WEIGHTS] = F(list_view_of)(rg_operand(y, LIST_WEIGHTS), &shape, a);
    for (int i = 0; i < N_ITEM_VALUES; i++) {
        struct F(view) *v = &l->view[i];
        *v = i == LOGITS ? F(logits_view)(rg_operand(y, i), a)
                         : F(view_of)(rg_operand(y, i), &shape, a);
        if (!v->tensor)
            continue;
        bool in_place = !masked && v->per_item == 1 && v->tensor->dtype == REAL_TYPE;
        if (!in_place && !(v->buffer = rg_graph_alloc(graph, room * (size_t)v->width)))
            return NULL;
    }
    if (a->unit == RG_UNIT_PAIRS)
        l->pairing = rg_graph_alloc(graph, (size_t)(longest + longest / 2) * sizeof *l->pairing);
    if (a->random)
        l->ids = rg_graph_alloc(graph, (size_t)longest * sizeof *l->ids);
    if (a->positions)
        l->positions = rg_graph_alloc(graph, (size_t)longest * sizeof *l->positions);
    const rg_workspace *space = &a->workspace;
    if (space->square > 0 && !(l->square = F(alloc_square)(graph, longest, space->square)))
        return NULL;
    l->scratch = rg_graph_alloc(graph, room * (size_t)space->scratch);
    l->kept = rg_graph_alloc(graph, rg__tensor_bytes(&shape) * (size_t)space->kept);
    return rg_graph_status(graph) == RG_OK ? l : NULL;
}

/* ---- Forward ---- */

static double F(reduce)(const real *losses, struct saved *saved, int64_t n_lists, bool mean)
{
    double total = 0;
    for (int64_t q = 0; q < n_lists; q++) /* an empty list has 0 */
        total += ACC(losses[q]);
    if (mean)
        total = saved->mean = saved->n_counted > 0 ? total / saved->weight_sum : 0;
    return total;
}

static struct saved *F(make_saved)(rg_node *y, const struct attributes *a)
{
    rg_graph *graph = rg_node_graph(y);
    struct saved *saved = rg_graph_alloc(graph, sizeof *saved);
    if (!saved)
        return NULL;
    *saved = (struct saved){0};
    saved->nonempty = rg_graph_alloc(graph, (size_t)a->n_lists);
    saved->units = rg_graph_alloc(graph, (size_t)a->n_lists * sizeof *saved->units);
    size_t state = (size_t)a->workspace.state * sizeof(double);
    saved->state = rg_graph_alloc(graph, (size_t)a->n_lists * state);
    if (rg_operand(y, LIST_WEIGHTS))
        saved->list_loss = rg_graph_alloc(graph, (size_t)a->n_lists * sizeof(double));
    const rg_tensor shape = items_of_logits(rg_operand(y, LOGITS), a);
    if (!a->offsets)
        saved->longest = shape.dims[shape.ndim - 1];
    for (int64_t q = 0; a->offsets && q < a->n_lists; q++)
        if (saved->longest < a->offsets[q + 1] - a->offsets[q])
            saved->longest = a->offsets[q + 1] - a->offsets[q];
    rg_set_saved(y, saved);
    return rg_graph_status(graph) == RG_OK ? saved : NULL;
}

/* The units of a list, see rg_loss_unit. */
static double F(units_of)(const struct F(lists) * l, const struct F(rg__list) * list)
{
    for (int64_t k = 0; l->pairing && k < list->n; k++)
        l->pairing[k] = (struct rg__item){.label = ACC(list->y[k]), .row = k};
    return rg__loss_units(l->attributes->unit, list->n, l->pairing);
}

/* Fails for a label that is none of the loss's levels. A NaN passes: its list becomes NaN. */
static void F(check_levels)(rg_node *y, const struct F(rg__list) * list,
                            const struct F(items) * items, int64_t first)
{
    const struct attributes *a = rg_attributes(y);
    for (int64_t k = 0, at = 0; a->levels > 0 && k < items->length; k++) {
        if (!F(is_valid)(items, k))
            continue;
        double label = ACC(list->y[at++]);
        if (label < 0 || label >= (double)a->levels || label != floor(label)) {
            if (!isnan(label))
                rg__graph_fail(rg_node_graph(y), RG_BAD_DATA,
                               "%s: the label of row %lld (from 1) is %g; expected a whole number "
                               "from 0 to %lld",
                               list->loss->component.name, (long long)(first + k) + 1, label,
                               (long long)a->levels - 1);
        }
    }
}

/* The weighted loss of list q; 0 for weight 0, even if the loss is not finite. */
static real F(weighted_loss)(const struct F(lists) * l, struct saved *saved, int64_t q, double loss)
{
    double weight = F(list_weight)(l, q);
    saved->weight_sum += weight * saved->units[q];
    saved->n_counted += weight != 0 && saved->units[q] != 0;
    if (saved->list_loss)
        saved->list_loss[q] = loss;
    return weight == 0 ? 0 : (real)(weight * loss);
}

void F(rg__lists_forward)(rg_node *y, F(rg__list_forward) * forward)
{
    const struct attributes *a = rg_attributes(y);
    struct saved *saved = F(make_saved)(y, a);
    struct F(lists) *l = saved ? F(open_lists)(y, saved->longest) : NULL;
    if (!l)
        return;
    saved->lists = l;
    real *out = rg_output_data(y), *losses = out;
    if (a->reduction != RG_REDUCE_NONE)
        losses = rg_graph_alloc(rg_node_graph(y), (size_t)a->n_lists * sizeof *losses);
    if (!losses)
        return;
    for (int64_t q = 0; q < a->n_lists; q++) {
        struct F(items) items = F(items_of)(l, q);
        saved->nonempty[q] = items.n > 0;
        losses[q] = 0;
        if (items.n > 0) {
            struct F(rg__list) list = F(load)(l, q, saved->state, &items);
            F(check_levels)(y, &list, &items, F(first_item)(&l->view[LOGITS], a, q));
            saved->units[q] = F(units_of)(l, &list);
            losses[q] = F(weighted_loss)(l, saved, q, forward(&list));
        }
    }
    if (a->reduction != RG_REDUCE_NONE)
        out[0] = (real)F(reduce)(losses, saved, a->n_lists, a->reduction == RG_REDUCE_MEAN);
}

/* ---- Backward ---- */

/* Prepares to collect the gradient of operand i, if it is required. False: out of memory. */
static bool F(open_grad)(rg_node *y, int i, int64_t longest, struct F(view) * v)
{
    rg_graph *graph = rg_node_graph(y);
    v->grad = NULL;
    if (!v->tensor || !rg_dtype_computes(v->tensor->dtype) || !(v->grad = rg_operand_grad(y, i)))
        return rg_graph_status(graph) == RG_OK;
    int64_t count = rg__count(v->tensor);
    const rg_tensor shape = items_of_logits(rg_operand(y, LOGITS), rg_attributes(y));
    bool summed =
        !v->per_item || count != rg__count(&shape) * v->width || v->tensor->dtype != REAL_TYPE;
    if (summed && !v->sum)
        v->sum = rg_graph_alloc(graph, (size_t)count * sizeof *v->sum);
    if (summed && v->sum)
        memset(v->sum, 0, (size_t)count * sizeof *v->sum);
    if ((summed || rg_operand(y, WHERE)) && !v->list_grad)
        v->list_grad = rg_graph_alloc(graph, (size_t)(longest * v->width) * sizeof *v->list_grad);
    return rg_graph_status(graph) == RG_OK;
}

/* The array to which the loss adds the gradients of this list's items. */
static real *F(grad_target)(const struct F(view) * v, int64_t first, int64_t n)
{
    if (!v->grad)
        return NULL;
    if (!v->list_grad)
        return (real *)v->grad + first * v->width;
    memset(v->list_grad, 0, (size_t)(n * v->width) * sizeof *v->list_grad);
    return v->list_grad;
}

/* Adds the compacted gradients of a list to those of the operand. */
static void F(scatter)(const struct F(view) * v, int64_t first, const struct F(items) * items)
{
    const real *from = v->list_grad;
    for (int64_t k = 0; from && k < items->length; k++) {
        int64_t at = (first + k * v->per_item) * v->width;
        if (!F(is_valid)(items, k))
            continue;
        for (int64_t c = 0; c < v->width; c++, at++, from++)
            if (v->sum)
                v->sum[at] += ACC(*from);
            else
                ((real *)v->grad)[at] += *from;
    }
}

static void F(add_sums)(const struct F(view) * v)
{
    if (v->grad && v->sum)
        rg__add(v->tensor->dtype, v->grad, RG_F64, v->sum, rg__count(v->tensor));
}

/* The gradient of the node's value with respect to list q's weighted loss. */
static double F(upstream)(const rg_node *y, const struct saved *saved, int64_t q)
{
    const struct attributes *a = rg_attributes(y);
    const real *g = rg_output_grad(y);
    if (a->reduction == RG_REDUCE_NONE)
        return ACC(g[q]);
    if (a->reduction == RG_REDUCE_SUM)
        return ACC(g[0]);
    return saved->n_counted > 0 ? ACC(g[0]) / saved->weight_sum : 0;
}

/* Backward of one list; `upstream` is the gradient of its loss. */
static void F(list_backward)(const struct F(lists) * l, const struct saved *saved, int64_t q,
                             F(rg__list_backward) * backward, double upstream)
{
    int64_t first[N_ITEM_VALUES] = {0};
    real *grad[N_ITEM_VALUES] = {0};
    struct F(items) items = F(items_of)(l, q);
    struct F(rg__list) list = F(load)(l, q, saved->state, &items);
    for (int i = 0; i < N_ITEM_VALUES; i++)
        if (l->view[i].grad) {
            first[i] = F(first_item)(&l->view[i], l->attributes, q);
            grad[i] = F(grad_target)(&l->view[i], first[i], list.n);
        }
    list.ds = grad[LOGITS];
    list.dy = grad[LABELS];
    list.dw = grad[WEIGHTS];
    backward(&list, upstream);
    for (int i = 0; i < N_ITEM_VALUES; i++)
        if (l->view[i].grad)
            F(scatter)(&l->view[i], first[i], &items);
}

void F(rg__lists_backward)(rg_node *y, F(rg__list_backward) * backward)
{
    const struct attributes *a = rg_attributes(y);
    const struct saved *saved = rg_saved(y);
    struct F(lists) *l = saved->lists;
    struct F(view) *weights = &l->view[LIST_WEIGHTS];
    for (int i = 0; i < N_OPERANDS; i++)
        if (i != WHERE && !F(open_grad)(y, i, saved->longest, &l->view[i]))
            return;
    for (int64_t q = 0; q < a->n_lists; q++) {
        if (!saved->nonempty[q])
            continue;
        double upstream = F(upstream)(y, saved, q), weight = F(list_weight)(l, q);
        if (weights->grad) /* of sum w L / sum w u, u the list's units: (L - mean u) / sum w u */
            weights->sum[F(first_item)(weights, a, q)] +=
                upstream * (saved->list_loss[q] - saved->mean * saved->units[q]);
        if (weight != 0)
            F(list_backward)(l, saved, q, backward, upstream * weight);
    }
    for (int i = 0; i < N_OPERANDS; i++)
        F(add_sums)(&l->view[i]);
}

#ifdef RG__ONCE

/* ---- Shapes and options, compiled once ---- */

/* Whether t broadcasts to a shape without enlarging it. */
static bool broadcasts_to(const rg_tensor *t, const rg_tensor *shape)
{
    rg_tensor both;
    return t->ndim <= shape->ndim && rg__broadcast_shape(t, shape, &both) &&
           rg__same_shape(&both, shape);
}

/* Whether t is a scalar or 1-D with `count` values. */
static bool is_one_or(const rg_tensor *t, int64_t count)
{
    return t->ndim == 0 || (t->ndim == 1 && (t->dims[0] == 1 || t->dims[0] == count));
}

/* Whether an operand fits: it broadcasts to the logits (`per_list`: to their shape without the last
 * axis); with offsets, it is (N), a scalar or (Q,1) (`per_list`: (Q) or a scalar). */
static bool operand_fits(const rg_tensor *t, const rg_tensor *logits, const struct attributes *a,
                         bool per_list)
{
    rg_tensor shape = *logits;
    shape.ndim -= per_list;
    if (!a->offsets)
        return broadcasts_to(t, &shape);
    if (t->ndim == 2 && !per_list)
        return t->dims[0] == a->n_lists && t->dims[1] == 1;
    return is_one_or(t, per_list ? a->n_lists : logits->dims[0]);
}

/* The shapes that operand i may have, for messages. */
static const char *shapes_of(int i, const struct attributes *a)
{
    if (i == LIST_WEIGHTS)
        return a->offsets ? "(lists) or a scalar"
                          : "a shape that broadcasts to the logits' without the last axis";
    return a->offsets ? "(N), a scalar, or (lists,1)" : "a shape that broadcasts to the logits'";
}

static bool check_offsets(rg_node *y, const rg_tensor *logits, const struct attributes *a)
{
    char shape[RG__SHAPE_TEXT];
    if (logits->ndim != 1)
        return rg_reject(y, "offsets with logits %s; expected flat logits (N)",
                         rg__shape_text(logits, shape));
    const struct rg__segments lists = {a->n_lists, a->offsets};
    return rg__check_lists(y, &lists, logits->dims[0], "logits");
}

/* Whether the logits have the axis that the loss takes. */
static bool check_columns(rg_node *y, const rg_tensor *logits, const struct attributes *a)
{
    char shape[RG__SHAPE_TEXT];
    int64_t columns = logits->ndim > 1 ? logits->dims[logits->ndim - 1] : 0;
    if (logits->ndim < 1)
        return rg_reject(y, "logits are a scalar; expected (.., n), the last axis a list");
    if (a->columns > 1 && columns != a->columns)
        return rg_reject(y,
                         "logits %s; expected (.., n, %lld), the last axis the scores of an item",
                         rg__shape_text(logits, shape), (long long)a->columns);
    return true;
}

bool rg__loss_shape(rg_node *y)
{
    static const char *const names[] = {"logits", "labels", "weights", "where", "list_weights"};
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const struct attributes *a = rg_attributes(y);
    if (!check_columns(y, rg_operand(y, LOGITS), a))
        return false;
    const rg_tensor shape = items_of_logits(rg_operand(y, LOGITS), a), *logits = &shape;
    if (a->offsets && !check_offsets(y, logits, a))
        return false;
    for (int i = LABELS; i < N_OPERANDS; i++)
        if (rg_operand(y, i) && !operand_fits(rg_operand(y, i), logits, a, i == LIST_WEIGHTS))
            return rg_reject(y, "%s %s does not fit logits %s; expected %s", names[i],
                             rg__shape_text(rg_operand(y, i), sa), rg__shape_text(logits, sb),
                             shapes_of(i, a));
    bool none = a->reduction == RG_REDUCE_NONE;
    if (a->offsets)
        rg_set_shape(y, logits->dtype, none, &a->n_lists);
    else
        rg_set_shape(y, logits->dtype, none ? logits->ndim - 1 : 0, logits->dims);
    return true;
}

/* Applies the caller's reduction to the losses of the lists and the mask of non-empty lists. */
static rg_node *reduce_by_caller(rg_graph *graph, const rg_operator *op, rg_node *losses,
                                 const rg_loss_options *o)
{
    const struct saved *saved = rg_saved(losses);
    rg_tensor mask = *rg_node_value(losses);
    mask.dtype = RG_BOOL;
    mask.data = saved->nonempty;
    rg_node *value = o->reduce(graph, losses, rg_leaf(graph, &mask), o->reduce_user);
    const char *wrong = NULL;
    if (!value)
        wrong = "NULL";
    else if (rg_node_graph(value) != graph)
        wrong = "a node of another graph";
    else if (!rg_dtype_computes(rg_node_value(value)->dtype))
        wrong = "an integer node";
    if (wrong)
        rg__graph_fail(graph, RG_USAGE, "%s: the caller's reduction returned %s", op->name, wrong);
    return wrong ? NULL : value;
}

/* The number of lists of padded logits: the product of all extents but the last; INT64_MAX if it
 * overflows. */
static int64_t batch_size(const rg_tensor *logits)
{
    int64_t n = 1;
    for (int i = 0; i < logits->ndim - 1; i++)
        if (__builtin_mul_overflow(n, logits->dims[i], &n))
            return INT64_MAX;
    return n;
}

/* The operator of a loss: its own, or one in the graph's memory with the kernels of in_double.c. */
static const rg_operator *operator_of(rg_graph *graph, const rg_loss *loss)
{
    if (loss->kernels)
        return &loss->kernels->op;
    rg_operator *op = rg_graph_alloc(graph, sizeof *op);
    if (op)
        *op = (rg_operator){
            .name = loss->component.name ? loss->component.name : "a loss without a name",
            .shape = rg__loss_shape,
            .forward = {rg__loss_in_double_forward_f32, rg__loss_in_double_forward_f64},
            .backward = {rg__loss_in_double_backward_f32, rg__loss_in_double_backward_f64},
            RG__LOSS_OPERANDS};
    return op;
}

/* Fills in the attributes of position bias, if it is given; false, with the error set, if it was
 * not made for the loss. */
static bool take_positions(rg_graph *graph, const rg_loss *loss, const rg_loss_options *o,
                           struct attributes *a)
{
    const rg_position_bias *bias = o->position_bias;
    const rg_position_rule *rule = &loss->position_rule;
    if (!o->positions || !bias)
        return true;
    a->positions = o->positions;
    a->bias = bias;
    if (bias->factors && bias->n_factors == rule->n_factors && bias->n_sums == rule->n_sums)
        return true;
    rg__graph_fail(
        graph, RG_USAGE,
        "%s: position_bias has %d factors and %d sums for each position; expected %d and "
        "%d, as rg_position_bias_create makes them",
        loss->component.name, bias->factors ? bias->n_factors : 0, bias->n_sums, rule->n_factors,
        rule->n_sums);
    return false;
}

/* Fills in the attributes of a loss node except the offsets; false, with the error set, if
 * invalid. */
static bool make_attributes(rg_graph *graph, const rg_loss *loss, rg_node *logits,
                            const rg_loss_options *o, struct attributes *a)
{
    const char *name = loss->component.name ? loss->component.name : "a loss without a name";
    rg_context *ctx = rg__graph_context(graph);
    *a = (struct attributes){.n_lists = o->n_lists,
                             .item_ids = o->item_ids,
                             .draw = o->draw,
                             .reduction = o->reduce ? RG_REDUCE_NONE : o->reduction};
    if (rg_choice_make(ctx, &loss->component, o->params, &a->loss) != RG_OK) {
        rg__graph_fail(graph, RG_USAGE, "%s", rg_last_error(ctx));
        return false;
    }
    rg_loss_properties properties = rg_loss_properties_of(&a->loss);
    a->unit = properties.unit;
    a->random = properties.random;
    a->columns = properties.columns;
    a->levels = properties.levels;
    if (!o->offsets && logits) {
        const rg_tensor shape = items_of_logits(rg_node_value(logits), a);
        a->n_lists = batch_size(&shape);
    }
    if (a->n_lists < 0 || a->n_lists > INT64_MAX / 64)
        rg__graph_fail(graph, RG_BAD_DATA, "%s: %lld lists; expected 0 to 2^57", name,
                       (long long)a->n_lists);
    else if (!rg_reduction_name(o->reduction))
        rg__graph_fail(graph, RG_USAGE, "%s: reduction is %d; expected a value of rg_reduction",
                       name, (int)o->reduction);
    else if (!loss->kernels && (!loss->forward || !loss->backward))
        rg__graph_fail(graph, RG_USAGE, "%s: forward or backward is NULL", name);
    else if (a->columns > 65536)
        rg__graph_fail(graph, RG_USAGE, "%s: %lld scores per item; expected at most 65536", name,
                       (long long)a->columns);
    else if (loss->workspace.scratch < 0 || loss->workspace.kept < 0 || loss->workspace.state < 0 ||
             loss->workspace.square < 0)
        rg__graph_fail(graph, RG_USAGE, "%s: the workspace has a negative size", name);
    if (rg_graph_status(graph) != RG_OK)
        return false;
    a->workspace = loss->workspace;
    if (loss->fit)
        loss->fit(&a->loss.params, o->weights != NULL, &a->workspace);
    if (!loss->kernels && logits)
        a->workspace =
            rg__loss_in_double_workspace(&a->workspace, rg_node_value(logits)->dtype, a->columns);
    return !properties.positions || take_positions(graph, loss, o, a);
}

rg_node *rg__apply_loss(rg_graph *graph, const rg_loss *loss, rg_node *logits, rg_node *labels,
                        const rg_loss_options *options)
{
    rg_loss_options o = options ? *options : rg_loss_options_default();
    struct attributes a;
    if (rg_graph_status(graph) != RG_OK || !make_attributes(graph, loss, logits, &o, &a))
        return NULL;
    const rg_operator *op = operator_of(graph, loss);
    if (!op)
        return NULL;
    if (o.offsets) {
        struct rg__segments lists;
        if (!rg__copy_lists(graph, op->name, o.offsets, o.n_lists, &lists))
            return NULL;
        a.offsets = lists.offsets;
    }
    rg_node *operands[N_OPERANDS] = {logits, labels, o.weights, o.where, o.list_weights};
    rg_node *y = rg_apply(graph, op, operands, N_OPERANDS, &a, sizeof a);
    return y && o.reduce ? reduce_by_caller(graph, op, y, &o) : y;
}

rg_node *rg_loss_apply(rg_graph *graph, const rg_choice *loss, rg_node *logits, rg_node *labels,
                       const rg_loss_options *options)
{
    rg_loss_options o = options ? *options : rg_loss_options_default();
    if (!graph)
        return NULL;
    if (!loss || !loss->component) {
        rg__graph_fail(graph, RG_USAGE, "rg_loss_apply: loss is %s",
                       loss ? "not a choice from rg_losses()" : "NULL");
        return NULL;
    }
    o.params = &loss->params;
    return rg__apply_loss(graph, (const void *)loss->component, logits, labels, &o);
}
#endif
