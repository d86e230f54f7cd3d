/* precision.c: finds, column by column, the span of values that f32 rounds; see precision.h. */
#include "data/builder/precision.h"

#include "base/number.h"
#include "data/split.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    STEPS = 4096, /* of f32: values that all lie within fewer are not distinguished well enough */
    MANY = 64     /* values are enough to judge by, also where most rows have none */
};

/* ---- Spans ----------------------------------------------------------------------------------- */

/* Room for n spans, zeroed. */
static bool make_room(rg_context *ctx, struct rg__precision *p, int64_t n)
{
    if (n <= p->n_spans)
        return true;
    n = n < 2 * p->n_spans ? 2 * p->n_spans : n;
    struct rg__span *spans = rg__alloc(ctx, n, sizeof *spans, "the spans of columns");
    if (!spans)
        return false;
    if (p->n_spans > 0)
        memcpy(spans, p->spans, (size_t)p->n_spans * sizeof *spans);
    rg__free(ctx, p->spans);
    p->spans = spans;
    p->n_spans = n;
    return true;
}

static void widen(struct rg__span *to, const struct rg__span *more)
{
    if (to->n == 0) {
        *to = *more;
    } else if (more->n > 0) {
        to->n += more->n;
        to->least = more->least < to->least ? more->least : to->least;
        to->greatest = more->greatest > to->greatest ? more->greatest : to->greatest;
        to->place = more->place < to->place ? more->place : to->place;
    }
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Whether f32 loses a value, which it does not hold exactly, whatever the others are. */
static bool is_lost(double value)
{
    float rounded = (float)value;
    double magnitude = fabs(value);
    return rounded == 0 || isinf(rounded) ||
           (magnitude > 0x1p24 && magnitude <= 0x1p53 && magnitude == floor(magnitude));
}

/* Keeps the first lost value: the least place, then the least column. */
static void add_lost(struct rg__precision *p, int64_t place, int32_t column, double value)
{
    if (p->loses && (p->lost_place < place || (p->lost_place == place && p->lost_column <= column)))
        return;
    p->loses = true;
    p->lost_place = place;
    p->lost_column = column;
    p->lost_value = value;
}

bool rg__precision_add(rg_context *ctx, struct rg__precision *p, const int32_t *columns,
                       const double *values, int64_t n, int64_t place)
{
    for (int64_t i = 0; i < n; i++) {
        double value = values[i];
        if ((double)(float)value == value || !isfinite(value))
            continue;
        if (is_lost(value))
            add_lost(p, place, columns[i], value);
        if (columns[i] >= RG__MOST_SPANS)
            continue;
        if (columns[i] >= p->n_spans && !make_room(ctx, p, columns[i] + 1))
            return false;
        widen(&p->spans[columns[i]], &(struct rg__span){1, value, value, place});
    }
    return true;
}

bool rg__precision_merge(rg_context *ctx, struct rg__precision *to,
                         const struct rg__precision *from)
{
    if (!make_room(ctx, to, from->n_spans))
        return false;
    for (int64_t i = 0; i < from->n_spans; i++)
        widen(&to->spans[i], &from->spans[i]);
    if (from->loses)
        add_lost(to, from->lost_place, from->lost_column, from->lost_value);
    return true;
}

void rg__precision_free(rg_context *ctx, struct rg__precision *p)
{
    rg__free(ctx, p->spans);
    *p = (struct rg__precision){0};
}

/* ---- The loss -------------------------------------------------------------------------------- */

/* The distance of f32's neighbours at the magnitude of a span. */
static double step_of(double least, double greatest)
{
    double magnitude = fmax(fabs(least), fabs(greatest));
    int exponent = magnitude < (double)FLT_MIN ? FLT_MIN_EXP - 1 : ilogb(magnitude);
    return ldexp(1, exponent - (FLT_MANT_DIG - 1));
}

/* A few values of a column that is otherwise 0 or exact are judged with these, so that they span
 * far more than a few thousand steps. */
static bool is_crowded(const struct rg__span *span, int64_t n_rows)
{
    return span->least < span->greatest && (span->n >= MANY || 2 * span->n >= n_rows) &&
           span->greatest - span->least < STEPS * step_of(span->least, span->greatest);
}

struct rg__loss rg__precision_loss(const struct rg__precision *p, int64_t n_rows)
{
    if (p->loses)
        return (struct rg__loss){true,          true,          p->lost_column,
                                 p->lost_place, p->lost_value, p->lost_value};
    for (int64_t i = 0; i < p->n_spans; i++) {
        const struct rg__span *span = &p->spans[i];
        if (is_crowded(span, n_rows))
            return (struct rg__loss){true,        false,       (int32_t)i,
                                     span->place, span->least, span->greatest};
    }
    return (struct rg__loss){.found = false};
}

/* The shortest text that reads back as the same number. */
struct number {
    char text[32];
};

static struct number shortest(double value)
{
    struct number n;
    double back = 0;
    for (int digits = 9; digits <= 17 && (digits == 9 || back != value); digits++) {
        char padded[sizeof n.text + RG__NUMBER_PAD] = "";
        snprintf(n.text, sizeof n.text, "%.*g", digits, value);
        memcpy(padded, n.text, sizeof n.text);
        rg__read_number(padded, &back);
    }
    return n;
}

struct rg__loss_text rg__loss_text(const struct rg__loss *loss)
{
    struct rg__loss_text t;
    if (loss->alone)
        snprintf(t.text, sizeof t.text, "is %s, which f32 holds as %.9g",
                 shortest(loss->least).text, (double)(float)loss->least);
    else
        snprintf(t.text, sizeof t.text, "is within %s and %s, which f32 holds in steps of %.3g",
                 shortest(loss->least).text, shortest(loss->greatest).text,
                 step_of(loss->least, loss->greatest));
    return t;
}

/* ---- Splits ---------------------------------------------------------------------------------- */

/* The columns 0, 1, ... and room for one dense row; NULL: no memory. */
static bool make_row(rg_context *ctx, int64_t n, int32_t **columns, double **row)
{
    *columns = rg__alloc(ctx, n, sizeof **columns, "a row of features");
    *row = rg__alloc(ctx, n, sizeof **row, "a row of features");
    for (int64_t j = 0; *columns && j < n; j++)
        (*columns)[j] = (int32_t)j;
    return *columns && *row;
}

rg_status rg__split_loss(rg_context *ctx, const rg_split *split, struct rg__loss *loss)
{
    const rg_csr *csr = &split->csr;
    bool sparse = csr->indptr;
    struct rg__precision precision = {.n_spans = 0};
    int32_t *columns = NULL;
    double *values = NULL;
    *loss = (struct rg__loss){.found = false};
    if ((sparse ? csr->dtype : split->features.dtype) != RG_F64)
        return RG_OK;
    bool ready = sparse || make_row(ctx, split->n_features, &columns, &values);
    for (int64_t row = 0; ready && row < split->n_rows; row++) {
        int64_t begin = sparse ? csr->indptr[row] : 0;
        int64_t n = sparse ? csr->indptr[row + 1] - begin : split->n_features;
        if (!rg__row_is_there(split, row))
            continue;
        if (!sparse)
            rg__copy_row(split, row, values);
        ready = rg__precision_add(ctx, &precision, sparse ? csr->indices + begin : columns,
                                  sparse ? (const double *)csr->data + begin : values, n, row);
    }
    if (ready)
        *loss = rg__precision_loss(&precision, split->n_rows);
    rg__precision_free(ctx, &precision);
    rg__free(ctx, columns);
    rg__free(ctx, values);
    return ready ? RG_OK : RG_LIMIT;
}
