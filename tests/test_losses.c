/* test_losses.c: what holds for every loss of the registry, with its defaults and with other values
 * of each parameter, on random lists: a batch gives the same bits flat, padded to any width, or
 * with holes; masked items may hold anything; a NaN stays in its list; lists can be shifted,
 * permuted, repeated and weighted as the properties of the loss say; gradients agree with
 * differences.
 *
 * Each loss runs 1,250 batches of 8 lists with its defaults, and 25 with each other value of a
 * parameter. `test_losses N M LOSS` runs N and M batches instead, and LOSS alone. */
#include "check.h"

#include "loss/losses.h"
#include "tensor/tensor.h"

enum { LISTS = 8, LONGEST = 24, ITEMS = LISTS * LONGEST, WIDEST = LONGEST + 3, COLUMNS = 9 };

static rg_context *ctx;
static rg_graph *graph;
static const char *only;                           /* the loss to test; NULL: all */
static int n_batches = 1250, n_other_batches = 25; /* with defaults; with another parameter */

/* Lists, one after another; an item has `columns` scores. */
struct batch {
    int64_t n_lists, offsets[LISTS + 1], columns;
    double s[ITEMS * COLUMNS], y[ITEMS], w[ITEMS];
    double list_weights[LISTS];
    int64_t ids[ITEMS]; /* of the items, for losses that draw random numbers */
    bool no_ids;
    uint64_t draw;
};

struct outcome {
    double loss[LISTS]; /* of each list; under the mean only the first is set */
    double ds[ITEMS * COLUMNS], dy[ITEMS], dw[ITEMS];
};

/* How a batch becomes operands. */
enum layout { FLAT, PADDED, WIDER, HOLES, FLAT_HOLES };

/* ---- Random batches ---- */

static double uniform(uint64_t seed, uint64_t what, uint64_t i)
{
    return rg_uniform(seed, RG_STREAM_OWN + what, i, 0);
}

/* Losses that take equal labels in the order of the rows: permuting such a list changes it. */
static bool keeps_row_order(const rg_choice *loss)
{
    const char *const names[] = {"listmle", "p_listmle"};
    char text[512];
    rg_choice_print(loss, text, sizeof text);
    for (int i = 0; i < RG__COUNT(names); i++)
        if (strcmp(loss->component->name, names[i]) == 0)
            return strstr(text, "ties=row") != NULL;
    return false;
}

/* Labels of a list; DISTINCT are fractions too. */
enum labels { ZERO, EQUAL, BINARY, DISTINCT, N_KINDS = 8, MIXED };

static double label_of(uint64_t seed, int kind, int64_t k, int64_t levels)
{
    double u = uniform(seed, 1, (uint64_t)k);
    if (levels > 0 && kind != ZERO && kind != EQUAL)
        return floor((double)levels * u);
    switch (kind) {
    case ZERO: return 0;
    case EQUAL: return levels == 2 ? 1 : 2;
    case BINARY: return floor(2 * u);
    case DISTINCT: return 0.01 + 3 * u;
    default: return floor(5 * u);
    }
}

/* Sizes from 0 to LONGEST, labels of a kind or MIXED from list to list, scores also with ties. */
static struct batch make_batch(const rg_choice *loss, uint64_t seed, enum labels labels,
                               bool tied_scores)
{
    rg_loss_properties properties = rg_loss_properties_of(loss);
    struct batch b = {.n_lists = LISTS, .columns = properties.columns};
    assert_true(b.columns <= COLUMNS);
    for (int64_t q = 0; q < LISTS; q++) {
        double u = uniform(seed, 2, (uint64_t)q);
        int64_t n = q == 0 ? 1 : q == 1 ? 0 : (int64_t)(u * u * (LONGEST + 1));
        int kind = labels != MIXED ? (int)labels : (int)(N_KINDS * uniform(seed, 3, (uint64_t)q));
        b.list_weights[q] = 0.5 + u;
        b.offsets[q + 1] = b.offsets[q] + n;
        for (int64_t k = b.offsets[q]; k < b.offsets[q + 1]; k++) {
            b.y[k] = label_of(seed, kind, k, properties.levels);
            for (int64_t i = k * b.columns; i < (k + 1) * b.columns; i++) {
                b.s[i] = 4 * uniform(seed, 4, (uint64_t)i) - 2;
                if (tied_scores)
                    b.s[i] = q % 3 == 0 ? 0.75 : floor(b.s[i]);
            }
            b.ids[k] = 1000 + k;
            b.w[k] = 0.25 + 2 * uniform(seed, 5, (uint64_t)k);
            if (tied_scores && q % 2 == 0) /* then some items are the same */
                b.w[k] = 0.25 + floor(b.w[k]);
        }
    }
    return b;
}

/* ---- Running one ---- */

/* Where item k of list q lies among the places of its list. */
static int64_t place_of(enum layout layout, int64_t k)
{
    return layout == HOLES || layout == FLAT_HOLES ? k + k / 3 + 1 : k;
}

static int64_t width_of(const struct batch *b, enum layout layout)
{
    int64_t longest = 0;
    for (int64_t q = 0; q < b->n_lists; q++)
        if (longest < b->offsets[q + 1] - b->offsets[q])
            longest = b->offsets[q + 1] - b->offsets[q];
    if (layout == HOLES || layout == FLAT_HOLES)
        return place_of(layout, longest) + 2;
    return longest + (layout == WIDER ? 3 : 0);
}

/* A leaf or variable of the values, which are copied: (n) or (rows,n), with one more axis where
 * there are several columns. */
static rg_node *operand(int ndim, int64_t rows, int64_t n, int64_t columns, const double *values,
                        bool variable)
{
    rg_tensor t = {RG_F64, ndim, {ndim == 2 ? rows : n, n}, NULL};
    if (columns > 1)
        t.dims[t.ndim++] = columns;
    int64_t count = rg_tensor_count(&t);
    t.data = rg_graph_alloc(graph, (size_t)count * sizeof(double) + 1);
    assert_non_null(t.data);
    memcpy(t.data, values, (size_t)count * sizeof(double));
    return variable ? rg_variable(graph, &t, NULL) : rg_leaf(graph, &t);
}

static void run_graph(rg_node *value, rg_node *const *x)
{
    (void)x;
    rg_tensor seed = *rg_node_value(value);
    int64_t count = rg_tensor_count(&seed);
    double *ones = rg_graph_alloc(graph, (size_t)count * sizeof(double) + 1);
    for (int64_t i = 0; i < count; i++)
        ones[i] = 1;
    seed.data = ones;
    assert_ok(ctx, rg_backward(graph, value, &seed));
}

/* The losses of the lists (`reduction` none) or their weighted mean, and the gradients. Masked
 * places hold NaN and infinities, and must get exactly no gradient. */
static struct outcome run(const rg_choice *loss, const struct batch *b, enum layout layout,
                          rg_reduction reduction)
{
    enum { ROOM = LISTS * 2 * WIDEST };
    static const double junk[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e300};
    double values[3][ROOM * COLUMNS], mask[ROOM] = {0};
    int64_t to[ITEMS], ids[ROOM] = {0}, offsets[LISTS + 1] = {0}, width = width_of(b, layout);
    bool flat = layout == FLAT || layout == FLAT_HOLES;
    int64_t n_places = layout == FLAT ? b->offsets[b->n_lists] : b->n_lists * width;
    struct outcome r = {0};
    for (int64_t i = 0; i < 3 * ROOM * b->columns; i++)
        values[i / (ROOM * b->columns)][i % (ROOM * b->columns)] = junk[(i + i / 5) % 4];
    for (int64_t q = 0; q < b->n_lists; q++) {
        offsets[q + 1] = layout == FLAT ? b->offsets[q + 1] : (q + 1) * width;
        for (int64_t k = b->offsets[q]; k < b->offsets[q + 1]; k++) {
            int64_t at = to[k] = offsets[q] + place_of(layout, k - b->offsets[q]);
            for (int64_t c = 0; c < b->columns; c++)
                values[0][at * b->columns + c] = b->s[k * b->columns + c];
            values[1][at] = b->y[k], values[2][at] = b->w[k];
            mask[at] = 1;
            ids[at] = b->ids[k];
        }
    }
    rg_graph_reset(graph);
    rg_node *x[3];
    for (int i = 0; i < 3; i++)
        x[i] = operand(flat ? 1 : 2, b->n_lists, flat ? n_places : width, i ? 1 : b->columns,
                       values[i], true);
    rg_loss_options o = {.weights = x[2],
                         .offsets = flat ? offsets : NULL,
                         .n_lists = b->n_lists,
                         .item_ids = b->no_ids ? NULL : ids,
                         .draw = b->draw,
                         .reduction = reduction};
    if (layout != FLAT)
        o.where = operand(flat ? 1 : 2, b->n_lists, flat ? n_places : width, 1, mask, false);
    if (reduction == RG_REDUCE_MEAN)
        o.list_weights = operand(1, 0, b->n_lists, 1, b->list_weights, false);
    rg_node *value = rg_loss_apply(graph, loss, x[0], x[1], &o);
    assert_ok(ctx, rg_graph_status(graph));
    run_graph(value, x);
    memcpy(r.loss, rg_node_value(value)->data,
           (size_t)rg_tensor_count(rg_node_value(value)) * sizeof(double));
    double *grads[] = {r.ds, r.dy, r.dw};
    for (int i = 0; i < 3; i++) {
        const double *grad = rg_node_grad(x[i]) ? rg_node_grad(x[i])->data : NULL;
        int64_t columns = i ? 1 : b->columns;
        for (int64_t k = 0; grad && k < b->offsets[b->n_lists] * columns; k++)
            grads[i][k] = grad[to[k / columns] * columns + k % columns];
        for (int64_t at = 0; grad && at < n_places * columns; at++)
            assert_true(mask[at / columns] != 0 || grad[at] == 0);
    }
    return r;
}

/* ---- Comparing ---- */

static const char *current; /* the loss under test, for messages */

static void fail_at(const char *what, int64_t seed, double a, double b)
{
    print_error("%s: %s (batch %lld): %.17g and %.17g\n", current, what, (long long)seed, a, b);
    fail();
}

static bool is_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The same bits, but for the sign of 0 and the payload of NaN. */
static void assert_same(const double *a, const double *b, int64_t n, const char *what, int64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        if (!is_same(a[i], b[i]))
            fail_at(what, seed, a[i], b[i]);
}

static void assert_near(double a, double b, double scale, const char *what, int64_t seed)
{
    if (!(fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b)) + 1e-11 * scale) && !is_same(a, b))
        fail_at(what, seed, a, b);
}

/* The sum of |x|, the scale of rounding. */
static double size_of(const double *x, int64_t begin, int64_t end)
{
    double sum = 1;
    for (int64_t k = begin; k < end; k++)
        sum += fabs(x[k]);
    return sum;
}

static void assert_same_outcome(const struct batch *b, const struct outcome *a,
                                const struct outcome *c, const char *what, int64_t seed)
{
    int64_t n = b->offsets[b->n_lists];
    assert_same(a->loss, c->loss, b->n_lists, what, seed);
    assert_same(a->ds, c->ds, n * b->columns, what, seed);
    assert_same(a->dy, c->dy, n, what, seed);
    assert_same(a->dw, c->dw, n, what, seed);
}

/* ---- Properties ---- */

/* Every layout gives the same bits; an empty list gives 0. */
static void check_layouts(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct outcome flat = run(loss, b, FLAT, RG_REDUCE_NONE);
    for (enum layout layout = PADDED; layout <= FLAT_HOLES; layout++) {
        struct outcome other = run(loss, b, layout, RG_REDUCE_NONE);
        assert_same_outcome(b, &flat, &other, "flat and another layout differ", seed);
    }
    for (int64_t q = 0; q < b->n_lists; q++)
        if (b->offsets[q] == b->offsets[q + 1] && flat.loss[q] != 0)
            fail_at("an empty list", seed, flat.loss[q], 0);
}

/* Another id or draw changes a random loss, and no other. */
static void check_draws(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct outcome first = run(loss, b, FLAT, RG_REDUCE_NONE);
    for (int what = 0; what < 2; what++) {
        struct batch other = *b;
        other.draw += what == 0;
        for (int64_t k = 0; what == 1 && k < b->offsets[LISTS]; k++)
            other.ids[k] += 1000;
        struct outcome r = run(loss, &other, FLAT, RG_REDUCE_NONE);
        int n_changed = 0;
        for (int64_t q = 0; q < LISTS; q++)
            n_changed += !is_same(first.loss[q], r.loss[q]);
        if ((n_changed > 0) != rg_loss_properties_of(loss).random)
            fail_at(what ? "other ids" : "another draw", seed, first.loss[2], r.loss[2]);
    }
}

/* A constant added to the scores of a list changes nothing, and the gradient sums to 0. */
static void check_shift(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    if (!rg_loss_properties_of(loss).shift_invariant)
        return;
    struct batch shifted = *b;
    for (int64_t k = 0; k < b->offsets[LISTS]; k++)
        shifted.s[k] += 16;
    struct outcome a = run(loss, b, FLAT, RG_REDUCE_NONE);
    struct outcome c = run(loss, &shifted, FLAT, RG_REDUCE_NONE);
    for (int64_t q = 0; q < LISTS; q++) {
        double sum = 0, scale = size_of(a.ds, b->offsets[q], b->offsets[q + 1]);
        assert_near(a.loss[q], c.loss[q], 10, "shifted scores change the loss", seed);
        for (int64_t k = b->offsets[q]; k < b->offsets[q + 1]; k++) {
            assert_near(a.ds[k], c.ds[k], 10 * scale, "shifted scores change a gradient", seed);
            sum += a.ds[k];
        }
        assert_near(sum, 0, scale, "the gradient does not sum to 0", seed);
    }
}

/* Items in another order: the same bits of the loss, and each item keeps those of its gradients. */
static void check_order(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct batch moved = *b;
    int64_t from[ITEMS];
    for (int64_t q = 0; q < LISTS; q++) {
        int64_t first = b->offsets[q], n = b->offsets[q + 1] - first;
        for (int64_t k = 0; k < n; k++)
            from[first + k] = first + k;
        rg_shuffle(from + first, n, (uint64_t)seed, RG_STREAM_OWN, (uint64_t)q);
    }
    for (int64_t k = 0; k < b->offsets[LISTS]; k++) {
        for (int64_t c = 0; c < b->columns; c++)
            moved.s[k * b->columns + c] = b->s[from[k] * b->columns + c];
        moved.y[k] = b->y[from[k]];
        moved.w[k] = b->w[from[k]];
        moved.ids[k] = b->ids[from[k]];
    }
    struct outcome a = run(loss, b, FLAT, RG_REDUCE_NONE);
    struct outcome c = run(loss, &moved, FLAT, RG_REDUCE_NONE), expected = c;
    for (int64_t k = 0; k < b->offsets[LISTS]; k++) {
        for (int64_t i = 0; i < b->columns; i++)
            expected.ds[k * b->columns + i] = a.ds[from[k] * b->columns + i];
        expected.dy[k] = a.dy[from[k]];
        expected.dw[k] = a.dw[from[k]];
    }
    memcpy(expected.loss, a.loss, sizeof a.loss);
    assert_same_outcome(b, &expected, &c, "the order of the items changes a bit", seed);
}

/* The mean of a batch in which the last list has weight 3, and stands there three times. */
static void check_list_weights(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct batch once = *b, thrice = *b;
    once.n_lists = thrice.n_lists = LISTS - 2;
    int64_t begin = b->offsets[LISTS - 3], end = b->offsets[LISTS - 2], n = end - begin;
    int64_t columns = b->columns;
    once.list_weights[LISTS - 3] = 3;
    thrice.list_weights[LISTS - 3] = 1;
    for (int copy = 1; copy <= 2; copy++) {
        int64_t at = end + (copy - 1) * n, q = thrice.n_lists++;
        memcpy(thrice.s + at * columns, b->s + begin * columns,
               (size_t)(n * columns) * sizeof(double));
        memcpy(thrice.y + at, b->y + begin, (size_t)n * sizeof(double));
        memcpy(thrice.w + at, b->w + begin, (size_t)n * sizeof(double));
        memcpy(thrice.ids + at, b->ids + begin, (size_t)n * sizeof(int64_t));
        thrice.offsets[q + 1] = at + n;
        thrice.list_weights[q] = 1;
    }
    struct outcome a = run(loss, &once, FLAT, RG_REDUCE_MEAN);
    struct outcome c = run(loss, &thrice, FLAT, RG_REDUCE_MEAN);
    assert_near(a.loss[0], c.loss[0], 1, "weight 3 and three copies: the mean", seed);
    for (int64_t k = 0; k < end * columns; k++) {
        double sum = c.ds[k];
        for (int copy = 1; copy <= 2 && k >= begin * columns; copy++)
            sum += c.ds[(end + (copy - 1) * n - begin) * columns + k];
        assert_near(a.ds[k], sum, size_of(a.ds, 0, end * columns), "weight 3 and three copies",
                    seed);
    }
    struct outcome each = run(loss, &thrice, FLAT, RG_REDUCE_NONE);
    assert_same(each.loss + LISTS - 3, each.loss + LISTS - 2, 1, "a list twice: the loss", seed);
    assert_same(each.ds + begin * columns, each.ds + end * columns, n * columns,
                "a list twice: the gradient", seed);
}

/* A NaN in score, label or weight of a valid item, or a score of +inf, makes the loss and the
 * gradient of the scores of its list NaN, and changes no bit of another. */
static void check_nan(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct outcome clean = run(loss, b, FLAT, RG_REDUCE_NONE);
    int64_t q = 2 + seed % (LISTS - 2), begin = b->offsets[q], end = b->offsets[q + 1];
    for (int what = 0; what < 4 && begin < end; what++) {
        struct batch bad = *b;
        double *const at[] = {bad.s, bad.y, bad.w, bad.s};
        int64_t k = begin + seed % (end - begin), columns = b->columns;
        if (what % 3 == 0) /* a score */
            k = k * columns + seed % columns;
        at[what][k] = what == 3 ? (double)INFINITY : (double)NAN;
        struct outcome r = run(loss, &bad, FLAT, RG_REDUCE_NONE);
        for (int64_t i = 0; i < LISTS; i++)
            if (i == q ? !isnan(r.loss[i]) : !is_same(r.loss[i], clean.loss[i]))
                fail_at(i == q ? "a NaN is hidden" : "a NaN in another list", seed, r.loss[i],
                        clean.loss[i]);
        for (int64_t i = 0; i < b->offsets[LISTS] * columns; i++)
            if (i >= begin * columns && i < end * columns ? !isnan(r.ds[i])
                                                          : !is_same(r.ds[i], clean.ds[i]))
                fail_at("the gradient beside a NaN", seed, r.ds[i], clean.ds[i]);
    }
}

/* Finite scores of any size give no NaN, and -inf leaves the other lists alone. */
static void check_extremes(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    struct outcome clean = run(loss, b, FLAT, RG_REDUCE_NONE);
    int64_t q = 2 + seed % (LISTS - 2), begin = b->offsets[q], end = b->offsets[q + 1];
    static const double extremes[] = {1e30, -1e30, -(double)INFINITY};
    for (int what = 0; what < 3 && begin < end; what++) {
        struct batch bad = *b;
        int64_t columns = b->columns;
        bad.s[(begin + seed % (end - begin)) * columns + seed % columns] = extremes[what];
        struct outcome r = run(loss, &bad, FLAT, RG_REDUCE_NONE);
        if (what < 2 && isnan(r.loss[q]))
            fail_at("a large score makes the loss NaN", seed, r.loss[q], extremes[what]);
        for (int64_t k = begin * columns; k < end * columns && what < 2; k++)
            if (isnan(r.ds[k]))
                fail_at("a large score makes a gradient NaN", seed, r.ds[k], extremes[what]);
        for (int64_t k = 0; k < b->offsets[LISTS] * columns; k++)
            if (!(k >= begin * columns && k < end * columns) && !is_same(r.ds[k], clean.ds[k]))
                fail_at("an extreme score in another list", seed, r.ds[k], clean.ds[k]);
    }
}

/* The difference of the losses of a list along a direction of one operand, by central differences,
 * minus the gradient's; relative to the gradient. */
static double slope_error(const rg_choice *loss, const struct batch *b, int64_t q, int operand,
                          double h, uint64_t seed)
{
    struct batch ends[2] = {*b, *b};
    struct outcome r = run(loss, b, FLAT, RG_REDUCE_NONE), at[2];
    const double *grad = operand == 0 ? r.ds : operand == 1 ? r.dy : r.dw;
    double slope = 0, size = 1e-3;
    int64_t columns = operand == 0 ? b->columns : 1;
    for (int64_t k = b->offsets[q] * columns; k < b->offsets[q + 1] * columns; k++) {
        double d = 2 * uniform(seed, 6, (uint64_t)k) - 1;
        for (int i = 0; i < 2; i++) {
            double *x[] = {ends[i].s, ends[i].y, ends[i].w};
            x[operand][k] += i ? -h * d : h * d;
        }
        slope += grad[k] * d;
        size += fabs(grad[k] * d);
    }
    for (int i = 0; i < 2; i++)
        at[i] = run(loss, &ends[i], FLAT, RG_REDUCE_NONE);
    return fabs((at[0].loss[q] - at[1].loss[q]) / (2 * h) - slope) / (size + fabs(r.loss[q]));
}

/* Gradients against differences; tried twice, since the first may straddle a kink. */
static void check_slopes(const rg_choice *loss, const struct batch *b, bool labels, int64_t seed)
{
    static const char *const what[] = {"the slope in the scores", "the slope in the labels",
                                       "the slope in the weights"};
    int64_t q = 2 + seed % (LISTS - 2);
    if (rg_loss_properties_of(loss).constant_factors)
        return;
    for (int operand = 0; operand < 3; operand++) {
        if (operand == 1 && (!labels || rg_loss_properties_of(loss).constant_labels))
            continue;
        double error = slope_error(loss, b, q, operand, 1e-5, (uint64_t)seed);
        if (!(error < 1e-6))
            error = slope_error(loss, b, q, operand, 3e-7, (uint64_t)seed + 1);
        if (!(error < 1e-6))
            fail_at(what[operand], seed, error, 0);
    }
}

/* Scores in clusters so far apart that exponentials of their differences underflow. */
static struct batch spread(const struct batch *b)
{
    struct batch wide = *b;
    for (int64_t k = 0; k < b->offsets[LISTS]; k++)
        wide.s[k] += 1024 * (double)(k % 3);
    return wide;
}

/* All x86-64 levels of the machine give the same bits. */
static void check_levels(const rg_choice *loss, const struct batch *b, int64_t seed)
{
    const int all[] = {1, 3}, widest = ctx->level;
    struct outcome expected = run(loss, b, FLAT, RG_REDUCE_NONE);
    for (int l = 0; l < 2 && all[l] < widest; l++) {
        ctx->level = all[l];
        struct outcome other = run(loss, b, FLAT, RG_REDUCE_NONE);
        ctx->level = widest;
        assert_same_outcome(b, &expected, &other, "levels of the machine differ", seed);
    }
}

static void check_loss(const rg_choice *loss, int n)
{
    for (int64_t seed = 0; seed < n; seed++) {
        struct batch plain = make_batch(loss, (uint64_t)seed, MIXED, false);
        struct batch distinct = make_batch(loss, (uint64_t)seed, DISTINCT, false);
        struct batch tied =
            make_batch(loss, (uint64_t)seed, keeps_row_order(loss) ? DISTINCT : MIXED, true);
        tied.no_ids = true;
        check_layouts(loss, seed % 2 ? &plain : &tied, seed);
        tied.no_ids = false;
        if (width_of(&distinct, PADDED) > 1)
            check_draws(loss, &distinct, seed);
        check_levels(loss, &plain, seed);
        check_shift(loss, &tied, seed);
        check_order(loss, &tied, seed);
        check_list_weights(loss, &plain, seed);
        check_nan(loss, &plain, seed);
        check_extremes(loss, &plain, seed);
        check_slopes(loss, &plain, false, seed);
        check_slopes(loss, &distinct, true, seed);
        struct batch wide = spread(&distinct);
        if (rg_loss_properties_of(loss).shift_invariant)
            check_slopes(loss, &wide, true, seed);
    }
}

/* Long lists in another order, in the type too that the loss may be computed in. */
static void check_long_order(const rg_choice *loss, rg_dtype dtype)
{
    enum { LONG = 300 };
    static float narrow[2][LONG * COLUMNS];
    static double s[2][LONG * COLUMNS], y[2][LONG], w[2][LONG], ds[2][LONG * COLUMNS];
    static int64_t ids[2][LONG], from[LONG];
    rg_loss_properties properties = rg_loss_properties_of(loss);
    int64_t columns = properties.columns, offsets[] = {0, LONG};
    double value[2];
    for (int64_t k = 0; k < LONG; k++)
        from[k] = k;
    rg_shuffle(from, LONG, 1, RG_STREAM_OWN, 0);
    for (int i = 0; i < 2; i++) {
        for (int64_t k = 0; k < LONG; k++) {
            int64_t at = i ? from[k] : k;
            y[i][k] = label_of(1, BINARY, at, properties.levels);
            w[i][k] = at % 5 ? 1 : 0.25 + uniform(1, 5, (uint64_t)at);
            ids[i][k] = at;
            for (int64_t c = 0; c < columns; c++) {
                double u = uniform(1, 4, (uint64_t)(at * columns + c));
                narrow[i][k * columns + c] = (float)(s[i][k * columns + c] = 4 * u - 2);
            }
        }
        rg_tensor logits = {dtype, 1, {LONG}, dtype == RG_F32 ? (void *)narrow[i] : s[i]};
        const rg_tensor labels = {RG_F64, 1, {LONG}, y[i]}, weights = {RG_F64, 1, {LONG}, w[i]};
        if (columns > 1)
            logits.dims[logits.ndim++] = columns;
        rg_graph_reset(graph);
        rg_loss_options o = {.offsets = offsets, .n_lists = 1, .item_ids = ids[i]};
        rg_node *x = rg_variable(graph, &logits, NULL);
        o.weights = rg_leaf(graph, &weights);
        rg_node *l = rg_loss_apply(graph, loss, x, rg_leaf(graph, &labels), &o);
        assert_ok(ctx, rg_backward(graph, l, NULL));
        value[i] = rg__element(dtype, rg_node_value(l)->data, 0);
        for (int64_t k = 0; k < LONG * columns; k++)
            ds[i][k] = rg__element(dtype, rg_node_grad(x)->data, k);
    }
    assert_same(&value[0], &value[1], 1, "the order of a long list", 0);
    for (int64_t k = 0; k < LONG; k++)
        assert_same(ds[0] + from[k] * columns, ds[1] + k * columns, columns,
                    "a gradient and the order of a long list", k);
}

/* ---- The walk ---- */

/* Sets value i of a parameter that is not its default: each other name, the other truth, or for a
 * number twice or half the default. False past the last. */
static bool set_other(rg_choice *loss, const rg_param *param, int i)
{
    char value[64] = "";
    double initial = param->initial;
    if (param->type == RG_PARAM_NAME) {
        i += i >= (int)initial;
        if (!param->name_at(i))
            return false;
        snprintf(value, sizeof value, "%s", param->name_at(i));
    } else if (i > 0) {
        return false;
    } else if (param->type == RG_PARAM_FLAG) {
        snprintf(value, sizeof value, initial != 0 ? "false" : "true");
    } else {
        snprintf(value, sizeof value, "%g", initial == 0 ? 1 : 2 * initial);
        if (rg_choice_set(ctx, loss, param->name, value) == RG_OK)
            return true;
        snprintf(value, sizeof value, "%g", initial / 2);
    }
    assert_ok(ctx, rg_choice_set(ctx, loss, param->name, value));
    return true;
}

/* check_loss for a loss with its defaults, and with each other value of one parameter. */
static void every_value(const rg_component *component)
{
    static char text[512];
    for (int p = -1; p < component->n_params; p++)
        for (int i = 0;; i++) {
            rg_choice loss;
            assert_ok(ctx, rg_choice_make(ctx, component, NULL, &loss));
            if (p < 0 ? i > 0 : !set_other(&loss, &component->params[p], i))
                break;
            rg_choice_print(&loss, text, sizeof text);
            current = text;
            check_loss(&loss, p < 0 ? n_batches : n_other_batches);
            for (int d = 0; d < 2 && !keeps_row_order(&loss); d++)
                check_long_order(&loss, d ? RG_F32 : RG_F64);
        }
}

static void every_loss(void **state)
{
    (void)state;
    const rg_component *component;
    for (int i = 0; (component = rg_registry_at(rg_losses(), i)) != NULL; i++)
        if (!only || strcmp(only, component->name) == 0)
            every_value(component);
}

/* ---- SoftRank on long lists -------------------------------------------------------------------- */

/* The mean of 1 / log2(2 + r) over the binomial distribution of `trials` fair trials. */
static double binomial_discount(int64_t trials)
{
    double mode = 1 / log2(2 + (double)(trials / 2)), sum = mode, total = 1, p = 1;
    for (int64_t r = trials / 2; r < trials; r++) {
        p *= (double)(trials - r) / (double)(r + 1);
        sum += p / log2(3 + (double)r);
        total += p;
    }
    p = 1;
    for (int64_t r = trials / 2; r > 0; r--) {
        p *= (double)r / (double)(trials - r + 1);
        sum += p / log2(1 + (double)r);
        total += p;
    }
    return sum / total;
}

/* With equal scores the rank of the relevant item is binomial. */
static void softrank_of_equal_scores(void **state)
{
    static const int64_t lengths[] = {1, 2, 3, 17, 300, 1999, 2000, 2001, 5000, 40000};
    static double s[40000], y[40000] = {1};
    rg_choice loss;
    (void)state;
    assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), "softrank_ndcg", &loss));
    for (int i = 0; i < RG__COUNT(lengths); i++) {
        rg_tensor scores = {RG_F64, 1, {lengths[i]}, s}, labels = {RG_F64, 1, {lengths[i]}, y};
        rg_graph_reset(graph);
        rg_node *value =
            rg_loss_apply(graph, &loss, rg_leaf(graph, &scores), rg_leaf(graph, &labels), NULL);
        assert_ok(ctx, rg_graph_status(graph));
        assert_float_equal(-binomial_discount(lengths[i] - 1),
                           *(double *)rg_node_value(value)->data, 1e-13);
    }
}

static int set_up(void **state)
{
    (void)state;
    ctx = context_of(1);
    graph = rg_graph_create(ctx);
    return graph ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(softrank_of_equal_scores, set_up, tear_down),
    };
    if (argc > 1)
        n_batches = atoi(argv[1]);
    if (argc > 2)
        n_other_batches = atoi(argv[2]);
    if (argc > 3)
        only = argv[3];
    RUN_TESTS(tests);
}
