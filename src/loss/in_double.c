/* in_double.c (compiled twice): runs losses that are written in double (rg_list).
 *
 * A list of the logits' type, from lists.c, is converted to double, the loss's function runs, and
 * the gradients are converted back, so one pair of functions serves f32 and f64. The loss's scratch
 * and kept numbers are doubles in the workspace allocated by lists.c.
 *
 * A list with a NaN or with a logit of +inf gets the loss and gradients NaN without calling the
 * loss's functions, so that no loss can hide it. */
#include "loss/lists.h"

#include <math.h>
#include <string.h>

/* Arrays for the converted operands, and as many for their gradients. */
enum { N_OPERANDS = 3 };

/* Numbers of each converted operand. */
static int64_t F(size_of)(int i, int64_t n, int64_t columns)
{
    return i == 0 ? n * columns : n;
}

/* Converts a list to double, in its scratch; without gradients. */
static rg_list F(widen)(const struct F(rg__list) * list)
{
    int64_t n = list->n;
    double *room = (double *)(void *)list->scratch, *to[N_OPERANDS];
    const real *from[] = {list->s, list->y, list->w};
    for (int i = 0; i < N_OPERANDS; i++) {
        int64_t size = F(size_of)(i, n, list->columns);
        to[i] = room;
        room += size;
        for (int64_t k = 0; k < size; k++)
            to[i][k] = from[i] ? ACC(from[i][k]) : 1;
    }
    return (rg_list){.n = n,
                     .columns = list->columns,
                     .logits = to[0],
                     .labels = to[1],
                     .weights = to[2],
                     .params = list->params,
                     .scratch = room + (list->columns + 2) * n,
                     .kept = (double *)(void *)list->kept,
                     .state = list->state,
                     .square = (double *)(void *)list->square,
                     .ctx = list->ctx,
                     .ids = list->ids,
                     .draw = list->draw,
                     .list_weight = list->list_weight,
                     .positions = list->positions,
                     .bias = list->bias};
}

static bool F(has_nan)(const rg_list *list)
{
    int bad = 0; /* no early end, for vectors */
    for (int64_t k = 0; k < list->n * list->columns; k++)
        bad |= list->logits[k] < (double)INFINITY ? 0 : 1;
    for (int64_t k = 0; k < list->n; k++)
        bad |= (isnan(list->labels[k]) ? 1 : 0) | (isnan(list->weights[k]) ? 1 : 0);
    return bad;
}

static double F(list_forward)(struct F(rg__list) * list)
{
    rg_list wide = F(widen)(list);
    if (list->logits_only) /* the room of the gradients, in backward */
        wide.unused = wide.scratch - (list->columns + 2) * list->n;
    return F(has_nan)(&wide) ? (double)NAN : list->loss->forward(&wide);
}

static void F(list_backward)(struct F(rg__list) * list, double upstream)
{
    rg_list wide = F(widen)(list);
    real *to[] = {list->ds, list->dy, list->dw};
    double **grad[] = {&wide.grad_logits, &wide.grad_labels, &wide.grad_weights};
    double *room = wide.scratch - (list->columns + 2) * list->n;
    for (int i = 0; i < N_OPERANDS; i++) {
        int64_t size = F(size_of)(i, list->n, list->columns);
        if (to[i])
            *grad[i] = memset(room, 0, (size_t)size * sizeof(double));
        room += size;
    }
    bool nan = F(has_nan)(&wide);
    if (!nan)
        list->loss->backward(&wide, upstream);
    for (int i = 0; i < N_OPERANDS; i++)
        for (int64_t k = 0; to[i] && k < F(size_of)(i, list->n, list->columns); k++)
            to[i][k] += nan ? (real)NAN : (real)(*grad[i])[k];
}

void F(rg__loss_in_double_forward)(rg_node *y)
{
    F(rg__lists_forward)(y, F(list_forward));
}

void F(rg__loss_in_double_backward)(rg_node *y)
{
    F(rg__lists_backward)(y, F(list_backward));
}

#ifdef RG__ONCE
rg_workspace rg__loss_in_double_workspace(const rg_workspace *own, rg_dtype dtype, int64_t columns)
{
    int per_double = dtype == RG_F32 ? 2 : 1, converted = 2 * ((int)columns + 2);
    return (rg_workspace){.scratch = (converted + own->scratch) * per_double,
                          .kept = own->kept * per_double,
                          .state = own->state,
                          .square = own->square * per_double};
}
#endif
