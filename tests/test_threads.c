/* test_threads.c: what threads and vector widths may not change: the bits; and what a step may not
 * do once training is under way: ask for memory. */
#include "check.h"

#include "model/model.h"
#include "normalize/rows.h"
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
    rg_train_options o = rg_train_options_default();
    o.model.name = model;
    if (strcmp(model, "mlp") == 0) {
        o.model.name = "mlp(hidden=[16, 8])";
        o.optimizer.name = "adam";
        o.optimizer.lr = 0.01;
    }
    o.epochs = 2;
    o.batch_lists = batch_lists;
    return o;
}

/* The parameters of a model trained on the first split, with positions for losses that need them;
 * the caller's to free. */
static float *train(rg_context *ctx, const rg_split *split, const rg_train_options *o, size_t *size)
{
    rg_model *model;
    rg_split with_positions = *split;
    int64_t *positions = malloc((size_t)split->n_rows * sizeof *positions);
    for (int64_t row = 0; row < split->n_rows; row++)
        positions[row] = 1 + row % 37;
    with_positions.positions = positions;
    assert_ok(ctx, rg_train(ctx, &with_positions, rg_no_split(), o, &model, NULL));
    free(positions);
    const rg_parameters *p = rg_model_parameters(model);
    *size = (size_t)p->count * sizeof(float);
    float *copy = malloc(*size);
    memcpy(copy, p->value, *size);
    rg_model_destroy(model);
    return copy;
}

/* A training on so many threads at that level, whose workers take theirs from their context. */
static float *train_at(int level, int n_threads, int64_t n_lists, const rg_train_options *o,
                       size_t *size)
{
    rg_context *ctx = context_of(n_threads);
    ctx->level = level;
    rg_dataset *data = generate(ctx, n_lists);
    float *trained = train(ctx, rg_dataset_split_at(data, 0), o, size);
    rg_dataset_close(data);
    assert_int_equal(rg__pool_context(rg__pool(ctx), 0)->level, level);
    rg_context_destroy(ctx);
    return trained;
}

/* One thread with plain vectors, any number with any vectors: the same bits. */
static void any_threads_any_level(void **state)
{
    (void)state;
    const char *const models[] = {"linear", "mlp"};
    const int64_t batches[] = {1, 7, 64, 1000};
    const struct {
        int level, n_threads; /* level 0: the widest of the machine */
    } ways[] = {{3, 1}, {0, 1}, {1, 2}, {0, 2}, {0, 3}, {0, 4}, {0, 8}};
    rg_context *ctx = context_of(1);
    int widest = ctx->level;
    rg_context_destroy(ctx);
    for (int m = 0; m < 2; m++)
        for (int b = 0; b < 4; b++) {
            size_t size;
            rg_train_options o = options_of(models[m], batches[b]);
            float *first = train_at(1, 1, b < 2 ? 60 : 300, &o, &size);
            for (int w = 0; w < (int)(sizeof ways / sizeof ways[0]); w++) {
                int level = ways[w].level ? ways[w].level : widest;
                if (level > widest)
                    continue;
                float *again = train_at(level, ways[w].n_threads, b < 2 ? 60 : 300, &o, &size);
                assert_memory_equal(again, first, size);
                free(again);
            }
            free(first);
        }
}

/* The same for every loss, those with random numbers and vector loops of their own among them. */
static void every_loss_any_threads(void **state)
{
    (void)state;
    const rg_component *loss;
    rg_context *ctx = context_of(1);
    int widest = ctx->level;
    rg_context_destroy(ctx);
    for (int i = 0; (loss = rg_registry_at(rg_losses(), i)) != NULL; i++) {
        size_t size;
        rg_train_options o = options_of("linear", 64);
        o.loss = loss->name;
        o.epochs = 2;
        float *first = train_at(1, 1, 100, &o, &size);
        for (int n_threads = 2; n_threads <= 5; n_threads += 3) {
            float *again = train_at(widest, n_threads, 100, &o, &size);
            if (memcmp(again, first, size) != 0)
                fail_msg("%s, %d threads: other bits", loss->name, n_threads);
            free(again);
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
        o.normalize = "none";
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

enum { MOST_LISTS = 3000 };

/* 40 steps of so many lists of a split on two threads, the first two of them over its first lists,
 * the others over lists from everywhere, in turn neighbours and not. */
static void steps_take_no_memory(const char *name, const rg_split *split, int64_t n_batch)
{
    static int64_t order[MOST_LISTS];
    struct memory memory = {0};
    rg_context_options co = rg_context_options_default();
    co.allocator = (rg_allocator){memory_resize, &memory};
    co.n_threads = 2;
    rg_context *ctx = rg_context_create(&co);
    const rg_normalization norm =
        normalization_of(split->csr.indptr ? "none" : "list-minmax", FEATURES);
    rg_train_options o = options_of(name, n_batch);
    struct rg__rows rows;
    struct rg__workers workers;
    rg_model *model;
    rg_optimizer *optimizer;
    int64_t requests = 0, mallocs = 0;
    struct rg__loss_sums sums = {0};
    assert_ok(ctx, rg_model_create(ctx, FEATURES, &o.model, &model));
    assert_ok(ctx, rg_optimizer_create(ctx, rg_model_parameters(model), &o.optimizer, &optimizer));
    assert_ok(ctx, rg__rows_open(ctx, split, &model->inputs, &norm, RG_F32, NULL, &rows));
    assert_ok(ctx, rg__workers_open(ctx, &workers));
    struct rg__stepper s = {.ctx = ctx,
                            .workers = &workers,
                            .model = model,
                            .split = split,
                            .rows = &rows,
                            .objective = softmax_objective(),
                            .scale = {1},
                            .most_lists = n_batch};
    assert_ok(ctx, rg__stepper_open(&s));
    for (int step = 0; step < 40; step++) {
        for (int64_t i = 0; i < n_batch; i++)
            order[i] =
                step < 2 ? i * 5 % 16 : (i + 7 * step) * (step % 2 ? 77 : 1) % split->n_lists;
        if (step == 2) {
            requests = memory.requests;
            mallocs = n_mallocs;
        }
        assert_int_equal(rg__step(&s, order, n_batch, &sums), RG_OK);
        assert_int_equal(rg_optimizer_step(optimizer, 1), RG_OK);
    }
    assert_int_equal(memory.requests, requests);
    assert_int_equal(n_mallocs, mallocs);
    rg__stepper_close(&s);
    rg__workers_close(&workers);
    rg__rows_close(&rows);
    rg_optimizer_destroy(optimizer);
    rg_model_destroy(model);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

/* 16 lists of 150 rows, then lists of one row, of which a shard holds many more. */
static rg_split mostly_short(void)
{
    static int64_t offsets[MOST_LISTS + 1];
    static float x[(16 * 150 + MOST_LISTS) * FEATURES];
    static double labels[16 * 150 + MOST_LISTS];
    for (int64_t q = 0; q < MOST_LISTS; q++)
        offsets[q + 1] = offsets[q] + (q < 16 ? 150 : 1);
    int64_t n = offsets[MOST_LISTS];
    for (int64_t i = 0; i < n; i++)
        labels[i] = (double)(i % 3);
    for (int64_t i = 0; i < n * FEATURES; i++)
        x[i] = (float)(i % 101);
    return (rg_split){.n_rows = n,
                      .n_features = FEATURES,
                      .n_lists = MOST_LISTS,
                      .features = {RG_F32, 2, {n, FEATURES}, x},
                      .labels = labels,
                      .offsets = offsets};
}

/* The same rows with every third feature, in lists of one length. */
static rg_split sparse_of(const rg_split *dense)
{
    enum { A_ROW = FEATURES / 3, LISTS = 100, LENGTH = 50 };
    static int64_t offsets[LISTS + 1];
    static int64_t indptr[16 * 150 + MOST_LISTS + 1];
    static int32_t indices[(16 * 150 + MOST_LISTS) * A_ROW];
    static float x[(16 * 150 + MOST_LISTS) * A_ROW];
    int64_t n = dense->n_rows * A_ROW;
    for (int64_t q = 0; q <= LISTS; q++)
        offsets[q] = q * LENGTH;
    for (int64_t m = 0; m <= dense->n_rows; m++)
        indptr[m] = m * A_ROW;
    for (int64_t k = 0; k < n; k++) {
        indices[k] = (int32_t)(k % A_ROW * 3);
        x[k] = (float)(k % 101) / 101;
    }
    rg_split split = *dense;
    split.features = (rg_tensor){0};
    split.n_rows = LISTS * LENGTH;
    split.n_lists = LISTS;
    split.offsets = offsets;
    split.csr = (rg_csr){split.n_rows, FEATURES, indptr, indices, RG_F32, x};
    return split;
}

static void steady_state_takes_no_memory(void **state)
{
    (void)state;
    const rg_split split = mostly_short(), sparse = sparse_of(&split);
    rg_context *ctx = context_of(1);
    rg_dataset *data = generate(ctx, 300);
    int before = rg__blas_set_threads(1);
    steps_take_no_memory("linear", rg_dataset_split_at(data, 0), 16);
    steps_take_no_memory("mlp", rg_dataset_split_at(data, 0), 16);
    steps_take_no_memory("linear", &split, MOST_LISTS);
    steps_take_no_memory("linear", &sparse, 16);
    rg__blas_set_threads(before);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_threads_any_level),
        cmocka_unit_test(every_loss_any_threads),
        cmocka_unit_test(storage_leaves_no_trace),
        cmocka_unit_test(steady_state_takes_no_memory),
    };
    RUN_TESTS(tests);
}
