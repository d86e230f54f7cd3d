/* test_sparse.c: a model trained on sparse rows reads only the columns that occur in them, and
 * scores what the same rows give as dense ones; memory depends on what is stored. */
#include "check.h"

#include "base/random.h"
#include "hdf5/h5.h"
#include "model/model.h"
#include "model/wide.h"
#include "normalize/normalize.h"
#include "normalize/rows.h"
#include "tensor/tensor.h"

#include <unistd.h>

enum {
    LISTS = 40,
    LIST = 9,
    ROWS = LISTS * LIST,
    FEATURES = 60,
    CELLS = ROWS * FEATURES,
    OTHERS = 4
};

/* ---- Memory through a hook that counts --------------------------------------------------------- */

static size_t live, peak;

static void *resize(void *user, void *block, size_t size)
{
    (void)user;
    size_t *old = block ? (size_t *)block - 2 : NULL;
    live -= old ? *old : 0;
    if (size == 0) {
        free(old);
        return NULL;
    }
    size_t *grown = size < PTRDIFF_MAX / 2 ? realloc(old, size + 2 * sizeof *grown) : NULL;
    if (!grown) {
        live += old ? *old : 0;
        return NULL;
    }
    *grown = size;
    live += size;
    peak = live > peak ? live : peak;
    return grown + 2;
}

static rg_context *ctx;
static char path[64];

static int set_up(void **state)
{
    (void)state;
    rg_context_options options = rg_context_options_default();
    options.allocator = (rg_allocator){resize, NULL};
    options.n_threads = 1;
    ctx = rg_context_create(&options);
    snprintf(path, sizeof path, "/tmp/rankgrad-sparse-%ld.h5", (long)getpid());
    return ctx ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    unlink(path);
    return live == 0 ? 0 : -1;
}

/* ---- The same rows, sparse and dense ----------------------------------------------------------- */

struct made {
    rg_split dense, sparse;
    double x[CELLS], labels[ROWS];
    char stored[CELLS * sizeof(double)], values[CELLS * sizeof(double)];
    int64_t offsets[LISTS + 1], indptr[ROWS + 1];
    int32_t indices[CELLS];
    uint8_t mask[ROWS];
};

/* What is special about rows. */
struct kind {
    const char *name;
    rg_dtype stored;
    bool negative; /* numbers of both signs */
    bool full;     /* column 7 is stored in every row but some OTHERS, with an offset of 1e7 */
    bool masked;   /* every fifth row, with NaN */
    int step;      /* every step-th column occurs; 0: none but column 7 */
};

/* Puts a stored number of row r. */
static void put(struct made *m, const struct kind *k, int r, int column, double x)
{
    float narrow = (float)x;
    if (k->stored == RG_F32)
        memcpy(m->values + (size_t)m->indptr[r + 1] * sizeof narrow, &narrow, sizeof narrow);
    else
        memcpy(m->values + (size_t)m->indptr[r + 1] * sizeof x, &x, sizeof x);
    if (k->stored == RG_F32)
        ((float *)(void *)m->stored)[r * FEATURES + column] = narrow;
    else
        ((double *)(void *)m->stored)[r * FEATURES + column] = x;
    m->indices[m->indptr[r + 1]++] = column;
}

/* A fifth of the columns that occur in a row; another seed gives other rows of the same kind. */
static struct made *make(const struct kind *k, uint64_t seed)
{
    struct made *m = calloc(1, sizeof *m);
    for (int r = 0; r < ROWS; r++) {
        double truth = 0;
        m->indptr[r + 1] = m->indptr[r];
        m->mask[r] = r % 5 != 3;
        for (int j = 0; j < FEATURES; j++) {
            uint64_t i = (uint64_t)(r * FEATURES + j);
            double u = rg_uniform(seed, RG__STREAM_SAMPLES, 0, i);
            double z = rg_normal(seed, RG__STREAM_SAMPLES, 1, i);
            double x = (k->negative ? z : fabs(z)) * (1 + j % 4);
            bool full = k->full && j == 7;
            if (full ? seed == OTHERS && r % 3 == 0 : k->step == 0 || j % k->step || u > 0.2)
                continue;
            truth += full ? z : x * (j % 7 - 3);
            bool hole = k->masked && !m->mask[r];
            put(m, k, r, j, hole ? (double)NAN : full ? 1e7 + round(50 * z) : x);
        }
        m->labels[r] = truth > 1 ? 2 : truth > 0;
    }
    for (int q = 0; q <= LISTS; q++)
        m->offsets[q] = q * LIST;
    m->dense = (rg_split){.name = "train",
                          .n_rows = ROWS,
                          .n_features = FEATURES,
                          .n_lists = LISTS,
                          .features = {k->stored, 2, {ROWS, FEATURES}, m->stored},
                          .labels = m->labels,
                          .offsets = m->offsets,
                          .mask = k->masked ? m->mask : NULL};
    m->sparse = m->dense;
    m->sparse.features = (rg_tensor){0};
    m->sparse.csr = (rg_csr){ROWS, FEATURES, m->indptr, m->indices, k->stored, m->values};
    return m;
}

static rg_train_options options_of(const char *method, bool mlp, rg_dtype dtype)
{
    rg_train_options o = rg_train_options_default();
    o.normalize = method;
    o.epochs = 3;
    o.model.dtype = dtype;
    if (mlp)
        o.model.name = "mlp(hidden=[20, 3])";
    return o;
}

static void assert_same_scores(const double *a, const double *b, double tolerance)
{
    double largest = 1;
    for (int r = 0; r < ROWS; r++)
        largest = fabs(a[r]) > largest ? fabs(a[r]) : largest;
    for (int r = 0; r < ROWS; r++) {
        assert_int_equal(isnan(a[r]), isnan(b[r]));
        if (!isnan(a[r]))
            assert_close(a[r], b[r], 0, tolerance * largest);
    }
}

/* The forward pass of training: the bits of a linear model's scores. */
static void forward(rg_model *model, const rg_split *split, double *scores)
{
    struct rg__rows rows;
    rg_graph *graph = rg_graph_create(ctx);
    rg_run all = {0, 0};
    assert_ok(ctx, rg__rows_open(ctx, split, &model->inputs, &model->normalization,
                                 model->parameters.dtype, NULL, &rows));
    rg_selection selection = rows.matrix;
    all.n_rows = rows.n_rows;
    selection.n_runs = 1;
    selection.runs = &all;
    rg_node *x = rg_leaf_rows(graph, &selection, model->parameters.dtype);
    const rg_tensor *value = rg_node_value(rg_model_forward(graph, model, x, NULL, 0));
    assert_non_null(value);
    for (int64_t r = 0; r < rows.n_rows; r++)
        scores[r] = value->dtype == RG_F32 ? (double)((const float *)value->data)[r]
                                           : ((const double *)value->data)[r];
    rg_graph_destroy(graph);
    rg__rows_close(&rows);
}

static const struct kind kinds[] = {
    {"f32", RG_F32, false, false, false, 2},       {"f64", RG_F64, false, false, false, 3},
    {"negative", RG_F32, true, false, false, 2},   {"full", RG_F64, false, true, false, 2},
    {"full, f32", RG_F32, false, true, false, 4},  {"masked", RG_F32, false, false, true, 2},
    {"masked, full", RG_F64, true, true, true, 5}, {"all columns", RG_F32, false, false, false, 1},
    {"one column", RG_F64, false, true, false, 0}, {"few", RG_F32, true, false, false, 20},
};

static int64_t count_occurring(const struct kind *k)
{
    int64_t n = 0;
    for (int j = 0; j < FEATURES; j++)
        n += (k->full && j == 7) || (k->step > 0 && j % k->step == 0);
    return n;
}

/* Scores of the rows by one call, by the forward pass, as dense rows, and after a file. */
static void check_scores(rg_model *model, const struct made *m, bool linear, bool masked)
{
    static double found[ROWS], dense[ROWS], passed[ROWS], loaded[ROWS];
    double tolerance = model->parameters.dtype == RG_F32 ? 1e-5 : 1e-12;
    rg_model *again;
    assert_ok(ctx, rg_model_score_split(model, &m->sparse, found));
    assert_ok(ctx, rg_model_score_split(model, &m->dense, dense));
    assert_same_scores(found, dense, tolerance);
    if (linear && !masked) {
        forward(model, &m->sparse, passed);
        assert_memory_equal(found, passed, sizeof found);
    }
    assert_ok(ctx, rg_model_save(model, path, true));
    assert_ok(ctx, rg_model_load(ctx, path, &again));
    assert_ok(ctx, rg_model_score_split(again, &m->sparse, loaded));
    assert_memory_equal(found, loaded, sizeof found);
    rg_model_destroy(again);
}

static void sparse_scores_are_those_of_dense_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int variant = 0; normalization_at(variant / 4); variant++) {
            bool mlp = variant & 1;
            rg_dtype dtype = variant & 2 ? RG_F64 : RG_F32;
            rg_train_options o = options_of(normalization_at(variant / 4), mlp, dtype);
            if (same_text(o.normalize, "none") && kinds[i].full)
                continue; /* weights of 1e7 and of 1 have no learning rate in common */
            struct made *m = make(&kinds[i], 3), *other = make(&kinds[i], OTHERS);
            rg_model *model;
            rg_status status = rg_train(ctx, &m->sparse, &other->sparse, &o, &model, NULL);
            if (same_text(o.normalize, "minmax") && kinds[i].negative) {
                assert_int_equal(status, RG_BAD_DATA);
                assert_non_null(strstr(rg_last_error(ctx), "expected 0 there"));
            } else {
                assert_ok(ctx, status);
                int64_t n, expected = count_occurring(&kinds[i]);
                const int32_t *columns = rg_model_columns(model, &n);
                assert_int_equal(n, expected);
                assert_int_equal(columns == NULL, expected == FEATURES);
                check_scores(model, m, !mlp, kinds[i].masked);
                check_scores(model, other, !mlp, kinds[i].masked);
                rg_model_destroy(model);
            }
            free(m);
            free(other);
        }
}

/* A linear model learns the same from sparse rows as from dense ones: a shift of all rows of a list
 * does not change its loss. */
static void sparse_rows_train_as_dense_ones(void **state)
{
    (void)state;
    static double a[ROWS], b[ROWS];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 0; normalization_at(k); k++) {
            const char *method = normalization_at(k);
            rg_train_options o = options_of(method, false, RG_F64);
            bool refused = same_text(method, "minmax") && kinds[i].negative;
            if (refused || (same_text(method, "none") && kinds[i].full))
                continue;
            struct made *m = make(&kinds[i], 5);
            rg_model *sparse, *dense;
            assert_ok(ctx, rg_train(ctx, &m->sparse, rg_no_split(), &o, &sparse, NULL));
            assert_ok(ctx, rg_train(ctx, &m->dense, rg_no_split(), &o, &dense, NULL));
            assert_ok(ctx, rg_model_score_split(sparse, &m->sparse, a));
            assert_ok(ctx, rg_model_score_split(dense, &m->dense, b));
            for (int q = 0; q < LISTS; q++) { /* differences within a list; row 3 of 5 is masked */
                int first = q * LIST + (q * LIST % 5 == 3);
                double of_a = a[first], of_b = b[first];
                for (int r = q * LIST; r < (q + 1) * LIST; r++) {
                    a[r] -= of_a;
                    b[r] -= of_b;
                }
            }
            assert_same_scores(a, b, 1e-9);
            rg_model_destroy(sparse);
            rg_model_destroy(dense);
            free(m);
        }
}

/* Sparse rows stream in windows as dense ones do: the bits depend on the windows alone. */
static void sparse_windows_stream_to_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 0; normalization_at(k); k++) {
            const char *method = normalization_at(k);
            struct made *m = make(&kinds[i], 9), *other = make(&kinds[i], 10);
            rg_train_options o = options_of(method, false, RG_F64);
            rg_model *all, *streamed;
            o.window_bytes = 3000;
            rg_status status = rg_train(ctx, &m->sparse, &other->sparse, &o, &all, NULL);
            if (status == RG_OK) {
                const rg_parameters *p = rg_model_parameters(all);
                o.memory_limit =
                    100 * p->count + 8000; /* two windows and the parameters, not all rows */
                assert_ok(ctx, rg_train(ctx, &m->sparse, &other->sparse, &o, &streamed, NULL));
                assert_memory_equal(rg_model_parameters(streamed)->value, p->value,
                                    (size_t)p->count * sizeof(double));
                rg_model_destroy(streamed);
                rg_model_destroy(all);
            } else {
                assert_true(same_text(method, "minmax") && kinds[i].negative);
            }
            free(m);
            free(other);
        }
}

/* ---- Kernels beside the graph ------------------------------------------------------------------ */

/* Models whose architecture scores in kernels of its own. */
static const char *const with_kernels[] = {
    "linear",
    "linear(bias=true)",
    "mlp(hidden=[1])",
    "mlp(hidden=[20, 3])",
    "mlp(hidden=[3, 20], bias=true)",
    "mlp(hidden=[64, 32])",
    "mlp(hidden=[7, 7, 7], bias=true)",
    "mlp(hidden=[100], bias=true)",
};

/* A model of that text with drawn parameters; `plain`: its architecture without the kernels. */
static rg_model *make_scorer(const char *text, rg_dtype dtype, const struct rg__inputs *inputs,
                             const rg_normalization *z, rg_architecture *plain)
{
    rg_choice choice;
    assert_ok(ctx, rg_choice_parse(ctx, rg_models(), text, &choice));
    const rg_architecture *built_in = (const void *)choice.component;
    assert_non_null(built_in->scoring);
    if (plain) {
        *plain = *built_in;
        plain->scoring = NULL;
        choice.component = &plain->component;
    }
    rg_model_options o = rg_model_options_default();
    o.own = &choice;
    o.dtype = dtype;
    o.columns = inputs->index;
    o.n_columns = inputs->n;
    rg_model *model;
    assert_ok(ctx, rg_model_create(ctx, FEATURES, &o, &model));
    assert_ok(ctx, rg_model_set_normalization(model, z));
    const rg_parameters *p = rg_model_parameters(model);
    for (int64_t i = 0; i < p->count; i++) {
        double x = rg_normal(4, RG__STREAM_SAMPLES, 2, (uint64_t)i);
        rg__cast(RG_F64, &x, dtype, (char *)p->value + (size_t)i * rg_dtype_size(dtype), 1);
    }
    return model;
}

/* Kernels are optional: they give the scores of the graph, a linear model's to the bit, on dense
 * and sparse rows, masked or not, under every normalisation. */
static void check_kernels(const char *text, rg_dtype dtype, const struct made *m,
                          const struct rg__inputs *inputs, const rg_normalization *z)
{
    static double fast[ROWS], slow[ROWS];
    const rg_split *const splits[] = {&m->sparse, &m->dense};
    rg_architecture plain;
    rg_model *a = make_scorer(text, dtype, inputs, z, NULL);
    rg_model *b = make_scorer(text, dtype, inputs, z, &plain);
    bool linear = strncmp(text, "linear", 6) == 0;
    for (int i = 0; i < 2; i++) {
        assert_ok(ctx, rg_model_score_split(a, splits[i], fast));
        assert_ok(ctx, rg_model_score_split(b, splits[i], slow));
        assert_same_scores(fast, slow, linear ? 0 : dtype == RG_F32 ? 1e-5 : 1e-13);
    }
    rg_model_destroy(a);
    rg_model_destroy(b);
}

static void kernels_give_the_scores_of_the_graph(void **state)
{
    (void)state;
    enum { MODELS = sizeof with_kernels / sizeof *with_kernels };
    int64_t n_shifted = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct made *m = make(&kinds[i], 21);
        struct rg__inputs occurring, all = rg__all_inputs(FEATURES);
        assert_ok(ctx, rg__inputs_that_occur(ctx, &m->sparse, &occurring));
        for (int k = 0; normalization_at(k); k++) {
            const struct rg__inputs *inputs = (i + (size_t)k) % 2 ? &all : &occurring;
            rg_normalization z = normalization_of(normalization_at(k), inputs->n);
            rg_choice choice = z.choice;
            if (rg__normalization_fit(ctx, &choice, &m->sparse, inputs, &z) != RG_OK)
                continue; /* minmax of negative numbers */
            n_shifted += z.shift && z.shift[inputs == &all ? 7 : 0] != 0;
            for (int j = 0; j < 2 * MODELS; j++)
                check_kernels(with_kernels[j / 2], j % 2 ? RG_F64 : RG_F32, m, inputs, &z);
            rg_normalization_free(ctx, &z);
        }
        rg__inputs_free(ctx, &occurring);
        free(m);
    }
    assert_true(n_shifted > 0);
}

static void square(const void *params, double *x, int64_t n)
{
    (void)params;
    for (int64_t i = 0; i < n; i++)
        x[i] *= fabs(x[i]);
}

/* A t(x) before statistics of each list, which no method of the table has: the same as list-minmax
 * of rows that hold t(x). */
static void a_transform_by_list_comes_first(void **state)
{
    (void)state;
    static const struct rg__normalization_kind own = {{.name = "square"},
                                                      .transform = square,
                                                      .fit = rg__fit_range,
                                                      .by_list = true,
                                                      .zeros = RG__ZEROS_STAY_LEAST};
    static double expected[ROWS], found[ROWS];
    const struct rg__inputs all = rg__all_inputs(FEATURES);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].stored != RG_F64)
            continue;
        struct made *m = make(&kinds[i], 22), *squares = make(&kinds[i], 22);
        square(NULL, (double *)(void *)squares->stored, CELLS);
        square(NULL, (double *)(void *)squares->values, squares->indptr[ROWS]);
        rg_normalization z = normalization_of("list-minmax", FEATURES);
        rg_model *model = make_scorer("linear", RG_F64, &all, &z, NULL);
        assert_ok(ctx, rg_model_score_split(model, &squares->dense, expected));
        model->normalization.choice.component = &own.component;
        assert_ok(ctx, rg_model_score_split(model, &m->dense, found));
        assert_memory_equal(found, expected, sizeof found);
        assert_ok(ctx, rg_model_score_split(model, &m->sparse, found));
        assert_same_scores(found, expected, 1e-12);
        rg_model_destroy(model);
        free(m);
        free(squares);
    }
}

/* A model with kernels that is not in the table above would not be compared. */
static void every_model_with_kernels_is_compared(void **state)
{
    (void)state;
    const rg_component *component;
    for (int i = 0; (component = rg_registry_at(rg_models(), i)) != NULL; i++) {
        bool compared = ((const rg_architecture *)(const void *)component)->scoring == NULL;
        for (size_t j = 0; j < sizeof with_kernels / sizeof *with_kernels; j++)
            compared |= strncmp(with_kernels[j], component->name, strlen(component->name)) == 0;
        assert_true(compared);
    }
}

/* ---- Columns that training did not see --------------------------------------------------------- */

static void unseen_columns_have_weight_0(void **state)
{
    (void)state;
    static double scores[ROWS], again[ROWS];
    const struct kind few = {"few", RG_F64, true, false, false, 6};
    for (int variant = 0; variant < 10; variant++) {
        rg_train_options o =
            options_of(normalization_at(variant / 2), variant % 2, variant % 2 ? RG_F32 : RG_F64);
        if (same_text(o.normalize, "minmax"))
            o.normalize = "none";
        struct made *m = make(&few, 6);
        rg_model *model;
        assert_ok(ctx, rg_train(ctx, &m->sparse, rg_no_split(), &o, &model, NULL));
        assert_ok(ctx, rg_model_score_split(model, &m->sparse, scores));
        int32_t indices[ROWS * 2];
        double values[ROWS * 2];
        int64_t indptr[ROWS + 1];
        for (int r = 0; r <= ROWS; r++)
            indptr[r] = 2 * r;
        for (int k = 0; k < 2 * ROWS; k++) { /* columns 1 and 6, of which 6 occurs */
            indices[k] = k % 2 ? 6 : 1;
            values[k] = k % 2 ? 2.5 : 1e6;
        }
        rg_split split = m->sparse;
        split.csr = (rg_csr){ROWS, FEATURES, indptr, indices, RG_F64, values};
        assert_ok(ctx, rg_model_score_split(model, &split, scores));
        for (int k = 0; k < 2 * ROWS; k += 2)
            values[k] = k == 10 ? (double)NAN : 0;
        assert_ok(ctx, rg_model_score_split(model, &split, again));
        for (int r = 0; r < ROWS; r++)
            if (r == 5)
                assert_true(isnan(again[r]));
            else
                assert_close(again[r], scores[r], 0, 0);
        static double wide[CELLS]; /* the same as dense rows */
        for (int k = 0; k < 2 * ROWS; k++)
            wide[k / 2 * FEATURES + indices[k]] = values[k];
        split.csr = (rg_csr){0};
        split.features = (rg_tensor){RG_F64, 2, {ROWS, FEATURES}, wide};
        assert_ok(ctx, rg_model_score_split(model, &split, scores));
        assert_same_scores(again, scores, 1e-5);
        memset(wide, 0, sizeof wide);
        rg_model_destroy(model);
        free(m);
    }
}

/* ---- Tables over all columns ------------------------------------------------------------------- */

/* Rows all of which a mask lets through are scored without a table, to the same bits as with one. */
static void assert_table(rg_model *model, const rg_split *split, bool expected)
{
    static double with[ROWS], without[ROWS];
    static uint8_t all[ROWS];
    rg_split masked = *split;
    const void *table;
    memset(all, 1, sizeof all);
    masked.mask = all;
    assert_ok(ctx, rg_model_score_split(model, &masked, without));
    assert_ok(ctx, rg_model_score_split(model, split, with));
    for (int r = 0; r < ROWS; r++)
        assert_true(with[r] == without[r] || (isnan(with[r]) && isnan(without[r])));
    assert_ok(ctx, rg__wide_table(model, split, &table));
    assert_int_equal(table != NULL, expected);
}

/* A table follows the weights and the normalisation. */
static void change(rg_model *model, const rg_split *split, bool expected)
{
    assert_table(model, split, expected);
    const rg_parameters *p = rg_model_parameters(model);
    if (p->dtype == RG_F32)
        ((float *)p->value)[p->count - 1] += 1;
    else
        ((double *)p->value)[p->count - 1] += 1;
    assert_table(model, split, expected);
    rg_normalization z = *rg_model_normalization(model);
    double *scale = malloc((size_t)model->inputs.n * sizeof *scale);
    for (int64_t i = 0; i < model->inputs.n; i++)
        scale[i] = z.scale ? 3 * z.scale[i] : 1;
    z.scale = z.scale ? scale : NULL;
    assert_ok(ctx, rg_model_set_normalization(model, &z));
    free(scale);
    assert_table(model, split, expected);
    rg_normalization none = {.shift = NULL};
    assert_ok(ctx, rg_model_set_normalization(model, &none));
    assert_table(model, split, strcmp(rg_model_name(model), "linear") == 0);
}

static void a_table_over_all_columns_keeps_the_bits(void **state)
{
    (void)state;
    static const struct kind made_of[] = {
        {"f32", RG_F32, false, false, false, 2}, {"f64", RG_F64, false, false, false, 3},
        {"all", RG_F32, true, false, false, 2},  {"few", RG_F64, true, false, false, 20},
        {"full", RG_F32, false, true, false, 4}, {"full, f64", RG_F64, true, true, false, 5},
        {"many", RG_F64, true, false, false, 2}, {"f32, few", RG_F32, false, false, false, 20},
    };
    for (size_t i = 0; i < sizeof made_of / sizeof *made_of; i++)
        for (int variant = 0; normalization_at(variant / 2); variant++) {
            const char *method = normalization_at(variant / 2);
            bool mlp = variant % 2 && same_text(method, "none");
            rg_train_options o = options_of(method, mlp, made_of[i].stored);
            bool shifts = made_of[i].full && !same_text(method, "none");
            if ((same_text(method, "minmax") && made_of[i].negative) ||
                (same_text(method, "none") && made_of[i].full))
                continue;
            if (variant % 2)
                o.model.name = mlp ? "mlp(hidden=[20, 3], bias=true)" : "linear(bias=true)";
            struct made *m = make(&made_of[i], 12), *other = make(&made_of[i], 13);
            float nan32 = NAN;
            double nan64 = NAN;
            rg_model *model;
            assert_ok(ctx, rg_train(ctx, &m->sparse, rg_no_split(), &o, &model, NULL));
            other->indices[0] = 0; /* a row with a column that has no weight, and in it a NaN */
            if (other->indptr[1] > 1 && other->indices[1] > 1) {
                other->indices[0] = 1;
                if (made_of[i].stored == RG_F32)
                    memcpy(other->values, &nan32, sizeof nan32);
                else
                    memcpy(other->values, &nan64, sizeof nan64);
            }
            change(model, &other->sparse,
                   !mlp && !shifts && !same_text(method, "list-minmax") &&
                       !same_text(method, "log1p-zscore"));
            rg_model_destroy(model);
            free(m);
            free(other);
        }
}

/* A table is at most 64 MiB and 16 columns for each input, and is not made for few numbers. */
static void a_table_is_bounded(void **state)
{
    (void)state;
    enum { MILLION = 1 << 20, MIB_64 = 64 << 20 };
    static const struct {
        int64_t n_features, n, n_numbers;
        rg_dtype dtype;
        bool expected;
    } cases[] = {
        {64, 4, 64, RG_F32, true},
        {64, 4, 63, RG_F32, false},
        {80, 4, 1000, RG_F32, false},
        {INT32_MAX, 1000, INT32_MAX, RG_F32, false},
        {16 * 1000, 1000, INT32_MAX, RG_F64, true},
        {MIB_64 / 4, MILLION, INT32_MAX, RG_F32, true},
        {MIB_64 / 4 + 1, MILLION, INT32_MAX, RG_F32, false},
        {MIB_64 / 8, MILLION, INT32_MAX, RG_F64, true},
        {MIB_64 / 8 + 1, MILLION, INT32_MAX, RG_F64, false},
        {MILLION + 1, MILLION, MILLION / 16 - 1, RG_F32, false},
    };
    int32_t *columns = malloc(MILLION * sizeof *columns);
    for (int32_t i = 0; i < MILLION; i++)
        columns[i] = i;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_model_options o = rg_model_options_default();
        const int64_t indptr[] = {0, cases[i].n_numbers};
        const rg_split split = {
            .csr = {1, cases[i].n_features, indptr, NULL, cases[i].dtype, NULL}};
        rg_model *model;
        const void *table;
        o.columns = columns;
        o.n_columns = cases[i].n;
        o.dtype = cases[i].dtype;
        assert_ok(ctx, rg_model_create(ctx, cases[i].n_features, &o, &model));
        size_t before = live;
        assert_ok(ctx, rg__wide_table(model, &split, &table));
        assert_int_equal(table != NULL, cases[i].expected);
        assert_int_equal(live > before, cases[i].expected);
        rg_model_destroy(model);
    }
    free(columns);
}

/* ---- Memory ------------------------------------------------------------------------------------ */

/* 500 rows of 10 numbers in any number of columns; a model of them takes as much as one of few. */
static size_t peak_of(int64_t n_columns, const rg_train_options *o)
{
    enum { N = 500, NUMBERS = 10 };
    static int64_t indptr[N + 1], offsets[N / 10 + 1];
    static int32_t indices[N * NUMBERS];
    static float values[N * NUMBERS];
    static double labels[N], scores[N];
    for (int r = 0; r < N; r++) {
        indptr[r + 1] = (r + 1) * NUMBERS;
        labels[r] = r % 3;
        for (int k = 0; k < NUMBERS; k++) { /* ascending, and each in its own tenth */
            double u = rg_uniform(8, RG__STREAM_SAMPLES, 0, (uint64_t)(r * NUMBERS + k));
            indices[r * NUMBERS + k] = (int32_t)((double)n_columns / NUMBERS * (k + u * 0.99));
            values[r * NUMBERS + k] = (float)(1 + u);
        }
    }
    for (int q = 0; q <= N / 10; q++)
        offsets[q] = 10 * q;
    rg_split split = {.name = "train",
                      .n_rows = N,
                      .n_features = n_columns,
                      .n_lists = N / 10,
                      .csr = {N, n_columns, indptr, indices, RG_F32, values},
                      .labels = labels,
                      .offsets = offsets};
    rg_model *model, *loaded;
    peak = live;
    size_t before = live;
    assert_ok(ctx, rg_train(ctx, &split, rg_no_split(), o, &model, NULL));
    assert_ok(ctx, rg_model_score_split(model, &split, scores));
    assert_ok(ctx, rg_model_save(model, path, true));
    assert_ok(ctx, rg_model_load(ctx, path, &loaded));
    assert_int_equal(rg_model_n_features(loaded), n_columns);
    rg_model_destroy(model);
    rg_model_destroy(loaded);
    return peak - before;
}

static void memory_depends_on_what_is_stored(void **state)
{
    (void)state;
    for (int variant = 0; normalization_at(variant / 2); variant++) {
        rg_train_options o = options_of(normalization_at(variant / 2), variant % 2, RG_F32);
        o.epochs = 1;
        size_t few = peak_of(5000, &o);
        for (int64_t n = 1 << 20; n <= INT32_MAX; n = n * 40 < INT32_MAX ? n * 40 : n + INT32_MAX)
            assert_true(peak_of(n == 1 << 20 ? n : INT32_MAX, &o) < 3 * few + (1 << 20));
    }
}

/* ---- Columns of a model that are wrong --------------------------------------------------------- */

static const struct {
    const char *words;
    int64_t n_features, n;
    int32_t columns[3];
} wrong[] = {
    {"0 columns; expected 1 to 5", 5, 0, {0}},
    {"3 columns; expected 1 to 2", 2, 3, {0, 1, 2}},
    {"element 1 (from 1) of the columns is -1", 5, 2, {-1, 3}},
    {"element 2 (from 1) of the columns is 5; expected ascending numbers from 0 to 4",
     5,
     2,
     {0, 5}},
    {"element 2 (from 1) of the columns is 3", 5, 2, {3, 3}},
    {"element 3 (from 1) of the columns is 1", 5, 3, {0, 3, 1}},
    {"element 1 (from 1) of the columns is 2147483647", INT32_MAX, 1, {INT32_MAX}},
    {"element 2 (from 1) of the columns is -2147483648", INT32_MAX, 2, {0, INT32_MIN}},
};

static void wrong_columns_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rg_model *model;
        rg_model_options o = rg_model_options_default();
        o.columns = wrong[i].columns;
        o.n_columns = wrong[i].n;
        assert_fails(ctx, RG_USAGE, wrong[i].words,
                     rg_model_create(ctx, wrong[i].n_features, &o, &model));
        struct rg__h5_writer *writer;
        char config[200];
        const float weights[3] = {0};
        snprintf(config, sizeof config,
                 "{\"model\": \"linear\", \"n_features\": %lld, \"dtype\": \"f32\", \"bias\": "
                 "false, \"normalize\": \"none\"}",
                 (long long)wrong[i].n_features);
        unlink(path);
        assert_ok(ctx, rg__h5_begin(ctx, path, false, &writer));
        rg__h5_write_attribute(writer, "/", "format", "rankgrad-model");
        rg__h5_write_attribute(writer, "/", "format_version", "1.1");
        rg__h5_write_strings(writer, "/config", -1, (const char *const[]){config});
        rg__h5_write(writer, "/columns", RG_I32, 1, &wrong[i].n, wrong[i].columns);
        rg__h5_write_group(writer, "/parameters");
        rg__h5_write(writer, "/parameters/weights", RG_F32, 1, &wrong[i].n, weights);
        assert_ok(ctx, rg__h5_commit(writer));
        assert_fails(ctx, RG_BAD_DATA, wrong[i].words, rg_model_load(ctx, path, &model));
    }
}

/* Positions of columns, against a search through all of them. */
static void columns_have_positions(void **state)
{
    (void)state;
    static const struct {
        int64_t n_features, n;
        int32_t first, step;
    } cases[] = {{1, 1, 0, 1},
                 {10, 3, 2, 3},
                 {64, 64, 0, 1},
                 {1000, 10, 990, 1},
                 {1000, 10, 0, 1},
                 {1 << 20, 7, 5, 99},
                 {INT32_MAX, 1, 0, 1},
                 {4096, 100, 1, 40},
                 {INT32_MAX, 2, 1, INT32_MAX - 3},
                 {INT32_MAX, 100, 7, 20000000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t index[100];
        struct rg__inputs inputs;
        for (int k = 0; k < cases[i].n; k++)
            index[k] = cases[i].first + k * cases[i].step;
        assert_ok(ctx, rg__inputs_copy(ctx, cases[i].n_features, index, cases[i].n, &inputs));
        for (int64_t c = 0; c < cases[i].n_features; c += 1 + cases[i].n_features / 100000) {
            int64_t k = c < cases[i].first ? -1 : (c - cases[i].first) / cases[i].step;
            bool is_one = k >= 0 && k < cases[i].n && index[k] == c;
            assert_int_equal(rg__input_position(&inputs, (int32_t)c), is_one ? k : -1);
        }
        for (int k = 0; k < cases[i].n; k++) {
            assert_int_equal(rg__input_position(&inputs, index[k]), k);
            assert_int_equal(rg__input_column(&inputs, k), index[k]);
        }
        rg__inputs_free(ctx, &inputs);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sparse_scores_are_those_of_dense_rows),
        TEST(sparse_rows_train_as_dense_ones),
        TEST(sparse_windows_stream_to_the_same_bits),
        TEST(kernels_give_the_scores_of_the_graph),
        TEST(every_model_with_kernels_is_compared),
        TEST(a_transform_by_list_comes_first),
        TEST(unseen_columns_have_weight_0),
        TEST(a_table_over_all_columns_keeps_the_bits),
        TEST(a_table_is_bounded),
        TEST(memory_depends_on_what_is_stored),
        TEST(wrong_columns_are_refused),
        TEST(columns_have_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
