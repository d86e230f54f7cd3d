/* test_threads.c: what threads and vector widths may not change: the bits; and what a step may not
 * do once training is under way: ask for memory. */
#include "check.h"

#include "data/rows.h"
#include "model/model.h"
#include "tensor/blas_threads.h"
#include "tensor/tensor.h"
#include "train/step.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef COUNTS_MALLOC
#endif
#endif

#ifdef COUNTS_MALLOC
#include <stdatomic.h>

/* malloc itself, counted. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
static _Atomic int64_t n_mallocs;

void *malloc(size_t size)
{
    atomic_fetch_add(&n_mallocs, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&n_mallocs, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    atomic_fetch_add(&n_mallocs, 1);
    return __libc_realloc(block, size);
}
#else
static int64_t n_mallocs;
#endif

static rg_context *context_of(int n_threads)
{
    rg_context_options o = rg_context_options_default();
    o.n_threads = n_threads;
    rg_context *ctx = rg_context_create(&o);
    assert_non_null(ctx);
    return ctx;
}

enum { FEATURES = 46 };

static rg_dataset *generate(rg_context *ctx, int64_t n_lists)
{
    rg_dataset *data;
    rg_generate_options o = {n_lists, FEATURES, 3};
    assert_ok(ctx, rg_dataset_generate(ctx, &o, NULL, &data));
    return data;
}

static rg_train_options options_of(const char *model, int64_t batch_lists)
{
    static const int64_t hidden[] = {16, 8};
    rg_train_options o = rg_train_options_default();
    o.model.name = model;
    if (strcmp(model, "mlp") == 0) {
        o.model.hidden = hidden;
        o.model.n_hidden = 2;
        o.optimizer.name = "adam";
        o.optimizer.lr = 0.01;
    }
    o.epochs = 2;
    o.batch_lists = batch_lists;
    return o;
}

/* The parameters of a model trained on the first split, the caller's to free. */
static float *train(rg_context *ctx, const rg_split *split, const rg_train_options *o, size_t *size)
{
    rg_model *model;
    assert_ok(ctx, rg_train(ctx, split, NULL, o, &model, NULL));
    const rg_parameters *p = rg_model_parameters(model);
    *size = (size_t)p->count * sizeof(float);
    float *copy = malloc(*size);
    memcpy(copy, p->value, *size);
    rg_model_destroy(model);
    return copy;
}

/* Trained by one thread with plain vectors, and by any number with any vectors. */
static void any_threads_any_level(void **state)
{
    (void)state;
    const char *const models[] = {"linear", "mlp"};
    const int64_t batches[] = {1, 7, 64, 1000};
    const int threads[] = {1, 2, 3, 4, 8}, levels[] = {1, 3, 4};
    for (int m = 0; m < 2; m++)
        for (int b = 0; b < 4; b++) {
            float *first = NULL;
            rg_train_options o = options_of(models[m], batches[b]);
            for (int t = 0; t < 5; t++) {
                rg_context *ctx = context_of(threads[t]);
                rg_dataset *data = generate(ctx, b < 2 ? 60 : 300);
                for (int l = 0, widest = ctx->level; l < 3; l++) {
                    size_t size;
                    if (levels[l] > widest || (t > 0 && l < 2 && widest > levels[l]))
                        continue; /* every level with one thread, the widest with more */
                    ctx->level = levels[l];
                    float *trained = train(ctx, rg_dataset_split_at(data, 0), &o, &size);
                    if (first)
                        assert_memory_equal(trained, first, size);
                    if (first)
                        free(trained);
                    else
                        first = trained;
                }
                rg_dataset_close(data);
                rg_context_destroy(ctx);
            }
            free(first);
        }
}

/* Features stored as f16, or as f32 with the same values, masked or not, train to the same bits. */
static void storage_leaves_no_trace(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    rg_dataset *data = generate(ctx, 100);
    rg_split split = *rg_dataset_split_at(data, 0);
    int64_t count = split.n_rows * FEATURES;
    uint16_t *half = malloc((size_t)count * sizeof *half);
    float *single = malloc((size_t)count * sizeof *single);
    for (int64_t i = 0; i < count; i++)
        half[i] = rg__double_to_half(tanh(rg__element(RG_F32, split.features.data, i)));
    rg__cast(RG_F16, half, RG_F32, single, count);
    for (int m = 0; m < 2; m++) {
        size_t size;
        rg_train_options o = options_of(m ? "mlp" : "linear", 16);
        o.normalize = RG_NORMALIZE_NONE;
        o.vali_fraction = 0.2; /* by masks */
        split.features = (rg_tensor){RG_F32, 2, {split.n_rows, FEATURES}, single};
        float *in_f32 = train(ctx, &split, &o, &size);
        split.features = (rg_tensor){RG_F16, 2, {split.n_rows, FEATURES}, half};
        float *in_f16 = train(ctx, &split, &o, &size);
        assert_memory_equal(in_f16, in_f32, size);
        free(in_f32);
        free(in_f16);
    }
    free(half);
    free(single);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
}

/* Steps over shuffled lists, ragged from 1 to 200 items, on two threads. */
static void steps_take_no_memory(const char *name)
{
    struct memory memory = {0};
    rg_context_options co = rg_context_options_default();
    co.allocator = (rg_allocator){memory_resize, &memory};
    co.n_threads = 2;
    rg_context *ctx = rg_context_create(&co);
    rg_dataset *data = generate(ctx, 300);
    const rg_split *split = rg_dataset_split_at(data, 0);
    rg_normalization norm = {.method = RG_NORMALIZE_LIST_MINMAX, .n_features = FEATURES};
    rg_train_options o = options_of(name, 16);
    struct rg__rows rows;
    struct rg__crew crew;
    rg_model *model;
    rg_optimizer *optimizer;
    int64_t order[180], units;
    double sum;
    assert_ok(ctx, rg_model_create(ctx, FEATURES, &o.model, &model));
    assert_ok(ctx, rg_optimizer_create(ctx, rg_model_parameters(model), &o.optimizer, &optimizer));
    assert_ok(ctx, rg__rows_open(ctx, split, &norm, RG_F32, NULL, &rows));
    assert_ok(ctx, rg__crew_open(ctx, &crew));
    struct rg__stepper s = {.ctx = ctx,
                            .crew = &crew,
                            .model = model,
                            .split = split,
                            .rows = &rows,
                            .loss = rg_ranking_softmax_loss,
                            .scale = 1,
                            .most_lists = 16};
    assert_ok(ctx, rg__stepper_open(&s));
    for (int i = 0; i < 180; i++)
        order[i] = i * 77 % 180;
    int64_t requests = 0, mallocs = 0;
    for (int step = 0; step < 40; step++) {
        if (step == 2) {
            requests = memory.requests;
            mallocs = n_mallocs;
        }
        assert_int_equal(rg__step(&s, order + step % 11 * 16, 16, &sum, &units), RG_OK);
        assert_int_equal(rg_optimizer_step(optimizer, 1), RG_OK);
    }
    assert_int_equal(memory.requests, requests);
    assert_int_equal(n_mallocs, mallocs);
    rg__stepper_close(&s);
    rg__crew_close(&crew);
    rg__rows_close(&rows);
    rg_optimizer_destroy(optimizer);
    rg_model_destroy(model);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

static void steady_state_takes_no_memory(void **state)
{
    (void)state;
    int before = rg__blas_set_threads(1);
    steps_take_no_memory("linear");
    steps_take_no_memory("mlp");
    rg__blas_set_threads(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_threads_any_level),
        cmocka_unit_test(storage_leaves_no_trace),
        cmocka_unit_test(steady_state_takes_no_memory),
    };
    RUN_TESTS(tests);
}
