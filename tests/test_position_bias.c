/* test_position_bias.c: losses that correct for position bias: how they are given positions, collect
 * sums and update their factors, by themselves and in training. tests/golden/position_bias.jsonl
 * compares their numbers with LightGBM and with NumPy. */
#include "check.h"

#include "base/base.h"
#include "train/training.h"

enum { N = 60, N_POSITIONS = 12, N_FEATURES = 40 /* a step has several shards */ };

/* Every loss with positions. */
static const char *const losses[] = {
    "pairwise_debiasing",
    "pairwise_debiasing(sigma=2, regularization=0)",
    "unbiased_lambdarank",
    "pairwise_debiasing(lambda=label_difference, least_ratio=0.5)",
    "pairwise_debiasing(lambda=mrr, topn=5)",
    "lambdarank_lightgbm(position_bias=true)",
    "lambdarank_lightgbm(position_bias=true, lambdarank_norm=false)",
    ("lambdarank_lightgbm(position_bias=true, lambdarank_truncation_level=3, "
     "lambdarank_position_bias_regularization=0.3)"),
    "lambdarank_lightgbm(position_bias=true, position_bias_learning_rate=1, sigmoid=0.5)"};

/* Lists of one pass. */
struct lists {
    double logits[N], labels[N], weights[N];
    int64_t positions[N], offsets[8];
    int n_lists;
};

static struct lists draw(uint64_t seed)
{
    static const int64_t sizes[] = {10, 1, 12, 0, 20, 9, 8};
    struct lists l = {.n_lists = RG__COUNT(sizes)};
    for (int q = 0; q < l.n_lists; q++)
        l.offsets[q + 1] = l.offsets[q] + sizes[q];
    for (int i = 0; i < N; i++) {
        l.logits[i] = rg_normal(seed, RG_STREAM_OWN, 0, (uint64_t)i);
        l.labels[i] = rg_uniform(seed, RG_STREAM_OWN, 1, (uint64_t)i) < 0.4;
        l.weights[i] = rg_uniform(seed, RG_STREAM_OWN, 2, (uint64_t)i);
        l.positions[i] =
            1 + (int64_t)(rg_uniform(seed, RG_STREAM_OWN, 3, (uint64_t)i) * N_POSITIONS);
    }
    return l;
}

/* What a pass gives. */
struct pass {
    double value, grad[N], sums[N_POSITIONS * 3], factors[N_POSITIONS * 2];
};

/* A loss of the flat lists; `sum` reduction. */
static struct pass run_pass(rg_context *ctx, const char *text, const struct lists *l,
                            const double *list_weights, const rg_position_bias *bias)
{
    struct pass pass = {0};
    rg_objective objective;
    rg_graph *g = rg_graph_create(ctx);
    rg_loss_options o = rg_loss_options_default();
    const rg_tensor logits = {RG_F64, 1, {N}, (void *)(uintptr_t)l->logits};
    const rg_tensor labels = {RG_F64, 1, {N}, (void *)(uintptr_t)l->labels};
    const rg_tensor weights = {RG_F64, 1, {N}, (void *)(uintptr_t)l->weights};
    const rg_tensor of_lists = {RG_F64, 1, {l->n_lists}, (void *)(uintptr_t)list_weights};
    assert_ok(ctx, rg_objective_parse(ctx, rg_losses(), text, &objective));
    o.weights = rg_leaf(g, &weights);
    o.list_weights = list_weights ? rg_leaf(g, &of_lists) : NULL;
    o.offsets = l->offsets;
    o.n_lists = l->n_lists;
    o.reduction = RG_REDUCE_SUM;
    o.positions = l->positions;
    o.position_bias = bias;
    rg_node *x = rg_variable(g, &logits, pass.grad);
    rg_node *loss = rg_objective_apply(g, &objective, x, rg_leaf(g, &labels), &o);
    if (rg_backward(g, loss, NULL) != RG_OK)
        print_error("%s: %s\n", text, rg_last_error(ctx));
    assert_int_equal(rg_graph_status(g), RG_OK);
    pass.value = *(double *)rg_node_value(loss)->data;
    rg_graph_destroy(g);
    return pass;
}

static rg_choice choice_of(rg_context *ctx, const char *text)
{
    rg_choice choice;
    assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), text, &choice));
    assert_true(rg_loss_properties_of(&choice).positions);
    return choice;
}

static rg_position_bias create(rg_context *ctx, const char *text)
{
    rg_choice choice = choice_of(ctx, text);
    rg_position_bias bias;
    assert_ok(ctx, rg_position_bias_create(ctx, &choice, N_POSITIONS, &bias));
    return bias;
}

static void update(rg_context *ctx, const char *text, rg_position_bias *bias)
{
    rg_choice choice = choice_of(ctx, text);
    rg_position_bias_update(&choice, bias);
    for (int64_t i = 0; i < bias->n_positions * bias->n_sums; i++)
        assert_close(bias->sums[i], 0, 0, 0);
}

/* Some passes on changing scores; the last one. */
static struct pass run_passes(rg_context *ctx, const char *text, const struct lists *l,
                              const double *list_weights)
{
    rg_position_bias bias = create(ctx, text);
    struct lists moving = *l;
    struct pass pass = {0};
    for (int step = 0; step < 3; step++) {
        pass = run_pass(ctx, text, &moving, list_weights, &bias);
        memcpy(pass.sums, bias.sums, (size_t)(N_POSITIONS * bias.n_sums) * sizeof *bias.sums);
        update(ctx, text, &bias);
        memcpy(pass.factors, bias.factors,
               (size_t)(N_POSITIONS * bias.n_factors) * sizeof *bias.factors);
        for (int i = 0; i < N && step < 2; i++)
            moving.logits[i] -= 0.1 * pass.grad[i];
    }
    rg_position_bias_free(ctx, &bias);
    return pass;
}

/* Initial factors correct nothing, and so do absent positions. */
static void without_factors_nothing_changes(void **state)
{
    (void)state;
    static const char *const plain[] = {"pairwise_logistic",
                                        "pairwise_logistic(sigma=2)",
                                        "lambdarank",
                                        "pairwise_logistic(lambda=label_difference)",
                                        "pairwise_logistic(lambda=mrr, topn=5)",
                                        "lambdarank_lightgbm",
                                        "lambdarank_lightgbm(lambdarank_norm=false)",
                                        "lambdarank_lightgbm(lambdarank_truncation_level=3)",
                                        "lambdarank_lightgbm(sigmoid=0.5)"};
    rg_context *ctx = context_of(1);
    struct lists l = draw(1);
    for (int i = 0; i < RG__COUNT(losses); i++) {
        rg_position_bias bias = create(ctx, losses[i]);
        struct pass expected = run_pass(ctx, plain[i], &l, NULL, NULL);
        struct pass initial = run_pass(ctx, losses[i], &l, NULL, &bias);
        struct pass none = run_pass(ctx, losses[i], &l, NULL, NULL);
        assert_close(initial.value, expected.value, 1e-13, 0);
        assert_close(none.value, expected.value, 1e-13, 0);
        for (int k = 0; k < N; k++) {
            assert_close(initial.grad[k], expected.grad[k], 1e-12, 1e-15);
            assert_close(none.grad[k], expected.grad[k], 1e-12, 1e-15);
        }
        struct pass later = run_passes(ctx, losses[i], &l, NULL);
        double least = later.factors[0], most = least;
        for (int64_t k = 0; k < N_POSITIONS; k++) {
            least = fmin(least, later.factors[k * bias.n_factors]);
            most = fmax(most, later.factors[k * bias.n_factors]);
        }
        assert_true(most > least + 1e-3);
        rg_position_bias_free(ctx, &bias);
    }
    rg_context_destroy(ctx);
}

/* Each term of a sum has its own factors and sums. */
static void terms_have_their_own_factors(void **state)
{
    (void)state;
    static const struct {
        const char *sum;
        const char *terms[3];
    } cases[] = {
        {"pairwise_debiasing + lambdarank_lightgbm(position_bias=true)",
         {"pairwise_debiasing", "lambdarank_lightgbm(position_bias=true)"}},
        {"ranking_softmax + unbiased_lambdarank + pairwise_debiasing(sigma=2)",
         {"ranking_softmax", "unbiased_lambdarank", "pairwise_debiasing(sigma=2)"}},
    };
    rg_context *ctx = context_of(1);
    struct lists l = draw(6);
    for (int i = 0; i < RG__COUNT(cases); i++) {
        rg_position_bias together[3], alone[3];
        double value = 0;
        int n = 0;
        for (; n < 3 && cases[i].terms[n]; n++) {
            rg_choice choice;
            assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), cases[i].terms[n], &choice));
            assert_ok(ctx, rg_position_bias_create(ctx, &choice, N_POSITIONS, &together[n]));
            assert_ok(ctx, rg_position_bias_create(ctx, &choice, N_POSITIONS, &alone[n]));
            for (int64_t k = 0; k < N_POSITIONS * alone[n].n_factors; k++)
                together[n].factors[k] = alone[n].factors[k] =
                    0.3 + rg_uniform(9, RG_STREAM_OWN, (uint64_t)n, (uint64_t)k);
            value += run_pass(ctx, cases[i].terms[n], &l, NULL, &alone[n]).value;
        }
        assert_close(run_pass(ctx, cases[i].sum, &l, NULL, together).value, value, 1e-13, 0);
        for (n = 0; n < 3 && cases[i].terms[n]; n++) {
            for (int64_t k = 0; k < N_POSITIONS * alone[n].n_sums; k++)
                assert_close(together[n].sums[k], alone[n].sums[k], 0, 0);
            rg_position_bias_free(ctx, &together[n]);
            rg_position_bias_free(ctx, &alone[n]);
        }
    }
    rg_context_destroy(ctx);
}

/* Rows of a list in another order give the same bits of loss and gradients, also with equal scores
 * at different positions. */
static void the_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    for (int i = 0; i < RG__COUNT(losses); i++) {
        struct lists l = draw(2), turned = l;
        for (int k = 0; k < N; k += 3) { /* ties */
            l.logits[k] = 0.5;
            l.weights[k] = 1;
        }
        for (int q = 0; q < l.n_lists; q++)
            for (int64_t a = l.offsets[q], b = l.offsets[q + 1] - 1; a < l.offsets[q + 1];
                 a++, b--) {
                turned.logits[a] = l.logits[b];
                turned.labels[a] = l.labels[b];
                turned.weights[a] = l.weights[b];
                turned.positions[a] = l.positions[b];
            }
        rg_position_bias bias = create(ctx, losses[i]);
        for (int64_t k = 0; k < N_POSITIONS * bias.n_factors; k++)
            bias.factors[k] = 0.3 + rg_uniform(7, RG_STREAM_OWN, 0, (uint64_t)k);
        double *sums = bias.sums; /* which are not in the order of the items */
        bias.sums = NULL;
        struct pass one = run_pass(ctx, losses[i], &l, NULL, &bias);
        struct pass other = run_pass(ctx, losses[i], &turned, NULL, &bias);
        assert_memory_equal(&one.value, &other.value, sizeof one.value);
        for (int q = 0; q < l.n_lists; q++)
            for (int64_t a = l.offsets[q], b = l.offsets[q + 1] - 1; a < l.offsets[q + 1]; a++, b--)
                assert_memory_equal(&one.grad[a], &other.grad[b], sizeof *one.grad);
        bias.sums = sums;
        rg_position_bias_free(ctx, &bias);
    }
    rg_context_destroy(ctx);
}

/* A list of weight 3 counts like three of it in the sums, and one of weight 0 not at all. */
static void sums_count_lists_by_weight(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    struct lists l = draw(3), copies = l;
    const double only_first[] = {3, 0, 0, 0, 0, 0, 0};
    copies.n_lists = 4; /* three copies of the first list, and the rest of the rows */
    for (int q = 0; q < 3; q++) {
        copies.offsets[q + 1] = 10 * (q + 1);
        memcpy(copies.logits + 10 * q, l.logits, 10 * sizeof *l.logits);
        memcpy(copies.labels + 10 * q, l.labels, 10 * sizeof *l.labels);
        memcpy(copies.weights + 10 * q, l.weights, 10 * sizeof *l.weights);
        memcpy(copies.positions + 10 * q, l.positions, 10 * sizeof *l.positions);
    }
    copies.offsets[4] = N;
    const double first_three[] = {1, 1, 1, 0};
    for (int i = 0; i < RG__COUNT(losses); i++) {
        rg_position_bias a = create(ctx, losses[i]), b = create(ctx, losses[i]);
        double total = 0;
        run_pass(ctx, losses[i], &l, only_first, &a);
        run_pass(ctx, losses[i], &copies, first_three, &b);
        for (int64_t k = 0; k < N_POSITIONS * a.n_sums; k++) {
            assert_close(a.sums[k], b.sums[k], 1e-12, 1e-14);
            total += fabs(a.sums[k]);
        }
        assert_true(total > 0);
        rg_position_bias_free(ctx, &a);
        rg_position_bias_free(ctx, &b);
    }
    rg_context_destroy(ctx);
}

/* ---- Operands -------------------------------------------------------------------------------- */

/* One list, padded to `width` with masked items in between; the sum. */
static rg_status run_padded(rg_context *ctx, const char *text, const struct lists *l, int width,
                            bool masked, const rg_position_bias *bias, struct pass *pass)
{
    double logits[N] = {0}, labels[N] = {0}, grad[N] = {0};
    int64_t positions[N];
    bool where[N];
    int n = 10;
    rg_objective objective;
    rg_graph *g = rg_graph_create(ctx);
    rg_loss_options o = rg_loss_options_default();
    for (int k = 0; k < width; k++) {
        bool pad = masked && k % 2 == 1 && k / 2 < width - n;
        int from = masked ? (k / 2 < width - n ? k / 2 : k - (width - n)) : k;
        where[k] = !pad;
        logits[k] = pad ? (double)NAN : l->logits[from];
        labels[k] = pad ? (double)NAN : l->labels[from];
        positions[k] = pad ? -7 : l->positions[from];
    }
    const rg_tensor x = {RG_F64, 2, {1, width}, logits}, y = {RG_F64, 2, {1, width}, labels};
    const rg_tensor mask = {RG_BOOL, 2, {1, width}, where};
    assert_ok(ctx, rg_objective_parse(ctx, rg_losses(), text, &objective));
    o.where = masked ? rg_leaf(g, &mask) : NULL;
    o.positions = positions;
    o.position_bias = bias;
    rg_node *loss = rg_objective_apply(g, &objective, rg_variable(g, &x, grad), rg_leaf(g, &y), &o);
    rg_status status = rg_backward(g, loss, NULL);
    for (int k = 0, at = 0; status == RG_OK && k < width; k++)
        if (where[k])
            pass->grad[at++] = grad[k];
    if (status == RG_OK)
        pass->value = *(double *)rg_node_value(loss)->data;
    rg_graph_destroy(g);
    return status;
}

static void masks_move_positions_too(void **state)
{
    (void)state;
    static const int widths[] = {11, 12, 13, 15, 18, 20};
    rg_context *ctx = context_of(1);
    struct lists l = draw(4);
    for (int i = 0; i < RG__COUNT(losses); i++)
        for (int w = 0; w < RG__COUNT(widths); w++) {
            struct pass a = {0}, b = {0};
            rg_position_bias one = create(ctx, losses[i]), other = create(ctx, losses[i]);
            for (int64_t k = 0; k < N_POSITIONS * one.n_factors; k++)
                one.factors[k] = other.factors[k] =
                    0.3 + rg_uniform(8, RG_STREAM_OWN, 0, (uint64_t)k);
            assert_ok(ctx, run_padded(ctx, losses[i], &l, 10, false, &one, &a));
            assert_ok(ctx, run_padded(ctx, losses[i], &l, widths[w], true, &other, &b));
            assert_memory_equal(&a, &b, sizeof a);
            assert_memory_equal(one.sums, other.sums,
                                (size_t)(N_POSITIONS * one.n_sums) * sizeof *one.sums);
            rg_position_bias_free(ctx, &one);
            rg_position_bias_free(ctx, &other);
        }
    rg_context_destroy(ctx);
}

static void positions_out_of_range_are_reported(void **state)
{
    (void)state;
    static const int64_t bad[] = {0, -1, 13, 14, 1000, INT64_MAX, INT64_MIN, 1 << 30};
    rg_context *ctx = context_of(1);
    for (int i = 0; i < RG__COUNT(losses); i++)
        for (int k = 0; k < RG__COUNT(bad); k++) {
            struct lists l = draw(5);
            struct pass pass;
            char words[100];
            rg_position_bias bias = create(ctx, losses[i]);
            l.positions[4] = bad[k];
            snprintf(words, sizeof words, "positions[4] is %lld; expected 1 to 12",
                     (long long)bad[k]);
            assert_fails(ctx, RG_BAD_DATA, words,
                         run_padded(ctx, losses[i], &l, 10, false, &bias, &pass));
            rg_position_bias_free(ctx, &bias);
        }
    rg_context_destroy(ctx);
}

static void factors_of_another_loss_are_reported(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    struct lists l = draw(5);
    struct pass pass;
    for (int i = 0; i < RG__COUNT(losses); i++) {
        bool debiases = i < 5;
        rg_position_bias other = create(ctx, losses[debiases ? 5 : 0]), none = {.n_positions = 9};
        assert_fails(ctx, RG_USAGE, debiases ? "expected 2 and 2" : "expected 1 and 3",
                     run_padded(ctx, losses[i], &l, 10, false, &other, &pass));
        assert_fails(ctx, RG_USAGE, "position_bias has 0 factors",
                     run_padded(ctx, losses[i], &l, 10, false, &none, &pass));
        rg_position_bias_free(ctx, &other);
    }
    rg_context_destroy(ctx);
}

/* ---- Training -------------------------------------------------------------------------------- */

struct data {
    rg_dataset *source, *clicks;
    const rg_split *split;
};

static struct data make_clicks(rg_context *ctx)
{
    const rg_generate_options made = {40, N_FEATURES, 3};
    const rg_click_options options = {12, N_POSITIONS, 1, 0.1, 0, 1};
    struct data d;
    assert_ok(ctx, rg_dataset_generate(ctx, &made, NULL, &d.source));
    assert_ok(ctx, rg_clicks_simulate(ctx, rg_dataset_find(d.source, "train"), NULL, &options,
                                      &d.clicks, NULL));
    d.split = rg_dataset_find(d.clicks, "train");
    return d;
}

static void close_clicks(struct data *d)
{
    rg_dataset_close(d->clicks);
    rg_dataset_close(d->source);
}

static rg_train_options options_of(const char *loss)
{
    rg_train_options o = rg_train_options_default();
    o.loss = loss;
    o.model.dtype = RG_F64;
    o.epochs = 4;
    return o;
}

/* After the first epoch of one step, the factors are those of a pass over equal scores. */
static void an_epoch_is_a_pass(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    struct data d = make_clicks(ctx);
    double *zeros = calloc((size_t)d.split->n_rows, sizeof *zeros);
    for (int i = 0; i < RG__COUNT(losses); i++) {
        rg_train_options o = options_of(losses[i]);
        struct rg__training t;
        rg_choice choice = choice_of(ctx, losses[i]);
        rg_position_bias bias;
        rg_graph *g = rg_graph_create(ctx);
        rg_loss_options apply = rg_loss_options_default();
        const rg_tensor x = {RG_F64, 1, {d.split->n_rows}, zeros};
        const rg_tensor y = {RG_F64, 1, {d.split->n_rows}, (void *)(uintptr_t)d.split->labels};
        o.batch_lists = d.split->n_lists;
        assert_ok(ctx, rg_position_bias_create(ctx, &choice, N_POSITIONS, &bias));
        apply.offsets = d.split->offsets;
        apply.n_lists = d.split->n_lists;
        apply.positions = d.split->positions;
        apply.position_bias = &bias;
        assert_non_null(rg_loss_apply(g, &choice, rg_leaf(g, &x), rg_leaf(g, &y), &apply));
        rg_position_bias_update(&choice, &bias);
        assert_ok(ctx, rg__training_open(ctx, d.split, NULL, &o, &t));
        assert_ok(ctx, rg__training_epoch(&t)); /* measures the untrained model */
        assert_ok(ctx, rg__training_epoch(&t));
        assert_int_equal(t.stepper.bias[0].n_positions, N_POSITIONS);
        for (int64_t k = 0; k < N_POSITIONS * bias.n_factors; k++)
            assert_close(t.stepper.bias[0].factors[k], bias.factors[k], 1e-10, 1e-13);
        rg__training_close(&t);
        rg_position_bias_free(ctx, &bias);
        rg_graph_destroy(g);
    }
    free(zeros);
    close_clicks(&d);
    rg_context_destroy(ctx);
}

/* The model and the factors of a short training, one after another; returns their number. */
static int64_t train(int n_threads, const char *loss, bool interrupted, double *out)
{
    rg_context *ctx = context_of(n_threads);
    struct data d = make_clicks(ctx);
    rg_train_options o = options_of(loss);
    struct rg__training t[2];
    struct rg__named from[RG__TRAINING_STATE], to[RG__TRAINING_STATE];
    struct rg__training *last = &t[0];
    assert_ok(ctx, rg__training_open(ctx, d.split, NULL, &o, &t[0]));
    while (t[0].next_epoch <= (interrupted ? 2 : o.epochs))
        assert_ok(ctx, rg__training_epoch(&t[0]));
    if (interrupted) {
        last = &t[1];
        assert_ok(ctx, rg__training_open(ctx, d.split, NULL, &o, &t[1]));
        int n = rg__training_state(&t[0], from);
        assert_int_equal(rg__training_state(&t[1], to), n);
        for (int i = 0; i < n; i++)
            memcpy(to[i].tensor.data, from[i].tensor.data, rg__tensor_bytes(&from[i].tensor));
        rg__training_close(&t[0]);
        while (t[1].next_epoch <= o.epochs)
            assert_ok(ctx, rg__training_epoch(&t[1]));
    }
    int64_t count = last->model->parameters.count;
    memcpy(out, last->model->parameters.value, (size_t)count * sizeof *out);
    for (int term = 0; term < last->objective.n_terms; term++) {
        const rg_position_bias *bias = &last->stepper.bias[term];
        for (int64_t k = 0; k < bias->n_positions * bias->n_factors; k++)
            out[count++] = bias->factors[k];
    }
    rg__training_close(last);
    close_clicks(&d);
    rg_context_destroy(ctx);
    return count;
}

/* Any number of threads, or a stop in between, gives the same bits; also in sums of losses. */
static void training_has_the_same_bits(void **state)
{
    (void)state;
    static const char *const sums[] = {
        "ranking_softmax + 0.5*pairwise_debiasing",
        "pairwise_debiasing + lambdarank_lightgbm(position_bias=true) + lambdarank"};
    static const int threads[] = {2, 3, 8};
    for (int i = 0; i < RG__COUNT(losses) + RG__COUNT(sums); i++) {
        const char *loss = i < RG__COUNT(losses) ? losses[i] : sums[i - RG__COUNT(losses)];
        double first[200], other[200];
        int64_t n = train(1, loss, false, first);
        assert_true(n >= N_FEATURES + N_POSITIONS && n <= 200);
        for (int k = 0; k <= RG__COUNT(threads); k++) {
            bool stops = k == RG__COUNT(threads);
            assert_int_equal(train(stops ? 1 : threads[k], loss, stops, other), n);
            assert_memory_equal(other, first, (size_t)n * sizeof *first);
        }
    }
}

/* A split of which every third row is masked and spoilt trains like the one without them. */
static void masked_rows_leave_no_trace(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    struct data d = make_clicks(ctx);
    const rg_split *from = d.split;
    int64_t n = from->n_rows, kept = 0;
    rg_split masked = *from, without = *from;
    int64_t *positions[2], *offsets = calloc((size_t)from->n_lists + 1, sizeof *offsets);
    float *x = malloc((size_t)(n * N_FEATURES) * sizeof *x);
    double *labels = malloc((size_t)n * sizeof *labels);
    uint8_t *mask = malloc((size_t)n);
    for (int i = 0; i < 2; i++)
        positions[i] = malloc((size_t)n * sizeof *positions[i]);
    for (int64_t q = 0; q < from->n_lists; offsets[++q] = kept)
        for (int64_t row = from->offsets[q]; row < from->offsets[q + 1]; row++) {
            mask[row] = row % 3 != 1;
            positions[0][row] = mask[row] ? from->positions[row] : -99;
            if (!mask[row])
                continue;
            memcpy(x + kept * N_FEATURES, (float *)from->features.data + row * N_FEATURES,
                   N_FEATURES * sizeof *x);
            labels[kept] = from->labels[row];
            positions[1][kept++] = from->positions[row];
        }
    masked.mask = mask;
    masked.positions = positions[0];
    without.n_rows = kept;
    without.features = (rg_tensor){RG_F32, 2, {kept, N_FEATURES}, x};
    without.offsets = offsets;
    without.labels = labels;
    without.positions = positions[1];
    without.doc_ids = NULL;
    for (int i = 0; i < RG__COUNT(losses); i++) {
        rg_train_options o = options_of(losses[i]);
        rg_model *a, *b;
        assert_ok(ctx, rg_train(ctx, &masked, rg_no_split(), &o, &a, NULL));
        assert_ok(ctx, rg_train(ctx, &without, rg_no_split(), &o, &b, NULL));
        assert_memory_equal(rg_model_parameters(a)->value, rg_model_parameters(b)->value,
                            N_FEATURES * sizeof(double));
        rg_model_destroy(a);
        rg_model_destroy(b);
    }
    for (int i = 0; i < 2; i++)
        free(positions[i]);
    free(offsets);
    free(x);
    free(labels);
    free(mask);
    close_clicks(&d);
    rg_context_destroy(ctx);
}

static void training_needs_positions(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    struct data d = make_clicks(ctx);
    int64_t *positions = malloc((size_t)d.split->n_rows * sizeof *positions);
    rg_model *model;
    for (int i = 0; i < RG__COUNT(losses); i++) {
        static const struct {
            int64_t row, position;
            const char *words;
        } bad[] = {{0, 0, "positions: row 1 (from 1) is 0; expected 1 to 1048576"},
                   {7, -1, "positions: row 8 (from 1) is -1"},
                   {9, RG_MAX_POSITION + 1, "positions: row 10 (from 1) is 1048577"}};
        rg_train_options o = options_of(losses[i]);
        rg_split split = *d.split;
        split.positions = NULL;
        assert_fails(ctx, RG_BAD_DATA, "the training split has no positions; expected for each row",
                     rg_train(ctx, &split, rg_no_split(), &o, &model, NULL));
        split.positions = positions;
        for (int k = 0; k < RG__COUNT(bad); k++) {
            memcpy(positions, d.split->positions, (size_t)split.n_rows * sizeof *positions);
            positions[bad[k].row] = bad[k].position;
            assert_fails(ctx, RG_BAD_DATA, bad[k].words,
                         rg_train(ctx, &split, rg_no_split(), &o, &model, NULL));
        }
    }
    free(positions);
    close_clicks(&d);
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_factors_nothing_changes),
        cmocka_unit_test(terms_have_their_own_factors),
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(sums_count_lists_by_weight),
        cmocka_unit_test(masks_move_positions_too),
        cmocka_unit_test(positions_out_of_range_are_reported),
        cmocka_unit_test(factors_of_another_loss_are_reported),
        cmocka_unit_test(an_epoch_is_a_pass),
        cmocka_unit_test(training_has_the_same_bits),
        cmocka_unit_test(masked_rows_leave_no_trace),
        cmocka_unit_test(training_needs_positions),
    };
    RUN_TESTS(tests);
}
