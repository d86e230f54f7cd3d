/* test_train.c: the training loop, on data it knows nothing of. */
#include "check.h"

#include "base/random.h"
#include "model/model.h"
#include "normalize/rows.h"
#include "tensor/tensor.h"
#include "train/judge.h"
#include "train/training.h"

/* ---- Data made here ---- */

/* Lists whose labels follow a linear truth over `n_features` features. */
struct made {
    rg_split split;
    float *x;
    double *labels;
    int64_t *offsets;
    uint8_t *mask;
};

static double draw(uint64_t what, uint64_t i)
{
    return rg_normal(5, RG__STREAM_SAMPLES, what, i);
}

/* Lengths from 1 to `most`, cyclically; labels 0 to `grades`, at least one list all zero. */
static struct made make(int64_t n_lists, int64_t most, int64_t n_features, double feature_scale,
                        double grades, uint64_t what)
{
    struct made m = {0};
    m.offsets = calloc((size_t)n_lists + 1, sizeof *m.offsets);
    for (int64_t q = 0; q < n_lists; q++)
        m.offsets[q + 1] = m.offsets[q] + 1 + (q * 7 + most - 1) % most;
    int64_t n = m.offsets[n_lists];
    m.x = calloc((size_t)(n * n_features), sizeof *m.x);
    m.labels = calloc((size_t)n, sizeof *m.labels);
    for (int64_t i = 0, q = 0; i < n; i++) {
        while (i >= m.offsets[q + 1])
            q++;
        double truth = 0.3 * draw(what, (uint64_t)(i * (n_features + 1)));
        for (int64_t f = 0; f < n_features; f++) {
            double z = draw(what, (uint64_t)(i * (n_features + 1) + f + 1));
            truth += z * (f % 2 ? -1 : 1) / (1 + (double)f);
            m.x[i * n_features + f] = (float)(feature_scale * (z + 3));
        }
        double grade = floor((truth - 0.4) * grades / 2);
        m.labels[i] = q % 9 == 8 || grade < 0 ? 0 : grade > grades ? grades : grade;
    }
    m.split = (rg_split){.name = "train",
                         .n_rows = n,
                         .n_features = n_features,
                         .n_lists = n_lists,
                         .features = {RG_F32, 2, {n, n_features}, m.x},
                         .labels = m.labels,
                         .offsets = m.offsets};
    return m;
}

static void unmake(struct made *m)
{
    free(m->x);
    free(m->labels);
    free(m->offsets);
    free(m->mask);
}

/* ---- What came of a training ---- */

struct log {
    double first_loss, last_loss, first_lr, last_lr, untrained, kept;
    double metric[512]; /* by epoch */
    int64_t n_epochs;
    char note[2048];
};

static bool on_epoch(void *user, const rg_epoch *epoch)
{
    struct log *log = user;
    double metric = isnan(epoch->vali_metric) ? epoch->train_metric : epoch->vali_metric;
    if (epoch->epoch == 0)
        log->untrained = metric;
    if (epoch->epoch == 1) {
        log->first_loss = epoch->loss;
        log->first_lr = epoch->lr;
    }
    log->last_loss = epoch->loss;
    log->last_lr = epoch->lr;
    log->metric[epoch->epoch % 512] = metric;
    if (epoch->best)
        log->kept = metric;
    log->n_epochs++;
    return true;
}

static void on_log(void *user, rg_log_level level, const char *message)
{
    struct log *log = user;
    (void)level;
    strncat(log->note, message, sizeof log->note - strlen(log->note) - 1);
}

static struct log train_log;
static rg_context *ctx;

static int set_up(void **state)
{
    (void)state;
    rg_context_options o = rg_context_options_default();
    memset(&train_log, 0, sizeof train_log);
    o.log = on_log;
    o.log_user = &train_log;
    ctx = rg_context_create(&o);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    return 0;
}

/* ranking_softmax with a label mode. */
static const char *loss_of(rg_label_mode mode)
{
    static const char *const names[] = {"ranking_softmax", "ranking_softmax(label_mode=normalized)",
                                        "ranking_softmax(label_mode=softmax)"};
    return names[mode];
}

static rg_train_options options(void)
{
    rg_train_options o = rg_train_options_default();
    o.on_epoch = on_epoch;
    o.user = &train_log;
    return o;
}

/* ---- Training without options works on data it knows nothing of ---- */

static void unknown_data(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t lists, most;
        double scale, grades;
    } cases[] = {
        {"plain", 120, 30, 1, 4},
        {"features x 1e6", 120, 30, 1e6, 4},
        {"features x 1e-6", 120, 30, 1e-6, 4},
        {"labels to 100", 120, 30, 1, 100},
        {"long lists", 4, 10000, 1, 4},
        {"lists of one and two", 200, 2, 1, 4},
        {"binary labels", 120, 30, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = make(cases[i].lists, cases[i].most, 8, cases[i].scale, cases[i].grades, i);
        rg_model *model;
        rg_train_result result;
        rg_train_options o = options();
        assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, &result));
        const float *w = rg_model_parameters(model)->value;
        for (int f = 0; f < 8; f++)
            assert_true(isfinite(w[f]));
        bool learns =
            train_log.kept > train_log.untrained && train_log.last_loss < train_log.first_loss;
        if (!learns)
            fail_msg("%s: ndcg %g -> %g, loss %g -> %g", cases[i].what, train_log.untrained,
                     train_log.kept, train_log.first_loss, train_log.last_loss);
        assert_int_equal(result.kept_epoch, o.epochs);
        assert_close(train_log.first_lr, 0.1, 0.01, 0); /* the cosine runs over the steps */
        assert_true(train_log.last_lr < 1e-3);
        double mass = 0, n_with = 0; /* label_scale is over the lists that have any label */
        for (int64_t q = 0; q < m.split.n_lists; q++) {
            double of_list = 0;
            for (int64_t k = m.offsets[q]; k < m.offsets[q + 1]; k++)
                of_list += m.labels[k];
            mass += of_list;
            n_with += of_list > 0;
        }
        assert_close(result.label_scale, n_with / mass, 1e-12, 0);
        assert_int_equal(result.n_no_relevant, m.split.n_lists - (int64_t)n_with);
        rg_model_destroy(model);
        unmake(&m);
    }
}

/* The scale of the labels is no learning rate. */
static void label_scale_does_not_matter(void **state)
{
    (void)state;
    static const double factors[] = {1, 1e-3, 1e3};
    float weights[3][8];
    for (int i = 0; i < 3; i++) {
        struct made m = make(60, 20, 8, 1, 4, 1);
        for (int64_t k = 0; k < m.split.n_rows; k++)
            m.labels[k] *= factors[i];
        rg_model *model;
        rg_train_options o = options();
        assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        memcpy(weights[i], rg_model_parameters(model)->value, sizeof weights[i]);
        rg_model_destroy(model);
        unmake(&m);
    }
    for (int f = 0; f < 8; f++) {
        assert_close((double)weights[1][f], (double)weights[0][f], 1e-4, 1e-5);
        assert_close((double)weights[2][f], (double)weights[0][f], 1e-4, 1e-5);
    }
}

static void same_seed_same_bits(void **state)
{
    (void)state;
    struct made m = make(100, 20, 8, 1, 4, 2);
    float first[8], again[8], other[8];
    for (int i = 0; i < 3; i++) {
        rg_model *model;
        rg_train_options o = options();
        o.seed = i == 2 ? 2 : 1;
        assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        memcpy(i == 0   ? first
               : i == 1 ? again
                        : other,
               rg_model_parameters(model)->value, sizeof first);
        rg_model_destroy(model);
    }
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    unmake(&m);
}

/* ---- Which epochs are measured ---- */

/* Training lists are measured at epoch 0, every fifth epoch and the last one, and what is measured
 * is the model as it is then; validation lists always. */
static void training_lists_are_measured_now_and_then(void **state)
{
    (void)state;
    static const struct {
        int64_t epochs;
        bool vali;
        uint64_t measured; /* bit e: epoch e */
    } cases[] = {{1, false, 0x3},      {2, false, 0x5},   {4, false, 0x11},   {5, false, 0x21},
                 {6, false, 0x61},     {9, false, 0x221}, {10, false, 0x421}, {12, false, 0x1421},
                 {16, false, 0x18421}, {7, true, 0xff},   {1, true, 0x3}};
    struct made m = make(40, 20, 8, 1, 4, 3), v = make(30, 20, 8, 1, 4, 4);
    double *scores = calloc((size_t)m.split.n_rows, sizeof *scores);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_model *model;
        rg_train_options o = options();
        o.epochs = cases[i].epochs;
        assert_ok(ctx, rg_train(ctx, &m.split, cases[i].vali ? &v.split : rg_no_split(), &o, &model,
                                NULL));
        for (int64_t e = 0; e <= o.epochs; e++)
            if (isnan(train_log.metric[e]) != !(cases[i].measured >> e & 1))
                fail_msg("epoch %d of %d", (int)e, (int)o.epochs);
        rg_ranking ranking = {.n_lists = m.split.n_lists,
                              .offsets = m.offsets,
                              .scores = scores,
                              .labels = m.labels};
        rg_metric_result measured;
        assert_ok(ctx, rg_model_score_split(model, &m.split, scores));
        assert_ok(ctx, rg_metric_evaluate(ctx, &o.metric, &ranking, &measured, NULL));
        if (!cases[i].vali)
            assert_close(train_log.metric[o.epochs], measured.value, 0, 0);
        rg_model_destroy(model);
    }
    free(scores);
    unmake(&m);
    unmake(&v);
}

/* ---- Which epoch is kept ---- */

static void the_best_epoch_on_validation_is_kept(void **state)
{
    (void)state;
    struct made m = make(60, 20, 8, 1, 4, 3), v = make(30, 20, 8, 1, 4, 4);
    rg_model *model;
    rg_train_result result;
    rg_train_options o = options();
    o.schedule = "constant";
    o.optimizer.lr = 2; /* restless, so that the last epoch is not the best */
    o.epochs = 15;
    assert_ok(ctx, rg_train(ctx, &m.split, &v.split, &o, &model, &result));
    assert_false(result.kept_last);
    assert_int_equal(train_log.n_epochs, 16);
    assert_close(result.vali_metric, train_log.kept, 0, 0);
    int64_t best = 1;
    for (int64_t e = 1; e <= 15; e++)
        best = train_log.metric[e] > train_log.metric[best] ? e : best;
    assert_int_equal(result.kept_epoch, best);
    assert_true(best < 15); /* or this would show nothing */
    /* the model given is the one that was measured */
    double *scores = calloc((size_t)v.split.n_rows, sizeof *scores);
    assert_ok(ctx, rg_model_score_split(model, &v.split, scores));
    rg_ranking ranking = {.n_lists = v.split.n_lists,
                          .offsets = v.offsets,
                          .scores = scores,
                          .labels = v.labels};
    rg_metric_result measured;
    assert_ok(ctx, rg_metric_evaluate(ctx, &o.metric, &ranking, &measured, NULL));
    assert_close(measured.value, result.vali_metric, 0, 0);
    free(scores);
    rg_model_destroy(model);
    memset(v.labels, 0, (size_t)v.split.n_rows * sizeof *v.labels);
    assert_ok(ctx, rg_train(ctx, &m.split, &v.split, &o, &model, &result));
    assert_true(result.kept_last);
    assert_int_equal(result.kept_epoch, 15);
    assert_non_null(strstr(train_log.note, "no validation list has a relevant item"));
    rg_model_destroy(model);
    unmake(&m);
    unmake(&v);
}

static void without_validation_the_last_epoch_is_kept(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 5);
    rg_model *model;
    rg_train_result result;
    rg_train_options o = options();
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, &result));
    assert_true(result.kept_last && result.kept_epoch == 50);
    assert_non_null(strstr(train_log.note, "`vali_fraction`"));
    rg_model_destroy(model);
    o.vali_fraction = 0.25;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, &result));
    assert_int_equal(result.n_vali_lists, 10);
    assert_int_equal(result.n_train_lists, 30);
    assert_false(result.kept_last);
    rg_model_destroy(model);
    unmake(&m);
}

/* ---- Rows that are not there ---- */

static void masked_rows_leave_no_trace(void **state)
{
    (void)state;
    struct made m = make(60, 20, 4, 1, 4, 6), small = make(60, 20, 4, 1, 4, 6);
    float weights[2][4];
    m.mask = calloc((size_t)m.split.n_rows, 1);
    m.split.mask = m.mask;
    int64_t n = 0;
    for (int64_t q = 0; q < 60; q++) { /* every third row is masked in one, absent in the other */
        small.offsets[q] = n;
        for (int64_t i = m.offsets[q]; i < m.offsets[q + 1]; i++) {
            m.mask[i] = i % 3 != 0;
            if (m.mask[i]) {
                memcpy(small.x + 4 * n, m.x + 4 * i, 4 * sizeof *m.x);
                small.labels[n++] = m.labels[i];
                continue;
            }
            m.x[4 * i] = NAN;
            m.labels[i] = NAN;
        }
    }
    small.offsets[60] = small.split.n_rows = small.split.features.dims[0] = n;
    for (int i = 0; i < 2; i++) {
        rg_model *model;
        rg_train_options o = options();
        assert_ok(ctx, rg_train(ctx, i ? &small.split : &m.split, rg_no_split(), &o, &model, NULL));
        memcpy(weights[i], rg_model_parameters(model)->value, sizeof weights[i]);
        if (i == 0) {
            double *scores = calloc((size_t)m.split.n_rows, sizeof *scores);
            assert_ok(ctx, rg_model_score_split(model, &m.split, scores));
            assert_true(isnan(scores[0]) && isfinite(scores[1]));
            free(scores);
        }
        rg_model_destroy(model);
    }
    assert_memory_equal(weights[0], weights[1], sizeof weights[0]);
    unmake(&m);
    unmake(&small);
}

static void item_weights_multiply_labels(void **state)
{
    (void)state;
    struct made m = make(60, 20, 4, 1, 4, 7), heavy = make(60, 20, 4, 1, 4, 7);
    double weights[2][4];
    double *item = calloc((size_t)m.split.n_rows, sizeof *item);
    for (int64_t i = 0; i < m.split.n_rows; i++) {
        item[i] = 0.5 + (double)(i % 2);
        heavy.labels[i] *= item[i];
    }
    m.split.weights = item;
    for (int i = 0; i < 2; i++) {
        rg_model *model;
        rg_train_options o = options();
        o.model.dtype = RG_F64;
        o.epochs = 5;
        assert_ok(ctx, rg_train(ctx, i ? &heavy.split : &m.split, rg_no_split(), &o, &model, NULL));
        memcpy(weights[i], rg_model_parameters(model)->value, sizeof weights[i]);
        rg_model_destroy(model);
    }
    for (int f = 0; f < 4; f++)
        assert_close(weights[0][f], weights[1][f], 1e-6, 1e-7);
    free(item);
    unmake(&m);
    unmake(&heavy);
}

/* ---- List weights ---- */

/* The lists of `from`, list q as often as times[q] says, next to each other. */
static struct made repeat(const struct made *from, const int *times)
{
    struct made m = {0};
    int64_t width = from->split.n_features, n_lists = 0, n = 0;
    for (int64_t q = 0; q < from->split.n_lists; q++) {
        n_lists += times[q];
        n += times[q] * (from->offsets[q + 1] - from->offsets[q]);
    }
    m.split = from->split;
    m.offsets = calloc((size_t)n_lists + 1, sizeof *m.offsets);
    m.x = calloc((size_t)(n * width), sizeof *m.x);
    m.labels = calloc((size_t)n, sizeof *m.labels);
    n = n_lists = 0;
    for (int64_t q = 0; q < from->split.n_lists; q++)
        for (int copy = 0; copy < times[q]; copy++) {
            size_t rows = (size_t)(from->offsets[q + 1] - from->offsets[q]);
            memcpy(m.x + n * width, from->x + from->offsets[q] * width,
                   rows * (size_t)width * sizeof *m.x);
            memcpy(m.labels + n, from->labels + from->offsets[q], rows * sizeof *m.labels);
            m.offsets[++n_lists] = n += (int64_t)rows;
        }
    m.split.n_lists = n_lists;
    m.split.n_rows = m.split.features.dims[0] = n;
    m.split.features.data = m.x;
    m.split.labels = m.labels;
    m.split.offsets = m.offsets;
    m.split.list_weights = NULL;
    return m;
}

enum { N_WEIGHTED = 40 };

/* How lists are weighed: list q weighs `factor` * period[q % n_period]. */
struct weighing {
    const char *what;
    rg_label_mode mode;
    int period[4];
    int n_period;
    double factor;
    int64_t batch_lists; /* of the weighted lists, of a window where windowed; 0: all */
    bool windowed;       /* each period of lists is a window: steps with repeated lists are exact */
    const char *model;
};

/* The lists, which lengths tell apart; of equal lengths where they are windowed. */
static struct made weighted_lists(const struct weighing *w, int *times, double *weights)
{
    struct made m = make(N_WEIGHTED, w->windowed ? 1 : 9, 4, 1, 4, 7);
    if (w->windowed) {
        unmake(&m);
        m = make(1, N_WEIGHTED * 6, 4, 1, 4, 7);
        m.offsets = realloc(m.offsets, (N_WEIGHTED + 1) * sizeof *m.offsets);
        for (int q = 0; q <= N_WEIGHTED; q++)
            m.offsets[q] = 6 * q;
        m.split.n_lists = N_WEIGHTED;
        m.split.offsets = m.offsets;
    }
    for (int q = 0; q < N_WEIGHTED; q++) {
        times[q] = w->period[q % w->n_period];
        weights[q] = w->factor * times[q];
    }
    m.split.list_weights = weights;
    return m;
}

/* The parameters after training, at most 64; the last epoch's loss in train_log. */
static int64_t train_weighing(const struct weighing *w, const struct made *m, int64_t batch_lists,
                              int64_t window_lists, rg_train_result *result, double *to)
{
    rg_model *model;
    rg_train_options o = options();
    o.model.dtype = RG_F64;
    o.model.name = strcmp(w->model, "mlp") == 0 ? "mlp(hidden=[3])" : w->model;
    o.normalize = "none";
    o.loss = loss_of(w->mode);
    o.optimizer.lr = 0.01;
    o.epochs = 4;
    o.batch_lists = batch_lists;
    o.window_bytes = w->windowed ? window_lists * 6 * 4 * 8 : 0;
    assert_ok(ctx, rg_train(ctx, &m->split, rg_no_split(), &o, &model, result));
    const rg_parameters *p = rg_model_parameters(model);
    memcpy(to, p->value, (size_t)p->count * sizeof *to);
    int64_t n = p->count;
    rg_model_destroy(model);
    return n;
}

/* In every label mode, a list of weight 3 trains like the same list three times. */
static void a_list_of_weight_3_trains_like_three(void **state)
{
    (void)state;
    static const struct weighing cases[] = {
        {"raw", RG_LABELS_RAW, {3, 1}, 2, 1, 0, false, "linear"},
        {"normalized", RG_LABELS_NORMALIZED, {3, 1}, 2, 1, 0, false, "linear"},
        {"softmax", RG_LABELS_SOFTMAX, {3, 1}, 2, 1, 0, false, "linear"},
        {"raw, weights of another scale", RG_LABELS_RAW, {3, 1, 2}, 3, 1e-3, 0, false, "linear"},
        {"softmax, huge weights", RG_LABELS_SOFTMAX, {1, 4, 2}, 3, 1e300, 0, false, "linear"},
        {"raw, one in four", RG_LABELS_RAW, {0, 0, 0, 1}, 4, 1, 0, false, "linear"},
        {"normalized, some not there", RG_LABELS_NORMALIZED, {0, 3, 1}, 3, 2, 0, false, "linear"},
        {"raw, all alike, small steps", RG_LABELS_RAW, {1}, 1, 5, 4, false, "linear"},
        {"softmax, all alike, small steps", RG_LABELS_SOFTMAX, {1}, 1, 0.2, 3, false, "linear"},
        {"raw, left out, small steps", RG_LABELS_RAW, {1, 0, 1}, 3, 1, 4, false, "linear"},
        {"raw, mlp", RG_LABELS_RAW, {2, 1, 1, 3}, 4, 1, 0, false, "mlp"},
        {"softmax, mlp", RG_LABELS_SOFTMAX, {0, 1, 5}, 3, 1, 0, false, "mlp"},
        {"raw, windows", RG_LABELS_RAW, {3, 1}, 2, 1, 100, true, "linear"},
        {"normalized, windows", RG_LABELS_NORMALIZED, {1, 4}, 2, 7, 100, true, "linear"},
        {"softmax, windows", RG_LABELS_SOFTMAX, {2, 1, 1, 4}, 4, 1, 100, true, "mlp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weighing *w = &cases[i];
        int times[N_WEIGHTED], each = 0;
        double weights[N_WEIGHTED], p[3][64], last[3];
        struct made m = weighted_lists(w, times, weights), copies = repeat(&m, times);
        struct made unweighted = m;
        rg_train_result of_weights, of_copies;
        int64_t batch = w->batch_lists ? w->batch_lists : 1000, n;
        for (int k = 0; k < w->n_period; k++)
            each += w->period[k];
        n = train_weighing(w, &m, batch, w->n_period, &of_weights, p[0]);
        last[0] = train_log.last_loss;
        assert_int_equal(train_weighing(w, &copies, batch, each, &of_copies, p[1]), n);
        last[1] = train_log.last_loss;
        unweighted.split.list_weights = NULL;
        train_weighing(w, &unweighted, batch, w->n_period, NULL, p[2]);
        last[2] = train_log.last_loss;
        assert_close(of_weights.label_scale, of_copies.label_scale, 1e-14, 0);
        assert_close(last[0], last[1], 1e-12, 0);
        for (int64_t k = 0; k < n; k++)
            if (fabs(p[0][k] - p[1][k]) > 1e-12 + 1e-9 * fabs(p[1][k]))
                fail_msg("%s: parameter %lld is %.17g, of repeated lists %.17g", w->what,
                         (long long)k, p[0][k], p[1][k]);
        if (w->n_period > 1) { /* or this would show nothing */
            assert_true(fabs(last[2] - last[1]) > 1e-9);
            assert_memory_not_equal(p[2], p[1], (size_t)n * sizeof(double));
        }
        unmake(&m);
        unmake(&copies);
    }
}

/* Steps of one list still feel the weights, and bits do not depend on threads. */
static void list_weights_in_small_steps(void **state)
{
    (void)state;
    static const struct weighing w = {"", RG_LABELS_SOFTMAX, {3, 1}, 2, 1, 1, false, "linear"};
    int times[N_WEIGHTED];
    double weights[N_WEIGHTED], p[2][64];
    struct made m = weighted_lists(&w, times, weights);
    rg_train_result result;
    train_weighing(&w, &m, 1, 0, &result, p[0]);
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        rg_context *all = ctx;
        ctx = context_of(n_threads);
        train_weighing(&w, &m, 1, 0, &result, p[1]);
        rg_context_destroy(ctx);
        ctx = all;
        assert_memory_equal(p[0], p[1], 4 * sizeof(double));
    }
    m.split.list_weights = NULL;
    train_weighing(&w, &m, 1, 0, &result, p[1]);
    for (int f = 0; f < 4; f++)
        assert_true(fabs(p[0][f] - p[1][f]) > 1e-4 * fabs(p[1][f]));
    memset(weights, 0, sizeof weights);
    m.split.list_weights = weights;
    rg_model *model;
    assert_fails(ctx, RG_BAD_DATA, "weights of all training lists are 0",
                 rg_train(ctx, &m.split, rg_no_split(), NULL, &model, NULL));
    unmake(&m);
}

/* ---- Labels and weights that cannot be trained on ---- */

enum { LABEL, WEIGHT, LIST_WEIGHT, EVERY_LABEL };

/* One label or weight in lists that are sound otherwise. */
static const struct odd_number {
    int where;
    double value;
    rg_dtype dtype;
    rg_label_mode mode;
    rg_negative_labels policy;
    const char *words; /* NULL: it is trained on */
} odd_numbers[] = {
    {LABEL, 1e39, RG_F32, 0, 0, "training labels: row 4 (from 1) is 1e+39"},
    {LABEL, 1e39, RG_F32, 0, 0, "`dtype` f64"},
    {LABEL, 1e39, RG_F64, 0, 0, NULL},
    {LABEL, 3e38, RG_F32, 0, 0, "row 4 (from 1) is 3e+38"}, /* its loss would overflow */
    {LABEL, 1e39, RG_F32, RG_LABELS_NORMALIZED, 0, "is 1e+39"},
    {LABEL, -1e39, RG_F32, RG_LABELS_SOFTMAX, 0, "is -1e+39"},
    {LABEL, 1e29, RG_F32, 0, 0, NULL},
    {LABEL, 1e300, RG_F64, 0, 0, "training in f64 takes at most 1e+290; divide"},
    {LABEL, INFINITY, RG_F64, 0, 0, "row 4 (from 1) is inf"},
    {LABEL, NAN, RG_F32, 0, 0, "row 4 (from 1) is nan"},
    {WEIGHT, 1e39, RG_F32, 0, 0, "training weights: row 4 (from 1) is 1e+39"},
    {WEIGHT, 1e39, RG_F64, 0, 0, NULL},
    {WEIGHT, 9e29, RG_F32, 0, 0, "labels times weights: row 4 (from 1) is 1.8e+30"},
    {WEIGHT, -1, RG_F32, 0, 0, "training weights: row 4 (from 1) is -1"},
    {WEIGHT, NAN, RG_F32, 0, 0, "training weights: row 4 (from 1) is nan"},
    {WEIGHT, INFINITY, RG_F64, 0, 0, "training weights: row 4 (from 1) is inf"},
    {WEIGHT, 0, RG_F32, 0, 0, NULL},
    {LIST_WEIGHT, -2, RG_F32, 0, 0, "training list_weights: list 3 (from 1) is -2"},
    {LIST_WEIGHT, NAN, RG_F32, 0, 0, "training list_weights: list 3 (from 1) is nan"},
    {LIST_WEIGHT, INFINITY, RG_F32, 0, 0, "training list_weights: list 3 (from 1) is inf"},
    {LIST_WEIGHT, 1e39, RG_F32, 0, 0, NULL},
    {LIST_WEIGHT, 1e20, RG_F32, RG_LABELS_SOFTMAX, 0, NULL},
    {EVERY_LABEL, 1e-35, RG_F32, 0, 0, "sum to 1e-35 on average"},
    {EVERY_LABEL, 1e-35, RG_F32, RG_LABELS_NORMALIZED, 0, NULL},
    {EVERY_LABEL, 1e-35, RG_F64, 0, 0, NULL},
    {LABEL, -1, RG_F32, 0, 0, "ranking_softmax(label_mode=softmax) takes"},
    {LABEL, -1, RG_F32, RG_LABELS_NORMALIZED, 0,
     "makes ranking_softmax(label_mode=normalized, temperature=1) unbounded"},
    {LABEL, -1, RG_F32, RG_LABELS_SOFTMAX, 0, NULL},
    {LABEL, -50, RG_F64, RG_LABELS_SOFTMAX, 0, NULL},
    {LABEL, -1, RG_F32, 0, RG_NEGATIVE_ZERO, NULL},
    {LABEL, -1, RG_F32, 0, RG_NEGATIVE_KEEP, NULL},
    {EVERY_LABEL, -1, RG_F32, RG_LABELS_SOFTMAX, 0, NULL},
    {EVERY_LABEL, -1, RG_F32, 0, RG_NEGATIVE_ZERO, "nothing to learn"},
};

/* Trains on lists with that number in row 4, list 3, or the first row of every list. */
static rg_status train_odd(const struct odd_number *odd, rg_model **model)
{
    enum { N = 12 };
    struct made m = make(N, 4, 3, 1, 4, 21);
    double *weights = calloc((size_t)m.split.n_rows, sizeof *weights), list_weights[N];
    rg_train_options o = options();
    for (int64_t k = 0; k < m.split.n_rows; k++) {
        weights[k] = 1;
        m.labels[k] = odd->where == EVERY_LABEL ? 0 : m.labels[k];
    }
    for (int q = 0; q < N; q++) {
        list_weights[q] = 1;
        if (odd->where == EVERY_LABEL)
            m.labels[m.offsets[q]] = odd->value;
    }
    if (odd->where != EVERY_LABEL)
        m.labels[3] = odd->where == LABEL ? odd->value : 2;
    weights[3] = odd->where == WEIGHT ? odd->value : 1;
    list_weights[2] = odd->where == LIST_WEIGHT ? odd->value : 1;
    m.split.weights = weights;
    m.split.list_weights = list_weights;
    o.epochs = 2;
    o.model.dtype = odd->dtype;
    o.loss = loss_of(odd->mode);
    o.negative_labels = odd->policy;
    rg_status status = rg_train(ctx, &m.split, rg_no_split(), &o, model, NULL);
    free(weights);
    unmake(&m);
    return status;
}

static void labels_and_weights_are_checked_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_numbers / sizeof odd_numbers[0]; i++) {
        const struct odd_number *odd = &odd_numbers[i];
        rg_model *model;
        rg_status status = train_odd(odd, &model);
        if (status != (odd->words ? RG_BAD_DATA : RG_OK) ||
            (odd->words && !strstr(rg_last_error(ctx), odd->words)))
            fail_msg("case %zu: %s: %s", i, rg_status_name(status), rg_last_error(ctx));
        const rg_parameters *p = odd->words ? NULL : rg_model_parameters(model);
        for (int64_t f = 0; p && f < p->count; f++)
            assert_true(isfinite(rg__element(p->dtype, p->value, f)));
        rg_model_destroy(model);
    }
}

/* A label in lists that have labels 0 and 1 otherwise, and a loss that knows levels. */
static const struct {
    const char *loss;
    double label;
    rg_negative_labels policy;
    const char *words; /* NULL: it is trained on */
} levels[] = {
    {"ordinal", 4, 0, NULL},
    {"ordinal", 5, 0,
     "training labels: row 4 (from 1) is 5; ordinal(levels=5) takes the whole "
     "numbers from 0 to 4"},
    {"ordinal(levels=2)", 1, 0, NULL},
    {"ordinal(levels=2)", 2, 0, "row 4 (from 1) is 2; ordinal(levels=2) takes"},
    {"ordinal(levels=1024)", 1023, 0, NULL},
    {"ordinal", 0.5, 0, "training labels: row 4 (from 1) is 0.5; ordinal(levels=5) takes"},
    {"ordinal", 1e-9, 0, "training labels: row 4 (from 1) is 1e-09; "},
    {"ordinal", 1e20, 0, "row 4 (from 1) is 1e+20; "},
    {"ordinal", -1, 0, "row 4 (from 1) is -1; "},
    {"ordinal", -1, RG_NEGATIVE_ZERO, NULL},
    {"ordinal", -1, RG_NEGATIVE_KEEP, "row 4 (from 1) is -1; "},
    {"ordinal", NAN, 0, "row 4 (from 1) is nan; expected a finite number"},
    {"ordinal(levels=4) + ordinal(levels=4)", 4, 0, "takes the whole numbers from 0 to 3"},
    /* gains that are infinite */
    {"approx_ndcg", 1024, 0, "row 4 (from 1) is 1024; approx_ndcg(temperature="},
    {"approx_ndcg", 1023, 0, NULL},
    {"neural_ndcg", 5000, 0, "takes at most 1023"},
    {"neural_ndcg(gain=linear)", 5000, 0, NULL},
    {"softrank_ndcg", 1e9, 0, "is 1e+09; softrank_ndcg"},
    {"lambdarank", 1024, 0, "is 1024; pairwise_logistic"},
    {"lambdarank(gain=linear)", 1024, 0, NULL},
    {"pairwise_hinge", 1024, 0, NULL},
    {"pairwise_hinge(lambda=map)", 1024, 0, NULL},
    {"pairwise_hinge(lambda=yeti)", 1024, 0, "is 1024; pairwise_hinge"},
    {"lambdarank_lightgbm", 1024, 0, "is 1024; lambdarank_lightgbm"},
    {"lambdarank_xgboost", 1024, 0, "is 1024; lambdarank_xgboost"},
    {"lambdarank_xgboost(target=map)", 1024, 0, NULL},
    {"xendcg", 1024, 0, "is 1024; xendcg"},
    {"gumbel_approx_ndcg", 1024, 0, "is 1024; gumbel_approx_ndcg"},
    {"unique_softmax", 1024, 0, "is 1024; unique_softmax"},
    {"ranking_softmax(label_mode=exp2)", 1024, 0, "is 1024; ranking_softmax"},
    {"pairwise_mse + 0.1*approx_ndcg", 1024, 0, "is 1024; pairwise_mse"},
};

static void levels_are_checked_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct made m = make(12, 4, 3, 1, 4, 21);
        rg_train_options o = options();
        rg_model *model;
        for (int64_t k = 0; k < m.split.n_rows; k++)
            m.labels[k] = k % 2 == 0;
        m.labels[3] = levels[i].label;
        o.epochs = 2;
        o.loss = levels[i].loss;
        o.negative_labels = levels[i].policy;
        rg_status status = rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL);
        if (status != (levels[i].words ? RG_BAD_DATA : RG_OK) ||
            (levels[i].words && !strstr(rg_last_error(ctx), levels[i].words)))
            fail_msg("%s, %g: %s: %s", levels[i].loss, levels[i].label, rg_status_name(status),
                     rg_last_error(ctx));
        rg_model_destroy(model);
        unmake(&m);
    }
}

/* The scores of a row that a loss takes decide the outputs of a model, whatever its options say. */
static void a_model_gets_the_outputs_of_its_loss(void **state)
{
    (void)state;
    static const struct {
        const char *loss, *model;
        int64_t n_outputs, n_parameters; /* of 3 features */
    } cases[] = {
        {"ordinal", "linear", 4, 16},
        {"ordinal(levels=3)", "linear(bias=true)", 2, 8},
        {"ordinal(levels=3)", "linear(outputs=7)", 2, 8},
        {"ordinal(levels=2)", "linear", 1, 3},
        {"ordinal(levels=2)", "linear(bias=true)", 1, 4},
        {"ranking_softmax", "linear(outputs=7)", 1, 3},
        {"ordinal(levels=4)", "mlp(hidden=[2])", 3, 8 + 9},
        {"0.5*ordinal(levels=4) + ordinal(levels=4)", "mlp(hidden=[2,5])", 3, 8 + 15 + 18},
        {"pointwise_mse", "mlp(hidden=[2],outputs=3)", 1, 8 + 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = make(12, 4, 3, 1, 4, 21);
        rg_train_options o = options();
        rg_model *model;
        for (int64_t k = 0; k < m.split.n_rows; k++)
            m.labels[k] = k % 2 == 0;
        o.loss = cases[i].loss;
        o.model.name = cases[i].model;
        assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        assert_int_equal(rg_model_n_outputs(model), cases[i].n_outputs);
        assert_int_equal(rg_model_parameters(model)->count, cases[i].n_parameters);
        rg_model_destroy(model);
        unmake(&m);
    }
}

/* Three lists of up to six rows of two features. */
struct tiny {
    const char *what;
    const char *words; /* of the message; NULL: there is something to learn */
    int64_t lengths[3];
    double labels[6], x[6][2];
    bool weighted, masked, lists_weighted;
    double weights[6], list_weights[3];
    uint8_t mask[6];
    rg_label_mode mode;
    rg_negative_labels policy;
    bool f64;
};

static const struct tiny tiny[] = {
    {"plain", NULL, {2, 2, 2}, {1, 0, 0, 0, 0, 0}, {{1, 2}, {1, 3}}, .f64 = false},
    {"single rows", "single row: 3", {1, 1, 1}, {1, 0, 2}, {{1, 2}, {3, 4}}, .f64 = false},
    {"a single list of one",
     "lists: 1; with a single row: 1",
     {1, 0, 0},
     {1},
     {{1, 2}},
     .f64 = false},
    {"labels 0", "in f32) in every row: 3", {2, 2, 2}, {0}, {{1, 2}, {3, 4}, {5, 6}}, .f64 = false},
    {"labels alike in a list",
     "in f32) in every row: 2",
     {3, 2, 1},
     {1, 1, 1, 2, 2, 0},
     {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 1}},
     .f64 = false},
    {"features alike in a list",
     "features in every row: 3",
     {2, 2, 2},
     {1, 0, 1, 0, 2, 1},
     {{1, 2}, {1, 2}, {3, 0}, {3, 0}, {0, 5}, {0, 5}},
     .f64 = false},
    {"features alike but the last",
     NULL,
     {2, 2, 2},
     {1, 0, 1, 0, 2, 1},
     {{1, 2}, {1, 2}, {3, 0}, {3, 0}, {0, 5}, {0, 6}},
     .f64 = false},
    {"no feature at all",
     "features in every row: 3",
     {2, 2, 2},
     {1, 0, 1, 0, 2, 1},
     {{0}},
     .f64 = false},
    {"minus zero",
     "the same features",
     {2, 2, 2},
     {1, 0, 1, 0, 2, 1},
     {{0, 0}, {0, -0.0}},
     .f64 = false},
    {"some of each",
     "single row: 1; with the same label (times weight, in f32) in every row: 1",
     {1, 2, 3},
     {1, 2, 2, 0, 1, 2},
     {{1, 2}, {1, 2}, {3, 4}, {7, 7}, {7, 7}, {7, 7}},
     .f64 = false},
    {"one row is unlike in one, another in the other",
     NULL,
     {3, 3, 0},
     {1, 0, 0, 0, 0, 0},
     {{1, 2}, {1, 2}, {1, 3}},
     .f64 = false},
    {"masked",
     "single row: 2",
     {2, 2, 2},
     {1, 0, 1, 0, 1, 1},
     {{1, 2}, {3, 4}, {5, 6}},
     .masked = true,
     .mask = {1, 0, 0, 1, 0, 0}},
    {"masked, but not all",
     NULL,
     {2, 2, 2},
     {1, 0, 1, 0, 1, 1},
     {{1, 2}, {3, 4}, {5, 6}},
     .masked = true,
     .mask = {1, 0, 1, 1, 0, 0}},
    {"item weights 0",
     "the same label",
     {2, 2, 2},
     {1, 0, 2, 0, 3, 0},
     {{1, 2}, {3, 4}, {5, 6}},
     .weighted = true},
    {"weights that make labels alike",
     "the same label",
     {2, 0, 0},
     {1, 2},
     {{1, 2}, {3, 4}},
     .weighted = true,
     .weights = {2, 1}},
    {"weights that make labels differ",
     NULL,
     {2, 0, 0},
     {1, 1},
     {{1, 2}, {3, 4}},
     .weighted = true,
     .weights = {2, 1}},
    {"the only list weighs 0",
     "lists: 2;",
     {2, 2, 1},
     {1, 0, 2, 2, 0},
     {{1, 2}, {3, 4}, {5, 6}},
     .lists_weighted = true,
     .list_weights = {0, 1, 1}},
    {"every list weighs 0",
     "the weights of all training lists are 0",
     {2, 2, 1},
     {1, 0},
     {{1, 2}, {3, 4}},
     .lists_weighted = true},
    {"negative labels as 0",
     "the same label",
     {2, 2, 1},
     {-1, -2, 0, -4, 0},
     {{1, 2}, {3, 4}, {5, 6}},
     .policy = RG_NEGATIVE_ZERO},
    {"negative labels under softmax",
     NULL,
     {2, 2, 1},
     {-1, -2, -3, -4, -1},
     {{1, 2}, {3, 4}, {5, 6}},
     .mode = RG_LABELS_SOFTMAX},
    {"sums of 0 under normalized",
     "the same label",
     {2, 2, 0},
     {-1, 1, 2, -2},
     {{1, 2}, {3, 4}, {5, 6}},
     .mode = RG_LABELS_NORMALIZED,
     .policy = RG_NEGATIVE_KEEP},
    {"labels that f32 makes one",
     "in f32) in every row: 1",
     {2, 0, 0},
     {1e9, 1e9 + 1},
     {{1, 2}, {3, 4}},
     .f64 = false},
    {"labels that f64 tells apart", NULL, {2, 0, 0}, {1e9, 1e9 + 1}, {{1, 2}, {3, 4}}, .f64 = true},
};

enum { TINY_F32, TINY_F64, TINY_SPARSE, TINY_CHOSEN, N_TINY_FORMS };

/* A split of it: dense, sparse with some zeros stored, or two columns of three. */
struct tiny_split {
    rg_split split;
    int64_t offsets[4], indptr[7];
    int32_t indices[12];
    float singles[12];
    double doubles[12], wide[18];
};

static void fill_tiny(const struct tiny *t, int form, struct tiny_split *to)
{
    static const int64_t columns[] = {2, 0};
    static const double noise[] = {1, 2, 3, 4, 5, 6};
    *to = (struct tiny_split){.split = {.name = "", .n_features = 2, .n_lists = 3}};
    rg_split *split = &to->split;
    for (int q = 0; q < 3; q++)
        to->offsets[q + 1] = to->offsets[q] + t->lengths[q];
    int64_t n = split->n_rows = to->offsets[3], stored = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int f = 0; f < 2; f++) {
            to->singles[2 * i + f] = (float)t->x[i][f];
            to->doubles[2 * i + f] = t->x[i][f];
            to->wide[3 * i + columns[f]] = t->x[i][f];
        }
        to->wide[3 * i + 1] = noise[i];
    }
    split->features = (rg_tensor){RG_F64, 2, {n, 2}, to->doubles};
    if (form == TINY_F32)
        split->features = (rg_tensor){RG_F32, 2, {n, 2}, to->singles};
    if (form == TINY_CHOSEN) {
        split->features = (rg_tensor){RG_F64, 2, {n, 3}, to->wide};
        split->columns = columns;
    }
    if (form == TINY_SPARSE) {
        for (int64_t i = 0; i < n; i++) {
            for (int f = 0; f < 2; f++)
                if (t->x[i][f] != 0 || i % 2) {
                    to->indices[stored] = f;
                    to->doubles[stored++] = t->x[i][f];
                }
            to->indptr[i + 1] = stored;
        }
        split->features = (rg_tensor){0};
        split->csr = (rg_csr){n, 2, to->indptr, to->indices, RG_F64, to->doubles};
    }
    split->labels = t->labels;
    split->offsets = to->offsets;
    split->weights = t->weighted ? t->weights : NULL;
    split->list_weights = t->lists_weighted ? t->list_weights : NULL;
    split->mask = t->masked ? t->mask : NULL;
}

/* The lists with a row and a weight above 0 in which no label, times its weight, is above 0. */
static int lists_without_relevant(const struct tiny *t)
{
    int n = 0;
    for (int q = 0, i = 0; q < 3; q++) {
        int n_rows = 0, n_relevant = 0;
        for (int64_t end = i + t->lengths[q]; i < end; i++) {
            n_rows += !t->masked || t->mask[i];
            n_relevant += (!t->masked || t->mask[i]) && t->labels[i] > 0 &&
                          (!t->weighted || t->weights[i] > 0);
        }
        n += n_rows > 0 && n_relevant == 0 && (!t->lists_weighted || t->list_weights[q] > 0);
    }
    return n;
}

/* Two rows of a list must differ both in label and in a feature, or training says what is wrong. */
static void nothing_to_learn_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tiny / sizeof tiny[0]; i++)
        for (int form = 0; form < N_TINY_FORMS; form++) {
            const struct tiny *t = &tiny[i];
            struct tiny_split small;
            rg_model *model;
            rg_train_options o = options();
            fill_tiny(t, form, &small);
            o.epochs = 2;
            o.normalize = form == TINY_SPARSE ? "none" : "zscore";
            o.loss = loss_of(t->mode);
            o.negative_labels = t->policy;
            o.model.dtype = t->f64 ? RG_F64 : RG_F32;
            rg_train_result result;
            rg_status status = rg_train(ctx, &small.split, rg_no_split(), &o, &model, &result);
            if (status != (t->words ? RG_BAD_DATA : RG_OK) ||
                (t->words && !strstr(rg_last_error(ctx), t->words)))
                fail_msg("%s, form %d: %s: %s", t->what, form, rg_status_name(status),
                         rg_last_error(ctx));
            if (status == RG_OK)
                assert_int_equal(result.n_no_relevant, lists_without_relevant(t));
            rg_model_destroy(model);
        }
}

/* ---- Numbers that stand for missing values ---- */

/* A column whose numbers are base(i) in [low, high], but `odd` in every `every`-th row. */
static const struct odd_column {
    double low, high, odd;
    int every; /* 0: nowhere */
    bool sentinel;
} odd_columns[] = {
    {0, 1, 0, 0, false},
    {0, 1, 1e30, 10, true},
    {0, 1, 1.7e308, 10, true},
    {-1, 1, -1e30, 100, true},
    {0, 1, 3.4e38, 1000, true}, /* absurd, however rare */
    {0, 1, -999, 10, true},
    {0, 1, -999, 50, true},
    {0, 1, -999, 1000, false}, /* one outlier */
    {0, 100, 99999, 10, true},
    {1e6, 2e6, -1e8, 5, true},
    {0, 1000, 5000, 10, false},
    {1, 1, 1000, 3, false}, /* binary */
    {0, 0, 1, 20, false},
    {100, 101, 0, 10, false}, /* 0 may be a measurement, or what a sparse row does not store */
    {0, 1, -1, 10, false},
    {0, 1, 2147483647, 20, true},
    {0.001, 0.002, -1, 20, true},
    {0, 1, -65535, 2, true},
};

static double odd_value(const struct odd_column *c, int64_t i)
{
    bool odd = c->every && i % c->every == 0;
    return odd ? c->odd : c->low + (c->high - c->low) * (double)(i * 37 % 101) / 100;
}

static void sentinels_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_columns / sizeof odd_columns[0]; i++) {
        const struct odd_column *c = &odd_columns[i];
        rg_extremes extremes = {0};
        for (int64_t row = 0; row < 1000; row++)
            rg_extremes_add(&extremes, odd_value(c, row), 1);
        rg_extremes_add(&extremes, NAN, 5);
        const struct rg_extreme *found = rg_extremes_sentinel(&extremes);
        assert_int_equal(extremes.n, 1000);
        if ((found != NULL) != c->sentinel)
            fail_msg("column %zu: %g", i, found ? found->value : 0);
        if (found) {
            assert_close(found->value, c->odd, 0, 0);
            assert_int_equal(found->n, (999 + c->every) / c->every);
        }
    }
}

/* Training warns of them, in dense and in sparse rows. */
static void training_warns_of_sentinels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_columns / sizeof odd_columns[0]; i++)
        for (int sparse = 0; sparse < 2; sparse++) {
            const struct odd_column *c = &odd_columns[i];
            struct made m = make(100, 19, 3, 1, 4, 22);
            int64_t n = m.split.n_rows;
            assert_true(n >= 900);
            double *x = calloc((size_t)n * 3, sizeof *x);
            int64_t *indptr = calloc((size_t)n + 1, sizeof *indptr);
            int32_t *indices = calloc((size_t)n * 3, sizeof *indices);
            int64_t stored = 0;
            for (int64_t k = 0; k < 3 * n; k++) {
                double value = k % 3 == 1 ? odd_value(c, k / 3) : (double)m.x[k];
                if (value != 0 || !sparse) {
                    x[stored] = value;
                    indices[stored++] = (int32_t)(k % 3);
                }
                indptr[k / 3 + 1] = stored;
            }
            char rows[32];
            snprintf(rows, sizeof rows, "of %lld rows", (long long)n);
            m.split.features = (rg_tensor){RG_F64, 2, {n, 3}, sparse ? NULL : x};
            if (sparse)
                m.split.csr = (rg_csr){n, 3, indptr, indices, RG_F64, x};
            train_log.note[0] = '\0';
            rg_model *model;
            rg_train_options o = options();
            o.epochs = 1;
            o.model.dtype = RG_F64;
            rg_status status = rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL);
            bool warned = strstr(train_log.note, "may stand for a missing value") != NULL;
            if (fabs(c->odd) < 1e300 && (status != RG_OK || warned != c->sentinel))
                fail_msg("column %zu, sparse %d: %s %s", i, sparse, rg_status_name(status),
                         train_log.note);
            assert_true(!warned ||
                        (strstr(train_log.note, ": 2 (") && strstr(train_log.note, rows)));
            assert_true(status == RG_OK || status == RG_BAD_DATA);
            rg_model_destroy(model);
            free(x);
            free(indptr);
            free(indices);
            unmake(&m);
        }
}

/* ---- A training that achieved nothing ---- */

static void verdicts(void **state)
{
    (void)state;
    const rg_metric metric = {.name = "ndcg", .k = 10};
    static const struct {
        double loss, equal_loss, metric, untrained_metric;
        int64_t n_constant; /* of 10 */
        rg_train_verdict verdict;
        const char *words;
    } cases[] = {
        {2, 3, 0.6, 0.5, 0, RG_TRAIN_LEARNED, NULL},
        {2, 3, 0.6, 0.5, 5, RG_TRAIN_LEARNED, NULL},
        {2, 3, 0.5, 0.5, 0, RG_TRAIN_LEARNED, NULL},
        {3.00001, 3, 0.5, 0.5, 0, RG_TRAIN_LEARNED, NULL}, /* rounding */
        {0, 0, 0.6, 0.5, 0, RG_TRAIN_LEARNED, NULL},
        {-50, -3, 0.6, 0.5, 0, RG_TRAIN_LEARNED, NULL}, /* negative labels that are kept */
        {2, 3, NAN, NAN, 0, RG_TRAIN_LEARNED, NULL},
        {2, 3, 0.4, 0.5, 0, RG_TRAIN_DOUBTFUL, "is worse than 0.50000, that of the untrained"},
        {4, 3, 0.6, 0.5, 0, RG_TRAIN_DOUBTFUL, "4, is above 3, the loss of equal scores"},
        {3003, 3, 0.6, 0.5, 0, RG_TRAIN_DOUBTFUL, "3003, is above 3"},
        {4, 3, NAN, NAN, 0, RG_TRAIN_DOUBTFUL, "is above"},
        {2, 3, 0.6, 0.5, 6, RG_TRAIN_DOUBTFUL, "the same score in 6 of 10 training lists"},
        {2, 3, 0.6, 0.5, 10, RG_TRAIN_FAILED, "in every training list"},
        {4, 3, 0.5, 0.5, 0, RG_TRAIN_DOUBTFUL, "is above"},
        {4, 3, 0.4, 0.5, 0, RG_TRAIN_FAILED, "validation lists is 0.40000, and 0.50000 untrained"},
        {3004, 3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "3004, is far above 3"},
        {1e29, 3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "1e+29, is far above"},
        {1e29, 0, NAN, NAN, 0, RG_TRAIN_FAILED, "far above"},
        {1e29, -3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "far above"},
        {NAN, 3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "nan"},
        {INFINITY, 3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "inf"},
        /* losses that are not comparable, to the end */
        {4, 3, 0.6, 0.5, 0, RG_TRAIN_LEARNED, NULL},
        {4, 3, 0.4, 0.5, 0, RG_TRAIN_DOUBTFUL, "is worse than 0.50000"},
        {3004, 3, 0.9, 0.5, 0, RG_TRAIN_FAILED, "3004, is far above 3"},
    };
    const size_t n_comparable = sizeof cases / sizeof cases[0] - 3;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_train_result r = {.loss = cases[i].loss,
                             .equal_loss = cases[i].equal_loss,
                             .metric = cases[i].metric,
                             .untrained_metric = cases[i].untrained_metric,
                             .n_constant = cases[i].n_constant,
                             .n_several_rows = 10,
                             .kept_epoch = 3};
        train_log.note[0] = '\0';
        rg_status status = rg__judge_training(ctx, &metric, true, i < n_comparable, &r);
        bool failed = cases[i].verdict == RG_TRAIN_FAILED;
        const char *said = failed ? rg_last_error(ctx) : train_log.note;
        if (status != (failed ? RG_DIVERGED : RG_OK) || r.verdict != cases[i].verdict ||
            !strstr(said, cases[i].words ? cases[i].words : ""))
            fail_msg("case %zu: verdict %d: \"%s\"", i, (int)r.verdict, said);
        assert_true(cases[i].words || said[0] == '\0');
    }
}

/* Settings that end badly, and some that do not. */
static const struct setting {
    const char *model, *optimizer;
    double lr, clip_norm, l2;
    rg_dtype dtype;
    rg_label_mode mode;
    bool against; /* the validation labels are the other way round */
    rg_train_verdict verdict;
} settings[] = {
    {"linear", "sgd", 0.1, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_LEARNED},
    {"linear", "adam", 0.01, 1, 0, RG_F64, RG_LABELS_SOFTMAX, false, RG_TRAIN_LEARNED},
    {"mlp", "sgd", 0.1, 1, 0, RG_F32, RG_LABELS_NORMALIZED, false, RG_TRAIN_LEARNED},
    {"linear", "sgd", 1e-30, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_LEARNED},
    {"linear", "sgd", 100, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_DOUBTFUL},
    {"linear", "sgd", 1000, 1, 0, RG_F64, RG_LABELS_SOFTMAX, false, RG_TRAIN_DOUBTFUL},
    {"linear", "sgd", 0.1, 1, 0, RG_F32, RG_LABELS_RAW, true, RG_TRAIN_DOUBTFUL},
    {"mlp", "sgd", 0.1, 1, 0, RG_F64, RG_LABELS_RAW, true, RG_TRAIN_FAILED},
    {"linear", "sgd", 1e30, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 1e30, 0, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 1e200, 1, 0, RG_F64, RG_LABELS_NORMALIZED, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 1e30, 1, 0, RG_F32, RG_LABELS_SOFTMAX, false, RG_TRAIN_FAILED},
    {"linear", "adam", 1e10, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 100, 1, 0, RG_F32, RG_LABELS_RAW, true, RG_TRAIN_FAILED},
    {"linear", "sgd", 1e-300, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 0.1, 1e-60, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"linear", "sgd", 0.1, 1, 1e3, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"mlp", "sgd", 1e4, 1, 0, RG_F32, RG_LABELS_RAW, false, RG_TRAIN_FAILED},
    {"mlp", "adam", 1e3, 1, 0, RG_F64, RG_LABELS_SOFTMAX, false, RG_TRAIN_FAILED},
};

static void a_failed_training_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct setting *c = &settings[i];
        struct made m = make(60, 20, 8, 1, 4, 3), v = make(30, 20, 8, 1, 4, 4);
        rg_model *model;
        rg_train_result r;
        rg_train_options o = options();
        o.model.name = c->model;
        if (strcmp(c->model, "mlp") == 0)
            o.model.name = "mlp(hidden=[6])";
        o.model.dtype = c->dtype;
        o.optimizer.name = c->optimizer;
        o.optimizer.lr = c->lr;
        o.optimizer.clip_norm = c->clip_norm;
        o.optimizer.l2 = c->l2;
        o.loss = loss_of(c->mode);
        o.epochs = 10;
        for (int64_t k = 0; c->against && k < v.split.n_rows; k++)
            v.labels[k] = 4 - v.labels[k];
        rg_status status = rg_train(ctx, &m.split, &v.split, &o, &model, &r);
        if (r.verdict != c->verdict)
            fail_msg("setting %zu: verdict %d; loss %g of %g, metric %g of %g, constant %lld of "
                     "%lld; %s",
                     i, (int)r.verdict, r.loss, r.equal_loss, r.metric, r.untrained_metric,
                     (long long)r.n_constant, (long long)r.n_several_rows,
                     status == RG_OK ? train_log.note : rg_last_error(ctx));
        assert_int_equal(status, c->verdict == RG_TRAIN_FAILED ? RG_DIVERGED : RG_OK);
        assert_true((model != NULL) == (status == RG_OK));
        rg_model_destroy(model);
        unmake(&m);
        unmake(&v);
    }
}

/* The losses that the verdict is about, from the scores of the model. */
static void the_kept_models_loss_is_measured(void **state)
{
    (void)state;
    struct made m = make(60, 20, 4, 1, 4, 3);
    double weights[60], loss[2] = {0}, sum = 0;
    rg_model *model;
    rg_train_result r;
    rg_train_options o = options();
    for (int q = 0; q < 60; q++)
        sum += weights[q] = q % 4;
    m.split.list_weights = weights;
    o.model.dtype = RG_F64;
    o.batch_lists = 7;
    o.window_bytes = 200 * 4 * 8;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, &r));
    double *scores = calloc((size_t)m.split.n_rows, sizeof *scores);
    assert_ok(ctx, rg_model_score_split(model, &m.split, scores));
    for (int equal = 0; equal < 2; equal++)
        for (int q = 0; q < 60; q++) {
            double total = 0;
            for (int64_t i = m.offsets[q]; i < m.offsets[q + 1]; i++)
                total += exp(equal ? 0 : scores[i]);
            for (int64_t i = m.offsets[q]; i < m.offsets[q + 1]; i++)
                loss[equal] += weights[q] * m.labels[i] * (log(total) - (equal ? 0 : scores[i]));
        }
    assert_close(r.loss, r.label_scale * loss[0] / sum, 1e-10, 0);
    assert_close(r.equal_loss, r.label_scale * loss[1] / sum, 1e-10, 0);
    assert_int_equal(r.verdict, RG_TRAIN_LEARNED);
    assert_close(r.metric, train_log.kept, 0, 0);
    assert_close(r.untrained_metric, train_log.untrained, 0, 0);
    free(scores);
    rg_model_destroy(model);
    unmake(&m);
}

/* ---- Windows ---- */

enum { WIDE = 30 };

/* Weights trained with windows of so many bytes, under a limit. */
static void train_windowed(const struct made *m, const rg_split *vali, const char *normalize,
                           int64_t window_bytes, int64_t limit, float weights[WIDE])
{
    rg_model *model;
    rg_train_options o = options();
    o.normalize = normalize;
    o.epochs = 3;
    o.batch_lists = 4;
    o.window_bytes = window_bytes;
    o.memory_limit = limit;
    assert_ok(ctx, rg_train(ctx, &m->split, vali, &o, &model, NULL));
    memcpy(weights, rg_model_parameters(model)->value, WIDE * sizeof *weights);
    rg_model_destroy(model);
}

/* What streams ends in the same bits as what is in memory, with the same windows. */
static void windows_stream_to_the_same_bits(void **state)
{
    (void)state;
    const char *const methods[] = {"none", "zscore", "list-minmax"};
    struct made m = make(200, 40, WIDE, 1, 4, 2), v = make(50, 40, WIDE, 1, 4, 3);
    const int64_t copy = m.split.n_rows * WIDE * 4, window = copy / 16;
    m.mask = malloc((size_t)m.split.n_rows);
    for (int64_t i = 0; i < m.split.n_rows; i++)
        m.mask[i] = i % 7 != 0;
    for (int masked = 0; masked < 2; masked++)
        for (int i = 0; i < 3; i++) {
            float in_memory[WIDE], streamed[WIDE], whole[WIDE];
            m.split.mask = masked ? m.mask : NULL;
            m.split.mapped = false;
            train_windowed(&m, &v.split, methods[i], 0, 0, whole);
            train_windowed(&m, &v.split, methods[i], window, 0, in_memory);
            train_windowed(&m, &v.split, methods[i], window, copy / 3, streamed);
            assert_memory_equal(streamed, in_memory, sizeof streamed);
            assert_memory_not_equal(streamed, whole, sizeof streamed);
            train_windowed(&m, rg_no_split(), methods[i], window, 0, in_memory);
            train_windowed(&m, rg_no_split(), methods[i], window, copy / 3, streamed);
            assert_memory_equal(streamed, in_memory, sizeof streamed);
        }
    unmake(&v);
    unmake(&m);
}

/* What the limit is held against: an mlp's own parameters, and a mapping once. */
static void memory_is_counted_as_it_is_used(void **state)
{
    (void)state;
    struct made m = make(100, 40, WIDE, 1, 4, 2);
    const int64_t mapping = m.split.n_rows * WIDE * 4;
    rg_model *model;
    rg_train_options o = options();
    o.epochs = 1;
    o.normalize = "none";
    o.memory_limit = 5 * 4 * 500 * WIDE; /* less than parameters and the gradients of one bucket */
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    rg_model_destroy(model);
    o.model.name = "mlp(hidden=[500])";
    assert_fails(ctx, RG_LIMIT, "for parameters",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.model = rg_model_options_default();
    m.split.mapped = true; /* nothing streams, so that no page is given back */
    o.memory_limit = mapping + mapping / 2;
    o.vali_fraction = 0.5;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    assert_null(strstr(rg_model_history(model), "window_bytes"));
    rg_model_destroy(model);
    unmake(&m);
}

/* ---- A step, shard by shard ---- */

enum { LISTS = 300, FEATURES = 40 };

/* Lists of which the sixth has no item left, a model, and a stepper over them. */
struct stepping {
    struct made made;
    rg_model *model;
    struct rg__rows rows;
    struct rg__workers workers;
    struct rg__stepper stepper;
    int64_t order[LISTS];
};

static void open_stepping(struct stepping *t, const rg_objective *objective)
{
    const rg_normalization norm = {.n_features = FEATURES};
    rg_model_options o = {.name = "linear", .dtype = RG_F64};
    struct made *m = &t->made;
    *m = make(LISTS, 60, FEATURES, 1, 4, 8);
    m->mask = malloc((size_t)m->split.n_rows);
    for (int64_t i = 0; i < m->split.n_rows; i++)
        m->mask[i] = i < m->offsets[5] || i >= m->offsets[6];
    m->split.mask = m->mask;
    assert_ok(ctx, rg_model_create(ctx, FEATURES, &o, &t->model));
    assert_ok(ctx, rg__rows_open(ctx, &m->split, &t->model->inputs, &norm, RG_F64, NULL, &t->rows));
    assert_true(t->rows.n_rows * FEATURES * 8 > 8 * RG__SHARD_BYTES); /* many shards */
    for (int f = 0; f < FEATURES; f++)
        ((double *)t->model->parameters.value)[f] = 0.01 * f;
    for (int q = 0; q < LISTS; q++)
        t->order[q] = q;
    assert_ok(ctx, rg__workers_open(ctx, &t->workers));
    t->stepper = (struct rg__stepper){
        .ctx = ctx,
        .workers = &t->workers,
        .model = t->model,
        .rows = &t->rows,
        .objective = objective,
        .scale = {2 * objective->terms[0].factor, 2 * objective->terms[1].factor},
        .most_lists = LISTS};
    assert_ok(ctx, rg__stepper_open(&t->stepper));
}

static void close_stepping(struct stepping *t)
{
    rg__stepper_close(&t->stepper);
    rg__workers_close(&t->workers);
    rg__rows_close(&t->rows);
    rg_model_destroy(t->model);
    unmake(&t->made);
}

/* The objective and its gradient times 2, by one graph over all lists. */
static double in_one_graph(const struct stepping *t, double gradient[FEATURES])
{
    const struct rg__rows *rows = &t->rows;
    rg_graph *graph = rg_graph_create(ctx);
    struct rg__shard all = {t->order, LISTS, rows->n_rows};
    rg_tensor y = {RG_F64, 1, {rows->n_rows}, rows->labels};
    rg_tensor w = {RG_F64, 1, {FEATURES}, t->model->parameters.value};
    rg_loss_options o = rg_loss_options_default();
    o.offsets = rows->offsets;
    o.n_lists = LISTS;
    rg_node *v = rg_variable(graph, &w, NULL);
    rg_node *scores = rg_matmul(graph, rg__shard_features(graph, rows, &all), v);
    rg_node *mean = rg_objective_apply(graph, t->stepper.objective, scores, rg_leaf(graph, &y), &o);
    assert_ok(ctx, rg_backward(graph, rg_scale(graph, mean, 2), NULL));
    memcpy(gradient, rg_node_grad(v)->data, FEATURES * sizeof *gradient);
    double loss = *(const double *)rg_node_value(mean)->data;
    rg_graph_destroy(graph);
    return loss;
}

/* sum_k (s_k - y_k)^2, whose mean is over items. */
static double squares(rg_list *list)
{
    double sum = 0;
    for (int64_t k = 0; k < list->n; k++)
        sum += (list->logits[k] - list->labels[k]) * (list->logits[k] - list->labels[k]);
    return sum;
}

static void squares_backward(rg_list *list, double upstream)
{
    for (int64_t k = 0; k < list->n; k++)
        list->grad_logits[k] += 2 * upstream * (list->logits[k] - list->labels[k]);
}

/* The gradient does not depend on the cut, and equals that of one graph over all lists; also that
 * of a sum of losses, one with a mean over lists and one with a mean over items. */
static void shards_add_up(void **state)
{
    (void)state;
    static struct stepping t;
    static const rg_loss loss = {.component = {.name = "squares"},
                                 .properties = {.unit = RG_UNIT_ITEMS},
                                 .forward = squares,
                                 .backward = squares_backward};
    for (int n_terms = 1; n_terms <= 2; n_terms++) {
        double expected[FEATURES];
        rg_objective objective = *softmax_objective();
        objective.n_terms = n_terms;
        objective.terms[1].factor = 0.3;
        assert_ok(ctx, rg_choice_make(ctx, &loss.component, NULL, &objective.terms[1].loss));
        open_stepping(&t, &objective);
        double value = in_one_graph(&t, expected), *grad = t.model->parameters.grad;
        for (int times = 1; times <= 2; times++) { /* the second time adds the same again */
            struct rg__loss_sums sums = {0};
            assert_ok(ctx, rg__step(&t.stepper, t.order, LISTS, &sums));
            assert_close(sums.units[0], LISTS - 1, 0, 0);
            assert_close(rg__objective_value(&t.stepper, &sums), 2 * value, 1e-12, 0);
            for (int f = 0; f < FEATURES; f++)
                assert_close(grad[f], times * expected[f], 1e-10, 1e-12);
        }
        assert_true(rg_graph_bytes(t.workers.graph[0]) < 4 * RG__SHARD_BYTES);
        memset(grad, 0, FEATURES * sizeof *grad);
        t.stepper.scale[0] = 2.0 / (LISTS - 1);
        struct rg__loss_sums sums = {0};
        for (int q = 0; q < LISTS && n_terms == 1; q++) /* a shard a list */
            assert_ok(ctx, rg__step(&t.stepper, &t.order[q], 1, &sums));
        for (int f = 0; f < FEATURES && n_terms == 1; f++)
            assert_close(grad[f], expected[f], 1e-10, 1e-12);
        close_stepping(&t);
    }
}

/* ---- What goes wrong ---- */

static void errors(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 9);
    rg_model *model;
    rg_train_options o = options();
    const struct {
        double *place;
        double value;
        rg_status status;
        const char *words;
    } cases[] = {
        {&o.optimizer.lr, 0, RG_USAGE, "`lr` is 0"},
        {&o.optimizer.lr, 1e38, RG_DIVERGED, "training"},
        {&o.optimizer.clip_norm, -1, RG_USAGE, "`clip_norm` is -1"},
        {&o.vali_fraction, 1, RG_USAGE, "`vali_fraction` is 1"},
        {&m.labels[3], -1, RG_BAD_DATA, "row 4 (from 1) is -1"},
        {&m.labels[3], NAN, RG_BAD_DATA, "row 4 (from 1) is nan"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double kept = *cases[i].place;
        *cases[i].place = cases[i].value;
        model = (rg_model *)&o;
        assert_fails(ctx, cases[i].status, cases[i].words,
                     rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        assert_null(model);
        *cases[i].place = kept;
    }
    unmake(&m);
}

/* Labels beyond the exponential gain: the metric that selects changes its gain, and says so. */
static void huge_labels_have_a_linear_gain(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 13);
    rg_model *model;
    rg_train_options o = options();
    o.epochs = 1;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    assert_null(strstr(train_log.note, "linear gain"));
    rg_model_destroy(model);
    m.labels[3] = 1024;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    assert_non_null(strstr(train_log.note, "linear gain"));
    rg_model_destroy(model);
    unmake(&m);
}

/* The row that is told is the row of the split, whatever was masked or held out before it. */
static void missing_features_are_told_by_row(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 14), v = make(20, 10, 4, 1, 4, 15);
    rg_model *model;
    rg_train_options o = options();
    const int64_t last = m.split.n_rows - 1;
    char words[64];
    m.mask = malloc((size_t)m.split.n_rows);
    for (int64_t i = 0; i <= last; i++)
        m.mask[i] = i > 20;
    m.split.mask = m.mask;
    m.x[4 * last + 1] = NAN;
    snprintf(words, sizeof words, "row %lld, feature 2", (long long)last + 1);
    for (int method = 0; normalization_at(method); method++)
        for (int fraction = 0; fraction < 2; fraction++) {
            o.normalize = normalization_at(method);
            o.vali_fraction = 0.5 * fraction;
            assert_fails(ctx, RG_BAD_DATA, words,
                         rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        }
    v.x[4 * 5] = NAN;
    m.x[4 * last + 1] = 0;
    o = options();
    assert_fails(ctx, RG_BAD_DATA, "the validation rows: row 6, feature 1",
                 rg_train(ctx, &m.split, &v.split, &o, &model, NULL));
    unmake(&m);
    unmake(&v);
}

/* The k-th allocation fails, for every k: RG_LIMIT, no model, nothing held. */
static void training_without_memory(void **state)
{
    (void)state;
    struct made m = make(6, 5, 3, 1, 4, 12);
    for (int64_t k = 2;; k++) {
        struct memory memory = {.refuse = k};
        rg_context *own = memory_context(&memory);
        rg_model *model;
        rg_train_options o = rg_train_options_default();
        o.epochs = 2;
        o.vali_fraction = 0.3;
        rg_status status = rg_train(own, &m.split, rg_no_split(), &o, &model, NULL);
        bool reached = memory.requests >= k;
        assert_int_equal(status, reached ? RG_LIMIT : RG_OK);
        assert_true((strstr(rg_last_error(own), "out of memory") != NULL) == reached);
        assert_true((model != NULL) == !reached);
        rg_model_destroy(model);
        rg_context_destroy(own);
        assert_int_equal(memory.live, 0);
        if (!reached)
            break;
    }
    unmake(&m);
}

/* A split that a program filled itself, wrongly. */
static void unsound_splits_are_refused(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 9);
    int64_t *place[] = {&m.offsets[0], &m.offsets[40], &m.offsets[40], &m.offsets[3]};
    const int64_t value[] = {1, m.split.n_rows + 5, m.split.n_rows - 1, m.split.n_rows};
    rg_model *model;
    rg_train_options o = options();
    for (int i = 0; i < 4; i++) {
        int64_t kept = *place[i];
        *place[i] = value[i];
        assert_fails(ctx, RG_BAD_DATA, "offsets",
                     rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
        *place[i] = kept;
    }
    m.split.features.dtype = RG_I32;
    assert_fails(ctx, RG_BAD_DATA, "i32", rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    unmake(&m);
}

static void more_errors(void **state)
{
    (void)state;
    struct made m = make(40, 10, 4, 1, 4, 9);
    rg_model *model;
    rg_train_options o = options();
    m.x[4 * 7 + 2] = NAN;
    assert_fails(ctx, RG_BAD_DATA, "row 8, feature 3",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.normalize = "none"; /* found in the shard pass, not in a read of its own */
    assert_fails(ctx, RG_BAD_DATA, "row 8, feature 3",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    m.x[4 * 7 + 2] = 1;
    o.epochs = 0;
    assert_fails(ctx, RG_USAGE, "`epochs` is 0",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.epochs = 1;
    o.memory_limit = 100;
    o.normalize = "zscore";
    assert_fails(ctx, RG_LIMIT, "the limit is 0.0001 MB (the memory limit that was set)",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.memory_limit = 300; /* not even a window of one list */
    assert_fails(ctx, RG_LIMIT, "windows of rows",
                 rg_train(ctx, &m.split, &m.split, &o, &model, NULL));
    o.window_bytes = -1;
    assert_fails(ctx, RG_USAGE, "`window_bytes` is -1",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.window_bytes = 0;
    o.memory_limit = 0;
    o.loss = "nonesuch";
    assert_fails(ctx, RG_USAGE, "nonesuch",
                 rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    o.loss = "ranking_softmax";
    rg_split empty = m.split;
    empty.n_rows = empty.n_lists = 0;
    assert_fails(ctx, RG_BAD_DATA, "0 rows",
                 rg_train(ctx, &empty, rg_no_split(), &o, &model, NULL));
    rg_split narrow = m.split;
    narrow.n_features = narrow.features.dims[1] = 3;
    assert_fails(ctx, RG_BAD_DATA, "3 features",
                 rg_train(ctx, &m.split, &narrow, &o, &model, NULL));
    o.negative_labels = RG_NEGATIVE_ZERO;
    m.labels[0] = -3;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    rg_model_destroy(model);
    unmake(&m);
}

/* After that epoch, training is stopped by its own callback, or by the context's flag. */
struct stop {
    int64_t after;
    bool by_flag;
    double best; /* of the epochs so far */
};

static volatile sig_atomic_t stop_flag;

static bool stop_after(void *user, const rg_epoch *epoch)
{
    struct stop *stop = user;
    if (epoch->best)
        stop->best = epoch->vali_metric;
    bool now = epoch->epoch == stop->after;
    stop_flag = now && stop->by_flag;
    return !now || stop->by_flag;
}

/* What was learned until then is given, and is the best epoch's. */
static void what_was_learned_is_kept(void **state)
{
    (void)state;
    struct made m = make(60, 20, 8, 1, 4, 3), v = make(30, 20, 8, 1, 4, 4);
    rg_context_options with_flag = rg_context_options_default();
    with_flag.cancel = &stop_flag;
    rg_context *own = rg_context_create(&with_flag);
    rg_train_options o = options();
    o.schedule = "constant";
    o.optimizer.lr = 2;
    o.epochs = 15;
    o.on_epoch = stop_after;
    double *scores = calloc((size_t)v.split.n_rows, sizeof *scores);
    for (int i = 0; i < 31; i++) { /* the last: the flag is set after the last epoch */
        struct stop stop = {.after = i < 30 ? i / 2 : 15, .by_flag = i < 30 ? i % 2 : 1};
        rg_model *model = NULL;
        rg_train_result result = {0};
        rg_metric_result measured;
        o.user = &stop;
        stop_flag = 0;
        rg_status status = rg_train(own, &m.split, &v.split, &o, &model, &result);
        assert_int_equal(status, RG_CANCELLED);
        assert_int_equal(stop_flag, stop.by_flag); /* the caller's to clear */
        stop_flag = 0;
        assert_true((model != NULL) == (stop.after > 0));
        if (!model)
            continue;
        assert_int_equal(result.n_epochs, stop.after);
        assert_true(!strstr(rg_model_history(model), "stopped_after_epoch") == (stop.after == 15));
        assert_close(result.vali_metric, stop.best, 0, 0);
        assert_ok(own, rg_model_score_split(model, &v.split, scores));
        rg_ranking ranking = {.n_lists = v.split.n_lists,
                              .offsets = v.offsets,
                              .scores = scores,
                              .labels = v.labels};
        assert_ok(own, rg_metric_evaluate(own, &o.metric, &ranking, &measured, NULL));
        assert_close(measured.value, stop.best, 0, 0);
        rg_model_destroy(model);
    }
    free(scores);
    rg_context_destroy(own);
    unmake(&m);
    unmake(&v);
}

static void far_outliers_are_named(void **state)
{
    (void)state;
    struct made m = make(400, 20, 4, 1, 4, 11);
    m.x[4 * 100 + 1] = 1e6f;
    rg_model *model;
    rg_train_options o = options();
    o.epochs = 1;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    assert_non_null(strstr(train_log.note, "log1p-zscore"));
    assert_non_null(strstr(train_log.note, ": 2 ("));
    rg_model_destroy(model);
    char name[201];
    memset(name, 'n', 200); /* names come from files: of any length */
    name[200] = '\0';
    const char *names[] = {name, name, name, name};
    m.split.feature_names = names;
    for (int f = 0; f < 4; f++)
        m.x[4 * 100 + f] = 1e6f;
    assert_ok(ctx, rg_train(ctx, &m.split, rg_no_split(), &o, &model, NULL));
    assert_non_null(strstr(train_log.note, "4 features reach"));
    rg_model_destroy(model);
    unmake(&m);
}

/* Without a normalisation a model in f32 rounds f64 features: it says where that loses them. */
static void rounding_to_f32_is_told(void **state)
{
    (void)state;
    static const struct {
        double offset, step;
        const char *method;
        rg_dtype dtype;
        bool told;
    } members[] = {
        {1.7e9, 1, "none", RG_F32, true},         {-1.7e9, 1e-3, "none", RG_F32, true},
        {1e15, 10, "none", RG_F32, true},         {1, 1e-9, "none", RG_F32, true},
        {0.13274336, 1e-7, "none", RG_F32, true}, {0.13274336, 1e-3, "none", RG_F32, false},
        {0, 1e-30, "none", RG_F32, false},        {20180120, 1, "none", RG_F32, true},
        {-50, 1, "none", RG_F32, false},          {1.7e9, 1, "none", RG_F64, false},
        {1.7e9, 1, "zscore", RG_F32, false},      {1e6, 0, "none", RG_F32, false}, /* constant */
        {0.1, 0, "none", RG_F32, false},          {1e-50, 0, "none", RG_F32, true},
        {0, 1e-50, "none", RG_F32, true},         {16777217, 1e6, "none", RG_F32, true},
        {16777216, 0, "none", RG_F32, false},
    };
    enum { N = 100 };
    double x[N * 2], labels[N];
    int64_t offsets[] = {0, N / 2, N};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        for (int r = 0; r < N; r++) {
            x[2 * r] = r % 7;
            x[2 * r + 1] = members[i].offset + r * members[i].step;
            labels[r] = r % 3;
        }
        rg_split split = {.name = "train",
                          .n_rows = N,
                          .n_features = 2,
                          .n_lists = 2,
                          .features = {RG_F64, 2, {N, 2}, x},
                          .labels = labels,
                          .offsets = offsets};
        rg_model *model;
        rg_train_options o = options();
        o.epochs = 1;
        o.normalize = members[i].method;
        o.model.dtype = members[i].dtype;
        o.optimizer.lr = 1e-30;
        train_log.note[0] = '\0';
        rg_status status = rg_train(ctx, &split, rg_no_split(), &o, &model, NULL);
        bool told = strstr(train_log.note, "feature 2 (first in row ") != NULL;
        assert_int_equal(told, members[i].told);
        if (status == RG_OK)
            rg_model_destroy(model);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- The state ---- */

static void copy_training(struct rg__training *from, struct rg__training *to)
{
    struct rg__named old[RG__TRAINING_STATE], new[RG__TRAINING_STATE];
    int n = rg__training_state(from, old);
    assert_int_equal(rg__training_state(to, new), n);
    for (int i = 0; i < n; i++) {
        assert_string_equal(new[i].name, old[i].name);
        assert_int_equal(rg__tensor_bytes(&new[i].tensor), rg__tensor_bytes(&old[i].tensor));
        memcpy(new[i].tensor.data, old[i].tensor.data, rg__tensor_bytes(&old[i].tensor));
    }
}

/* A new training that gets the state of another after some epochs ends with its bits. */
static void a_copied_state_continues(void **state)
{
    (void)state;
    static const struct {
        const char *optimizer, *schedule;
        bool vali;
        int64_t window_bytes, copied_after;
    } cases[] = {
        {"sgd", "cosine", false, 0, 3},
        {"sgd", "constant", true, 0, 1},
        {"adam", "cosine", true, 0, 4},
        {"adam", "constant", false, 4096, 2},
        {"adam(beta1=0.5)", "cosine", true, 4096, 5},
        {"sgd", "cosine", true, 4096, 0},
        {"sgd", "constant", true, 0, 6},
    };
    struct made m = make(60, 20, 8, 1, 4, 31), v = make(30, 20, 8, 1, 4, 32);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_train_options o = options();
        o.epochs = 6;
        o.batch_lists = 7;
        o.optimizer.name = cases[i].optimizer;
        o.optimizer.lr = 0.05;
        o.schedule = cases[i].schedule;
        o.window_bytes = cases[i].window_bytes;
        const rg_split *vali = cases[i].vali ? &v.split : NULL;
        struct rg__training first, second;
        assert_ok(ctx, rg__training_open(ctx, &m.split, vali, &o, &first));
        while (first.next_epoch <= cases[i].copied_after)
            assert_ok(ctx, rg__training_epoch(&first));
        assert_ok(ctx, rg__training_open(ctx, &m.split, vali, &o, &second));
        copy_training(&first, &second);
        for (struct rg__training *t = &first; t; t = t == &first ? &second : NULL) {
            while (t->next_epoch <= o.epochs)
                assert_ok(ctx, rg__training_epoch(t));
            assert_ok(ctx, rg__training_finish(t, false));
        }
        const rg_parameters *p = &first.model->parameters;
        assert_memory_equal(p->value, second.model->parameters.value,
                            (size_t)p->count * rg_dtype_size(p->dtype));
        assert_string_equal(rg_model_history(first.model), rg_model_history(second.model));
        assert_close(second.result.metric, first.result.metric, 0, 0);
        assert_close(second.result.vali_metric, first.result.vali_metric, 0, 0);
        assert_close(second.result.untrained_metric, first.result.untrained_metric, 0, 0);
        rg__training_close(&second);
        rg__training_close(&first);
    }
    unmake(&m);
    unmake(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_data),
        TEST(label_scale_does_not_matter),
        TEST(same_seed_same_bits),
        TEST(training_lists_are_measured_now_and_then),
        TEST(the_best_epoch_on_validation_is_kept),
        TEST(without_validation_the_last_epoch_is_kept),
        TEST(masked_rows_leave_no_trace),
        TEST(item_weights_multiply_labels),
        TEST(a_list_of_weight_3_trains_like_three),
        TEST(list_weights_in_small_steps),
        TEST(labels_and_weights_are_checked_first),
        TEST(levels_are_checked_first),
        TEST(a_model_gets_the_outputs_of_its_loss),
        TEST(nothing_to_learn_is_an_error),
        TEST(sentinels_are_found),
        TEST(training_warns_of_sentinels),
        TEST(verdicts),
        TEST(a_failed_training_is_an_error),
        TEST(the_kept_models_loss_is_measured),
        TEST(windows_stream_to_the_same_bits),
        TEST(memory_is_counted_as_it_is_used),
        TEST(shards_add_up),
        TEST(errors),
        TEST(more_errors),
        TEST(unsound_splits_are_refused),
        TEST(huge_labels_have_a_linear_gain),
        TEST(missing_features_are_told_by_row),
        TEST(training_without_memory),
        TEST(what_was_learned_is_kept),
        TEST(far_outliers_are_named),
        TEST(rounding_to_f32_is_told),
        TEST(a_copied_state_continues),
    };
    RUN_TESTS(tests);
}
