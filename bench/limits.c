/* limits.c: one read and the bare products; see limits.h. */
#include "limits.h"

#include "common.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

enum { MOST_THREADS = 64, HIDDEN_1 = 64, HIDDEN_2 = 32, SHARD_BYTES = 256 * 1024 };

/* Runs work(user, t, n) on n threads, t = 0 to n - 1, the caller's among them. */
struct job {
    void (*work)(void *user, int thread, int n_threads);
    void *user;
    int thread, n_threads;
    pthread_t id;
};

static void *run_job(void *argument)
{
    struct job *job = argument;
    job->work(job->user, job->thread, job->n_threads);
    return NULL;
}

static double time_on(int n_threads, void (*work)(void *, int, int), void *user)
{
    struct job jobs[MOST_THREADS];
    if (n_threads > MOST_THREADS)
        fail("the limits run on at most 64 threads");
    double began = now();
    for (int t = 0; t < n_threads; t++) {
        jobs[t] = (struct job){work, user, t, n_threads, 0};
        if (t > 0 && pthread_create(&jobs[t].id, NULL, run_job, &jobs[t]) != 0)
            fail("cannot start a thread");
    }
    run_job(&jobs[0]);
    for (int t = 1; t < n_threads; t++)
        pthread_join(jobs[t].id, NULL);
    return now() - began;
}

/* ---- One read -------------------------------------------------------------------------------- */

typedef uint64_t lanes __attribute__((vector_size(64), aligned(1), may_alias));

/* The sum of n vectors, in four accumulators, so that only memory can be what is waited for. The up
 * to three vectors that make no four are left out. */
static inline __attribute__((always_inline)) uint64_t sum_body(const lanes *v, size_t n)
{
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (size_t i = 0; i + 4 <= n; i += 4) {
        a += v[i];
        b += v[i + 1];
        c += v[i + 2];
        d += v[i + 3];
    }
    a += b + c + d;
    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

static uint64_t sum_plain(const lanes *v, size_t n)
{
    return sum_body(v, n);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t sum_avx2(const lanes *v, size_t n)
{
    return sum_body(v, n);
}

__attribute__((target("avx512f"))) static uint64_t sum_avx512(const lanes *v, size_t n)
{
    return sum_body(v, n);
}
#endif

static uint64_t sum(const void *bytes, size_t size)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return sum_avx512(bytes, size / sizeof(lanes));
    if (__builtin_cpu_supports("avx2"))
        return sum_avx2(bytes, size / sizeof(lanes));
#endif
    return sum_plain(bytes, size / sizeof(lanes));
}

struct read {
    const struct region *regions;
    int n_regions;
    uint64_t sums[MOST_THREADS][8]; /* a cache line apart */
};

static void read_part(void *user, int thread, int n_threads)
{
    struct read *r = user;
    for (int i = 0; i < r->n_regions; i++) {
        size_t from = r->regions[i].size / (size_t)n_threads * (size_t)thread;
        size_t to = r->regions[i].size / (size_t)n_threads * (size_t)(thread + 1);
        r->sums[thread][0] += sum((const char *)r->regions[i].bytes + from, to - from);
    }
}

/* Every n_threads-th piece; a prime step visits all of them. */
static void read_pieces(void *user, int thread, int n_threads)
{
    enum { PIECE = 64 << 10, STEP = 1000003 };
    struct read *r = user;
    for (int i = 0; i < r->n_regions; i++) {
        size_t n = r->regions[i].size / PIECE;
        for (size_t k = (size_t)thread; k < n; k += (size_t)n_threads)
            r->sums[thread][0] +=
                sum((const char *)r->regions[i].bytes + k * STEP % n * PIECE, PIECE);
    }
}

static double time_read(const struct region *regions, int n_regions, int n_threads,
                        void (*work)(void *, int, int))
{
    static volatile uint64_t kept; /* so that no compiler leaves the sums out */
    struct read r = {.regions = regions, .n_regions = n_regions};
    double seconds = time_on(n_threads, work, &r);
    for (int t = 0; t < n_threads; t++)
        kept = kept + r.sums[t][0];
    return seconds;
}

double read_scattered(const struct region *regions, int n_regions, int n_threads)
{
    return time_read(regions, n_regions, n_threads, read_pieces);
}

double read_once(const struct region *regions, int n_regions, int n_threads)
{
    return time_read(regions, n_regions, n_threads, read_part);
}

/* ---- Bare products --------------------------------------------------------------------------- */

struct products {
    const float *x;
    int64_t n_features;
    const int64_t *shards; /* (n_shards + 1): first rows */
    int64_t n_shards, most_rows;
};

/* What one thread multiplies with: weights, activations, and the gradients of both. */
struct scratch {
    float *w1, *w2, *w3, *h1, *h2, *s, *dw1, *dw2, *dw3, *dh1, *dh2;
};

static float *floats(int64_t n)
{
    float *values = new_array(n, sizeof(float));
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)draw(3, (uint64_t)i) - 0.5f;
    return values;
}

/* c (m,n) = a b; `ta`, `tb`: a (k,m), b (n,k) are stored transposed. */
static void multiply(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a,
                     const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (int)m, (int)n, (int)k, 1, a, (int)(ta ? m : k), b, (int)(tb ? k : n), 0, c,
                (int)n);
}

static void multiply_shard(const struct scratch *z, const float *x, int64_t rows, int64_t f)
{
    multiply(false, false, rows, HIDDEN_1, f, x, z->w1, z->h1);
    multiply(false, false, rows, HIDDEN_2, HIDDEN_1, z->h1, z->w2, z->h2);
    multiply(false, false, rows, 1, HIDDEN_2, z->h2, z->w3, z->s);
    multiply(true, false, HIDDEN_2, 1, rows, z->h2, z->s, z->dw3);
    multiply(false, true, rows, HIDDEN_2, 1, z->s, z->w3, z->dh2);
    multiply(true, false, HIDDEN_1, HIDDEN_2, rows, z->h1, z->dh2, z->dw2);
    multiply(false, true, rows, HIDDEN_1, HIDDEN_2, z->dh2, z->w2, z->dh1);
    multiply(true, false, f, HIDDEN_1, rows, x, z->dh1, z->dw1);
}

static void multiply_part(void *user, int thread, int n_threads)
{
    const struct products *p = user;
    int64_t f = p->n_features, rows = p->most_rows;
    struct scratch z = {floats(f * HIDDEN_1),    floats(HIDDEN_1 * HIDDEN_2), floats(HIDDEN_2),
                        floats(rows * HIDDEN_1), floats(rows * HIDDEN_2),     floats(rows),
                        floats(f * HIDDEN_1),    floats(HIDDEN_1 * HIDDEN_2), floats(HIDDEN_2),
                        floats(rows * HIDDEN_1), floats(rows * HIDDEN_2)};
    for (int64_t i = thread; i < p->n_shards; i += n_threads)
        multiply_shard(&z, p->x + p->shards[i] * f, p->shards[i + 1] - p->shards[i], f);
    float *all[] = {z.w1, z.w2, z.w3, z.h1, z.h2, z.s, z.dw1, z.dw2, z.dw3, z.dh1, z.dh2};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

double products_once(const float *x, int64_t n_features, const int64_t *offsets, int64_t n_lists,
                     int n_threads)
{
    int64_t most = SHARD_BYTES / (n_features * (int64_t)sizeof(float));
    int64_t *shards = new_array(n_lists + 1, sizeof *shards);
    struct products p = {.x = x, .n_features = n_features, .shards = shards};
    for (int64_t q = 0; q < n_lists;) {
        int64_t first = q++;
        while (q < n_lists && offsets[q + 1] - offsets[first] <= most)
            q++;
        int64_t rows = offsets[q] - offsets[first];
        p.most_rows = rows > p.most_rows ? rows : p.most_rows;
        shards[p.n_shards++] = offsets[first];
        shards[p.n_shards] = offsets[q];
    }
    int before = openblas_get_num_threads();
    openblas_set_num_threads(1);
    double seconds = time_on(n_threads, multiply_part, &p);
    openblas_set_num_threads(before);
    free(shards);
    return seconds;
}
