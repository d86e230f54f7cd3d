/* test_misuse.c: wrong arguments of every public function are errors, not crashes.
 *
 * misuse_calls.inc, generated from the headers, calls every function with each bad value of each
 * argument, one at a time. A table adds what no prototype shows: each bad value of a struct's field
 * or of an array's element. Every call runs in a process of its own, so that a crash is a finding. */
#include "check.h"

#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum expectation { SUCCESS, REFUSAL, NO_MESSAGE, ANY };

/* Valid arguments for every function. */
/* For rg_nearest_name. */
static const char *misuse_name_at(const void *of, int i)
{
    (void)of;
    return i == 0 ? "grow" : NULL;
}

struct fixture {
    rg_context *ctx;
    rg_graph *graph;
    rg_tensor tensor, tensor_out, one;
    rg_operator operator;
    rg_selection selection;
    rg_csr csr;
    rg_run run;
    rg_node *node, *sum, *weights, *logits, *floating, *truths, *sparse, *column, *index_node;
    rg_node *operands[1];
    rg_function *function;
    rg_gradcheck_report report;
    rg_split split;
    const rg_split *splits[1];
    rg_dataset *dataset, *dataset_out;
    rg_data_source source;
    rg_position_bias bias;
    rg_split clicks;
    rg_propensities propensities, propensities_out;
    int64_t positions[2];
    const char *text_path, *model_path, *table_path;
    const char *names[3];
    rg_model *model, *model_out;
    rg_output *output, *output_out;
    rg_output_options output_options;
    rg_normalization normalization, normalization_out;
    rg_metric metric;
    rg_metric_result metric_result;
    rg_ranking ranking;
    rg_interval interval;
    rg_test test;
    rg_comparison comparison;
    rg_train_result train_result;
    rg_extremes extremes;
    rg_parameters parameters;
    rg_parameter parameter;
    rg_parameters parameters_out;
    rg_batches *batches, *batches_out;
    rg_batch batch;
    rg_optimizer *optimizer, *optimizer_out;
    rg_choice choice, loss, pairwise, schedule;
    rg_objective objective;
    rg_train_options train_options;
    rg_model_options model_options;
    rg_optimizer_options optimizer_options;
    rg_generate_options generate_options;
    rg_dataset_options dataset_options;
    rg_loss_options loss_options;
    rg_ranking_softmax_params softmax;
    rg_gradcheck_options gradcheck_options;
    int64_t dims[2], offsets[3], indptr[3];
    int32_t indices[2];
    double numbers[6], numbers_out[64], gradient[64], labels[2], scale[3];
    float floats[6], values[64];
    bool flag;
    int count;
    _Alignas(64) char buffer[4096];
};

static void copy_forward(rg_node *y)
{
    memcpy(rg_output_data(y), rg_operand(y, 0)->data, 6 * sizeof(double));
    rg_set_saved(y, rg_output_data(y));
}

static void copy_backward(rg_node *y)
{
    double *grad = rg_operand_grad(y, 0);
    for (int i = 0; i < 6; i++)
        grad[i] += ((const double *)rg_output_grad(y))[i];
}

static rg_node *negated(rg_graph *graph, rg_node *const *inputs, void *user)
{
    (void)user;
    return rg_neg(graph, inputs[0]);
}

/* Nodes that depend on a variable, after a backward. */
static void make_nodes(struct fixture *v)
{
    v->operator=(rg_operator){.name = "copy",
                              .forward = {[RG_F64] = copy_forward},
                              .backward = {[RG_F64] = copy_backward}};
    rg_node *x = rg_variable(v->graph, &v->tensor, v->gradient);
    v->operands[0] = x;
    v->node = rg_apply(v->graph, &v->operator, & x, 1, v->buffer, 4);
    v->sum = rg_sum(v->graph, v->node, rg_all_axes());
    const rg_tensor weights = {RG_F64, 1, {3}, v->numbers};
    const rg_tensor logits = {RG_F64, 1, {2}, v->numbers}, rows = {RG_F32, 2, {2, 3}, v->floats};
    v->weights = rg_leaf(v->graph, &weights);
    v->logits = rg_leaf(v->graph, &logits);
    v->floating = rg_leaf(v->graph, &rows);
    v->index_node = rg_constant(v->graph, &(const rg_tensor){RG_U8, 2, {2, 3}, (uint8_t[6]){0}});
    v->truths = rg_leaf(v->graph, &(const rg_tensor){RG_BOOL, 1, {4}, v->buffer});
    v->selection = (rg_selection){.sparse = v->csr, .n_runs = 1, .runs = &v->run};
    v->sparse = rg_leaf_rows(v->graph, &v->selection, RG_F64);
    v->column = v->weights;
    assert_ok(v->ctx, rg_backward(v->graph, v->sum, NULL));
}

static void make_data(struct fixture *v)
{
    FILE *file = fopen(v->text_path, "w");
    assert_non_null(file);
    fputs("1 qid:1 1:1 2:2 3:3\n0 qid:1 1:3 2:1 3:2\n", file);
    fclose(file);
    v->split = (rg_split){.name = "",
                          .n_rows = 2,
                          .n_features = 3,
                          .n_lists = 1,
                          .features = v->tensor,
                          .labels = v->labels,
                          .offsets = v->offsets};
    v->splits[0] = &v->split;
    v->clicks = v->split;
    v->clicks.positions = v->positions;
    v->clicks.query_ids = v->clicks.doc_ids = v->names;
    v->propensities = (rg_propensities){.n = 2, .value = v->scale};
    file = fopen(v->table_path, "w");
    assert_non_null(file);
    fputs("1\t1\n", file);
    fclose(file);
    v->source = (rg_data_source){v->text_path, "train"};
    assert_ok(v->ctx, rg_dataset_open(v->ctx, v->text_path, NULL, &v->dataset));
    assert_ok(v->ctx, rg_model_create(v->ctx, 3, NULL, &v->model));
    assert_ok(v->ctx, rg_model_set_feature_names(v->model, v->names));
    assert_ok(v->ctx, rg_model_save(v->model, v->model_path, true));
    v->normalization = normalization_of("zscore", 3);
    v->normalization.shift = v->numbers;
    v->normalization.scale = v->scale;
    assert_ok(v->ctx, rg_metric_parse(v->ctx, "ndcg@10", &v->metric));
    rg_extremes_add(&v->extremes, 1e30, 1); /* a sentinel */
    assert_ok(v->ctx, rg_output_begin(v->ctx, "test_misuse.out", &v->output));
    v->ranking = (rg_ranking){
        .n_lists = 1, .offsets = v->offsets, .scores = v->numbers, .labels = v->labels};
    v->parameters = (rg_parameters){RG_F64, 3, v->numbers, v->gradient};
    assert_ok(v->ctx, rg_optimizer_create(v->ctx, &v->parameters, NULL, &v->optimizer));
    v->parameter = (rg_parameter){"w", 1, {3}, 1};
    assert_ok(v->ctx, rg_batches_create(v->ctx, &v->split, NULL, RG_F64, &v->batches));
    assert_ok(v->ctx, rg_choice_parse(v->ctx, rg_optimizers(), "adam", &v->choice));
    assert_ok(v->ctx, rg_choice_parse(v->ctx, rg_losses(), "pairwise_debiasing", &v->loss));
    assert_ok(v->ctx, rg_choice_parse(v->ctx, rg_losses(), "pairwise_mse", &v->pairwise));
    v->objective = rg_objective_of(&v->loss);
    assert_ok(v->ctx, rg_choice_parse(v->ctx, rg_schedules(), "cosine", &v->schedule));
}

static int set_up(void **state)
{
    struct fixture *v = calloc(1, sizeof *v);
    *state = v;
    *v = (struct fixture){.ctx = context_of(1),
                          .text_path = "test_misuse.txt",
                          .model_path = "test_misuse.h5",
                          .table_path = "test_misuse.tsv",
                          .positions = {1, 2},
                          .names = {"a", "b", "c"},
                          .function = negated,
                          .run = {0, 2},
                          .dims = {3, 2},
                          .offsets = {0, 2, 2},
                          .indptr = {0, 1, 2},
                          .indices = {0, 2},
                          .numbers = {1, 2, 3, 3, 1, 2},
                          .labels = {1, 0},
                          .scale = {1, 1, 1},
                          .floats = {1, 2, 3, 3, 1, 2}};
    v->train_options = rg_train_options_default();
    v->model_options = rg_model_options_default();
    v->optimizer_options = rg_optimizer_options_default();
    v->generate_options = rg_generate_options_default();
    v->dataset_options = rg_dataset_options_default();
    v->loss_options = rg_loss_options_default();
    v->gradcheck_options = rg_gradcheck_options_default();
    v->train_options.epochs = 1;
    v->loss_options.offsets = v->offsets;
    v->loss_options.n_lists = 1;
    v->softmax.temperature = 1;
    v->loss_options.params = &v->softmax;
    v->graph = rg_graph_create(v->ctx);
    v->csr = (rg_csr){2, 3, v->indptr, v->indices, RG_F64, v->numbers};
    v->tensor = (rg_tensor){RG_F64, 2, {2, 3}, v->numbers};
    v->tensor_out = (rg_tensor){RG_F64, 2, {2, 3}, v->numbers_out};
    v->one = (rg_tensor){RG_F64, 0, {0}, v->numbers};
    make_nodes(v);
    make_data(v);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *v = *state;
    rg_output_destroy(v->output);
    rg_batches_destroy(v->batches);
    rg_optimizer_destroy(v->optimizer);
    rg_model_destroy(v->model);
    rg_dataset_close(v->dataset);
    rg_graph_destroy(v->graph);
    rg_context_destroy(v->ctx);
    remove(v->text_path);
    remove(v->model_path);
    remove(v->table_path);
    remove("test_misuse.out");
    glob_t left; /* temporary files of calls that ended their process */
    if (glob("test_misuse.out.tmp-*", 0, NULL, &left) == 0)
        for (size_t i = 0; i < left.gl_pathc; i++)
            remove(left.gl_pathv[i]);
    globfree(&left);
    free(v);
    return 0;
}

/* ---- Every function ---- */

enum verdict { AS_EXPECTED, ACCEPTED, REFUSED, WITHOUT_MESSAGE };

/* What to think of a call that was or was not refused, and of the message it left. */
static enum verdict judge(const struct fixture *v, bool refused, const char *words,
                          enum expectation expected, const char *value)
{
    if (expected == ANY)
        return AS_EXPECTED;
    if (refused && expected == SUCCESS)
        print_error("%s\n", rg_last_error(v->ctx));
    if (refused == (expected == SUCCESS))
        return refused ? REFUSED : ACCEPTED;
    bool told = words && strcmp(value, "NULL") == 0 ? strstr(rg_last_error(v->ctx), words) != NULL
                                                    : rg_last_error(v->ctx)[0] != '\0';
    return expected == REFUSAL && words && !told ? WITHOUT_MESSAGE : AS_EXPECTED;
}

/* Judge the result of a call, by its type. A function without a status only has to come back. */
#define STATUS(call, parameter, ...)  judge(v, (call) != RG_OK, parameter " is NULL", __VA_ARGS__)
#define NODE(call, parameter, ...)    judge(v, !(call), " is NULL", __VA_ARGS__)
#define POINTER(call, parameter, ...) judge(v, !(call), NULL, __VA_ARGS__)
#define VALUE(call, ...)              ((void)(call), AS_EXPECTED)

#define CALL(kind, function, parameter, value, expected, call)                                     \
    static enum verdict NUMBERED(__LINE__)(struct fixture * v)                                     \
    {                                                                                              \
        (void)v;                                                                                   \
        return kind(call, parameter, expected, value);                                             \
    }
#define NUMBERED_(line) call_##line
#define NUMBERED(line)  NUMBERED_(line)
#include "misuse_calls.inc"
#undef CALL

static const struct {
    const char *function, *parameter, *value;
    enum verdict (*run)(struct fixture *v);
} calls[] = {
#define CALL(kind, function, parameter, value, expected, call)                                     \
    {function, parameter, value, NUMBERED(__LINE__)},
#include "misuse_calls.inc"
#undef CALL
};

/* Runs a call in a process of its own; the signal that ended it, else 0 and the verdict. */
static int run_alone(struct fixture *v, enum verdict (*run)(struct fixture *v),
                     enum verdict *verdict)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
            signal(fatal[i], SIG_DFL); /* from cmocka's, which goes on with the next test */
        _exit((int)run(v));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    *verdict = (enum verdict)WEXITSTATUS(status);
    return *verdict > WITHOUT_MESSAGE ? SIGABRT : 0; /* a sanitizer's report */
}

/* Tells of a call that did not go as expected; 1 for such a one. */
static int report(const char *what, const char *which, const char *value, int fatal,
                  enum verdict verdict)
{
    static const char *const names[] = {"as expected", "was accepted", "was refused",
                                        "left no message that names it"};
    if (!fatal && verdict == AS_EXPECTED)
        return 0;
    print_error("%s, %s %s: %s\n", what, which, value, fatal ? strsignal(fatal) : names[verdict]);
    return 1;
}

static void every_function_refuses_bad_arguments(void **state)
{
    int n_bad = 0;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        enum verdict verdict = AS_EXPECTED;
        int fatal = run_alone(*state, calls[i].run, &verdict);
        n_bad += report(calls[i].function, calls[i].parameter, calls[i].value, fatal, verdict);
    }
    assert_int_equal(n_bad, 0);
}

/* ---- Structs and arrays ---- */

static rg_status train(struct fixture *v)
{
    return rg_train(v->ctx, &v->split, rg_no_split(), &v->train_options, &v->model_out, NULL);
}

static rg_status train_sparse(struct fixture *v)
{
    v->split.features = (rg_tensor){0};
    v->split.csr = v->csr;
    return train(v);
}

static rg_status train_with_vali(struct fixture *v)
{
    rg_split good = v->split;
    good.n_rows = v->tensor.dims[0];
    good.offsets = (const int64_t[]){0, 2};
    return rg_train(v->ctx, &good, &v->split, &v->train_options, &v->model_out, NULL);
}

static rg_status score(struct fixture *v)
{
    return rg_model_score_split(v->model, &v->split, v->numbers_out);
}

static rg_status fit(struct fixture *v)
{
    return rg_normalization_fit(v->ctx, "zscore", &v->split, &v->normalization_out);
}

static rg_status write_file(struct fixture *v)
{
    return rg_dataset_write(v->ctx, "test_misuse.out", v->splits, 1, NULL);
}

static rg_status evaluate(struct fixture *v)
{
    return rg_metric_evaluate(v->ctx, &v->metric, &v->ranking, &v->metric_result, NULL);
}

static rg_status leaf_rows(struct fixture *v)
{
    rg_leaf_rows(v->graph, &v->selection, RG_F64);
    return rg_graph_status(v->graph);
}

static rg_status leaf_dense_rows(struct fixture *v)
{
    v->selection.sparse = (rg_csr){0};
    v->selection.dense = v->tensor;
    return leaf_rows(v);
}

static rg_status leaf(struct fixture *v)
{
    rg_leaf(v->graph, &v->tensor);
    return rg_graph_status(v->graph);
}

static rg_status loss(struct fixture *v)
{
    rg_ranking_softmax_loss(v->graph, v->logits, v->logits, &v->loss_options);
    return rg_graph_status(v->graph);
}

static rg_status apply(struct fixture *v)
{
    rg_apply(v->graph, &v->operator, v->operands, 1, NULL, 0);
    return rg_graph_status(v->graph);
}

static rg_status cast(struct fixture *v)
{
    return rg_tensor_cast(v->ctx, &v->tensor, &v->tensor_out);
}

static rg_status normalize(struct fixture *v)
{
    return rg_normalization_apply(v->ctx, &v->normalization, &v->tensor, &v->tensor_out);
}

static rg_status set_normalization(struct fixture *v)
{
    return rg_model_set_normalization(v->model, &v->normalization);
}

static rg_status set_names(struct fixture *v)
{
    return rg_model_set_feature_names(v->model, v->names);
}

static rg_status create_model(struct fixture *v)
{
    return rg_model_create(v->ctx, 3, &v->model_options, &v->model_out);
}

static rg_status create_optimizer(struct fixture *v)
{
    return rg_optimizer_create(v->ctx, &v->parameters, &v->optimizer_options, &v->optimizer_out);
}

static rg_status generate(struct fixture *v)
{
    return rg_dataset_generate(v->ctx, &v->generate_options, NULL, &v->dataset_out);
}

static rg_status import(struct fixture *v)
{
    return rg_dataset_import(v->ctx, &v->source, 1, &v->dataset_options, &v->dataset_out);
}

static rg_status gradcheck(struct fixture *v)
{
    return rg_gradcheck(v->ctx, negated, NULL, &v->tensor, 1, &v->gradcheck_options, &v->report);
}

static rg_status check_output(struct fixture *v)
{
    return rg_output_check(v->ctx, "test_misuse.new", &v->output_options);
}

static rg_status backward(struct fixture *v)
{
    return rg_backward(v->graph, v->sum, &v->one);
}

/* int or enum, int64_t, double, a NULL pointer, a component of another registry */
enum kind { INTEGER, COUNT, REAL, NOTHING, OTHER };

#define AT(field) #field, offsetof(struct fixture, field)

/* A field of the fixture, the value it gets, and a call that then must be refused with `words`. */
static const struct {
    const char *name;
    size_t offset;
    enum kind kind;
    double value;
    rg_status (*call)(struct fixture *v);
    const char *words;
} fields[] = {
    {AT(split.n_rows), COUNT, -1, train, "-1 rows"},
    {AT(split.n_rows), COUNT, 3, train, "3 rows"},
    {AT(split.n_features), COUNT, 0, train, "0 features"},
    {AT(split.n_features), COUNT, 4, score, "4 features"},
    {AT(split.n_lists), COUNT, -1, train, "-1 lists"},
    {AT(split.labels), NOTHING, 0, train, "no labels"},
    {AT(split.offsets), NOTHING, 0, train, "without offsets"},
    {AT(split.features.data), NOTHING, 0, train, "without data"},
    {AT(split.features.data), NOTHING, 0, score, "without data"},
    {AT(split.features.ndim), INTEGER, 3, fit, "features"},
    {AT(split.features.ndim), INTEGER, 99, fit, "features"},
    {AT(split.features.dtype), INTEGER, 99, train, "an unknown type"},
    {AT(split.features.dtype), INTEGER, RG_I64, write_file, "i64"},
    {AT(split.features.dims[0]), COUNT, 9e18, train, "features"},
    {AT(split.name), NOTHING, 0, write_file, "not written"},
    {AT(splits[0]), NOTHING, 0, write_file, "splits[i] is NULL"},
    {AT(offsets[0]), COUNT, 1, train, "offsets"},
    {AT(offsets[1]), COUNT, -1, train, "offsets"},
    {AT(offsets[1]), COUNT, 3, train_with_vali, "offsets"},
    {AT(offsets[1]), COUNT, 9e18, write_file, "offsets"},
    {AT(labels[0]), REAL, NAN, train, "labels"},
    {AT(csr.n_rows), COUNT, 3, train_sparse, "csr"},
    {AT(csr.n_cols), COUNT, -1, train_sparse, "csr"},
    {AT(csr.indices), NOTHING, 0, train_sparse, "no indices"},
    {AT(csr.data), NOTHING, 0, train_sparse, "no data"},
    {AT(csr.dtype), INTEGER, 99, train_sparse, "an unknown type"},
    {AT(indptr[0]), COUNT, 1, train_sparse, "csr.indptr"},
    {AT(indptr[1]), COUNT, 5, train_sparse, "csr.indptr"},
    {AT(indptr[1]), COUNT, -1, train_sparse, "csr.indptr"},
    {AT(indices[0]), INTEGER, -1, train_sparse, "column -1"},
    {AT(indices[1]), INTEGER, 3, train_sparse, "column 3"},
    {AT(selection.n_runs), COUNT, -1, leaf_rows, "-1 runs"},
    {AT(selection.runs), NOTHING, 0, leaf_rows, "runs is NULL"},
    {AT(run.first), COUNT, 1, leaf_rows, "runs[0] has"},
    {AT(run.first), COUNT, -1, leaf_rows, "runs[0] has"},
    {AT(run.first), COUNT, 9e18, leaf_dense_rows, "runs[0] has"},
    {AT(run.n_rows), COUNT, 3, leaf_dense_rows, "the matrix, which has 2"},
    {AT(run.n_rows), COUNT, 9e18, leaf_rows, "runs[0] has"},
    {AT(run.n_rows), COUNT, -1, leaf_dense_rows, "runs[0] has"},
    {AT(selection.sparse.indptr), NOTHING, 0, leaf_rows, "dense rows"},
    {AT(selection.sparse.data), NOTHING, 0, leaf_rows, "sparse.data is NULL"},
    {AT(selection.sparse.dtype), INTEGER, RG_F16, leaf_rows, "f16"},
    {AT(selection.sparse.n_cols), COUNT, 9e18, leaf_rows, "sparse rows"},
    {AT(indptr[1]), COUNT, 9, leaf_rows, "indptr[1] is 9"},
    {AT(tensor.ndim), INTEGER, 1, leaf_dense_rows, "(N,F)"},
    {AT(tensor.data), NOTHING, 0, leaf_dense_rows, "dense.data and sparse.indptr are NULL"},
    {AT(tensor.data), NOTHING, 0, leaf, "value->data is NULL"},
    {AT(tensor.ndim), INTEGER, -1, leaf, "-1 dimensions"},
    {AT(tensor.ndim), INTEGER, 9, leaf, "9 dimensions"},
    {AT(tensor.dims[0]), COUNT, -2, leaf, "(-2,3)"},
    {AT(tensor.dims[0]), COUNT, 9e18, leaf, "shape"},
    {AT(tensor.dtype), INTEGER, -1, leaf, "an unknown type"},
    {AT(tensor.data), NOTHING, 0, cast, "from->data is NULL"},
    {AT(tensor_out.data), NOTHING, 0, cast, "to->data is NULL"},
    {AT(tensor_out.dims[1]), COUNT, 4, cast, "equal"},
    {AT(tensor.dims[1]), COUNT, 2, normalize, "one shape"},
    {AT(tensor.dtype), INTEGER, RG_I32, normalize, "type"},
    {AT(normalization.choice.component), OTHER, 0, normalize, "rg_normalizations"},
    {AT(normalization.shift), NOTHING, 0, normalize, "shift is NULL"},
    {AT(normalization.n_features), COUNT, 2, normalize, "2 features"},
    {AT(normalization.choice.component), OTHER, 0, set_normalization, "rg_normalizations"},
    {AT(normalization.scale), NOTHING, 0, set_normalization, "scale"},
    {AT(normalization.n_features), COUNT, -1, set_normalization, "-1 features"},
    {AT(scale[2]), REAL, NAN, set_normalization, "feature 3"},
    {AT(names[1]), NOTHING, 0, set_names, "names[1] is NULL"},
    {AT(metric.name), NOTHING, 0, evaluate, "name is NULL"},
    {AT(metric.k), COUNT, -1, evaluate, "k is -1"},
    {AT(metric.gain), INTEGER, 99, evaluate, "gain 99"},
    {AT(metric.ties), INTEGER, -1, evaluate, "ties -1"},
    {AT(metric.no_relevant), INTEGER, 3, evaluate, "no_relevant 3"},
    {AT(metric.negative_labels), INTEGER, 4, evaluate, "negative_labels 4"},
    {AT(metric.threshold), REAL, NAN, evaluate, "NaN"},
    {AT(metric.own.component), OTHER, 0, evaluate, "rg_metrics"},
    {AT(ranking.n_lists), COUNT, -1, evaluate, "-1 lists"},
    {AT(ranking.n_subtopics), COUNT, -1, evaluate, "-1 subtopics"},
    {AT(split.n_subtopics), COUNT, -1, train, "-1 subtopics"},
    {AT(split.n_subtopics), COUNT, 3, train, "3 subtopics without grades"},
    {AT(ranking.offsets), NOTHING, 0, evaluate, "offsets is NULL"},
    {AT(ranking.scores), NOTHING, 0, evaluate, "scores is NULL"},
    {AT(ranking.labels), NOTHING, 0, evaluate, "labels is NULL"},
    {AT(offsets[1]), COUNT, -1, evaluate, "offsets"},
    {AT(train_options.loss), NOTHING, 0, train, "text is NULL"},
    {AT(train_options.normalize), NOTHING, 0, train, "text is NULL"},
    {AT(train_options.negative_labels), INTEGER, 99, train, "`negative_labels`"},
    {AT(train_options.epochs), COUNT, -1, train, "`epochs` is -1"},
    {AT(train_options.batch_lists), COUNT, 0, train, "`batch_lists` is 0"},
    {AT(train_options.vali_fraction), REAL, NAN, train, "`vali_fraction` is nan"},
    {AT(train_options.memory_limit), COUNT, -1, train, "`memory_limit`"},
    {AT(train_options.window_bytes), COUNT, -1, train, "`window_bytes` is -1"},
    {AT(train_options.metric.name), NOTHING, 0, train, "name is NULL"},
    {AT(train_options.metric.gain), INTEGER, 99, train, "gain 99"},
    {AT(train_options.metric.k), COUNT, -1, train, "k is -1"},
    {AT(train_options.model.name), NOTHING, 0, train, "model"},
    {AT(train_options.model.dtype), INTEGER, RG_I64, train, "i64"},
    {AT(train_options.optimizer.lr), REAL, NAN, train, "`lr` is nan"},
    {AT(model_options.dtype), INTEGER, 99, create_model, "type is none"},
    {AT(optimizer_options.name), NOTHING, 0, create_optimizer, "text is NULL"},
    {AT(optimizer_options.l2), REAL, -1, create_optimizer, "`l2` is -1"},
    {AT(optimizer_options.clip_norm), REAL, NAN, create_optimizer, "`clip_norm` is nan"},
    {AT(parameters.count), COUNT, -1, create_optimizer, "-1 parameters"},
    {AT(parameters.dtype), INTEGER, RG_BOOL, create_optimizer, "bool"},
    {AT(parameters.value), NOTHING, 0, create_optimizer, "parameters->value is NULL"},
    {AT(parameters.grad), NOTHING, 0, create_optimizer, "parameters->grad is NULL"},
    {AT(generate_options.n_lists), COUNT, -1, generate, "-1 lists"},
    {AT(generate_options.n_features), COUNT, 9e18, generate, "features"},
    {AT(dataset_options.n_features), COUNT, -1, import, "-1"},
    {AT(dataset_options.memory_limit), COUNT, -1, import, "`memory_limit` is -1"},
    {AT(source.path), NOTHING, 0, import, "path is NULL"},
    {AT(source.split), NOTHING, 0, import, "split is NULL"},
    {AT(loss_options.n_lists), COUNT, -1, loss, "-1 lists"},
    {AT(loss_options.n_lists), COUNT, 9e18, loss, "lists"},
    {AT(loss_options.reduction), INTEGER, 99, loss, "reduction"},
    {AT(softmax.label_mode), INTEGER, 99, loss, "label_mode"},
    {AT(softmax.label_mode), INTEGER, -1, loss, "label_mode"},
    {AT(operator.forward[RG_F64]), NOTHING, 0, apply, "expected another type"},
    {AT(operands[0]), NOTHING, 0, apply, "operand 0 is NULL"},
    {AT(gradcheck_options.step), REAL, NAN, gradcheck, "`step` is nan"},
    {AT(tensor.data), NOTHING, 0, gradcheck, "input 0"},
    {AT(tensor.ndim), INTEGER, 99, gradcheck, "input 0"},
    {AT(output_options.n_inputs), INTEGER, -1, check_output, "-1 inputs"},
    {AT(output_options.n_inputs), INTEGER, 1, check_output, "inputs is NULL"},
    {AT(one.data), NOTHING, 0, backward, "cotangent->data is NULL"},
    {AT(one.dtype), INTEGER, 99, backward, "an unknown type"},
    {AT(one.ndim), INTEGER, 99, backward, "cotangent"},
};

static size_t field_at; /* of the row at hand */

static enum verdict refuse_field(struct fixture *v)
{
    void *field = (char *)v + fields[field_at].offset;
    double value = fields[field_at].value;
    switch (fields[field_at].kind) {
    case INTEGER: *(int *)field = (int)value; break;
    case COUNT: *(int64_t *)field = (int64_t)value; break;
    case REAL: *(double *)field = value; break;
    case NOTHING: memset(field, 0, sizeof(void *)); break;
    case OTHER: *(const rg_component **)field = v->choice.component; break;
    }
    if (fields[field_at].call(v) == RG_OK)
        return ACCEPTED;
    if (strstr(rg_last_error(v->ctx), fields[field_at].words))
        return AS_EXPECTED;
    print_error("%s\n", rg_last_error(v->ctx));
    return WITHOUT_MESSAGE;
}

static void every_bad_field_is_refused(void **state)
{
    struct fixture *v = *state;
    int n_bad = 0;
    for (field_at = 0; field_at < sizeof fields / sizeof fields[0]; field_at++) {
        enum verdict verdict = AS_EXPECTED;
        int fatal = run_alone(v, refuse_field, &verdict);
        n_bad += report(fields[field_at].name, fields[field_at].words, "", fatal, verdict);
    }
    assert_int_equal(n_bad, 0);
}

static enum verdict accept_fields(struct fixture *v)
{
    return fields[field_at].call(v) == RG_OK ? AS_EXPECTED : REFUSED;
}

/* Each of the calls above is accepted where no field was changed. */
static void the_fixture_is_accepted(void **state)
{
    int n_bad = 0;
    for (field_at = 0; field_at < sizeof fields / sizeof fields[0]; field_at++) {
        enum verdict verdict = AS_EXPECTED;
        int fatal = run_alone(*state, accept_fields, &verdict);
        n_bad += report(fields[field_at].name, "unchanged", "", fatal, verdict);
    }
    assert_int_equal(n_bad, 0);
}

/* ---- Graphs ---- */

static bool fails_silently(rg_node *out)
{
    (void)out;
    return false;
}

static bool sets_no_dims(rg_node *out)
{
    rg_set_shape(out, RG_F64, 2, NULL);
    return true;
}

static bool sets_no_type(rg_node *out)
{
    rg_set_shape(out, (rg_dtype)99, 1, (const int64_t[]){1});
    return true;
}

static bool reads_absent_operands(rg_node *out)
{
    return !rg_operand(out, 1) && !rg_operand(out, -1) && !rg_operand(out, INT_MAX) &&
           rg_reject(out, "operand 1 is absent");
}

static void wrong_operators_are_errors(void **state)
{
    struct fixture *v = *state;
    static const struct {
        bool (*shape)(rg_node *out);
        int n_operands;
        const char *words;
    } cases[] = {
        {fails_silently, 1, "without an error"},
        {fails_silently, 0, "without an error"},
        {sets_no_dims, 1, "invalid shape"},
        {sets_no_type, 0, "invalid shape"},
        {reads_absent_operands, 1, "operand 1 is absent"},
        {reads_absent_operands, 0, "operand 1 is absent"},
        {NULL, 0, "has 0 operands; expected 1"},
        {NULL, -1, "has -1 operands"},
        {sets_no_dims, -1, "has -1 operands; expected 0"},
        {NULL, RG_MAX_OPERANDS + 1, "has 1025 operands"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_graph_reset(v->graph);
        rg_node *x = rg_leaf(v->graph, &v->tensor);
        rg_operator operator= {
            .name = "wrong", .shape = cases[i].shape, .forward = {[RG_F64] = copy_forward}};
        assert_null(rg_apply(v->graph, &operator, & x, cases[i].n_operands, NULL, 0));
        assert_int_not_equal(rg_graph_status(v->graph), RG_OK);
        assert_fails(v->ctx, rg_last_status(v->ctx), cases[i].words, rg_graph_status(v->graph));
    }
}

/* A debug build, as that of the tests, notices it also where a new node has the same address. */
static void nodes_from_before_a_reset_are_noticed(void **state)
{
#ifdef NDEBUG
    (void)state;
    skip();
#else
    struct fixture *v = *state;
    for (int use = 0; use < 8; use++) {
        rg_graph_reset(v->graph);
        rg_node *old = rg_variable(v->graph, &v->tensor, NULL);
        rg_node *sum = rg_sum(v->graph, old, rg_all_axes());
        for (int i = 0; i < (use & 2 ? 1000 : 0); i++) /* memory in several chunks */
            assert_non_null(rg_neg(v->graph, old));
        rg_graph_reset(v->graph);
        rg_node *x = rg_variable(v->graph, &v->tensor, NULL);
        assert_ok(v->ctx, rg_graph_status(v->graph));
        if (use & 1)
            assert_fails(v->ctx, RG_USAGE, "before the last rg_graph_reset",
                         rg_backward(v->graph, sum, NULL));
        else
            assert_null(use & 4 ? rg_add(v->graph, x, old) : rg_matmul(v->graph, old, x));
        assert_non_null(strstr(rg_last_error(v->ctx), "before the last rg_graph_reset"));
    }
#endif
}

static void nodes_of_another_graph_are_noticed(void **state)
{
    struct fixture *v = *state;
    rg_graph *other = rg_graph_create(v->ctx);
    rg_node *x = rg_variable(other, &v->tensor, NULL);
    assert_null(rg_add(v->graph, v->node, x));
    assert_non_null(strstr(rg_last_error(v->ctx), "another graph"));
    rg_graph_destroy(other);
}

/* ---- Data sets and models ---- */

static void a_split_that_is_not_there_is_an_error(void **state)
{
    struct fixture *v = *state;
    static const char *const names[] = {"train", "vali", "test", "valid", " ", "Train", "0", "/"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const rg_split *found = rg_dataset_find(v->dataset, names[i]);
        assert_null(found);
        assert_fails(v->ctx, RG_USAGE, names[i], rg_last_status(v->ctx));
        assert_fails(v->ctx, RG_USAGE, "it has \"\"", rg_last_status(v->ctx));
        assert_fails(v->ctx, RG_USAGE, "train is NULL",
                     rg_train(v->ctx, found, rg_no_split(), NULL, &v->model_out, NULL));
        assert_fails(v->ctx, RG_USAGE, "rg_no_split",
                     rg_train(v->ctx, &v->split, found, NULL, &v->model_out, NULL));
    }
    assert_fails(v->ctx, RG_BAD_DATA, "0 features",
                 rg_train(v->ctx, rg_no_split(), rg_no_split(), NULL, &v->model_out, NULL));
}

static void a_history_is_json(void **state)
{
    struct fixture *v = *state;
    static const char *const good[] = {"", "{}", "[]", "{\"a\": [1, 2.5, null, true]}", " {} "};
    static const char *const bad[] = {"{",         "nonesuch",   "{\"a\": NaN}", "{\"a\": 1,}",
                                      "{} {}",     "{'a': 1}",   "12",           "\"text\"",
                                      "{\"a\" 1}", "\xff\xfe{}", "{\"a\": 01}",  "[1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(v->ctx, rg_model_set_history(v->model, good[i]));
        assert_string_equal(rg_model_history(v->model), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(v->ctx, RG_USAGE, "JSON", rg_model_set_history(v->model, bad[i]));
        assert_string_equal(rg_model_history(v->model), " {} ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_function_refuses_bad_arguments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_bad_field_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_fixture_is_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_operators_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_from_before_a_reset_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_of_another_graph_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_split_that_is_not_there_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_is_json, set_up, tear_down),
    };
    RUN_TESTS(tests);
}
