/* soft_sums.c: loops over pairs of items; see soft_sums.h. */
#include "loss/soft_sums.h"

#include "tensor/exact_sum.h"
#include "tensor/lanes.h"
#include "tensor/level.h"

#if RG_REAL == 64
/* A vector of the level. Sums are exact, so that the number of lanes changes no bit. */
enum { WIDTH = RG_LEVEL == 4 ? 64 : RG_LEVEL == 3 ? 32 : 16, STEP = WIDTH / sizeof(double) };
typedef double vec __attribute__((vector_size(WIDTH), aligned(8), may_alias));
typedef uint64_t bits_vec __attribute__((vector_size(WIDTH), aligned(8), may_alias));

/* The integers of exact_sum.h. */
struct V(sums) {
    bits_vec high, low;
    struct rg__exact_sum by;
};

/* For n terms of magnitudes up to `most`, the last vector padded with zeros. */
static inline struct V(sums) V(open_sums)(double most, int64_t n)
{
    struct V(sums) sums;
    memset(&sums, 0, sizeof sums);
    sums.by = rg__exact_sum(most, n + LANES);
    sums.by.n = (n + STEP - 1) / STEP * STEP;
    return sums;
}

INLINED void V(add)(struct V(sums) * sums, vec x)
{
    vec high = x + sums->by.high_c;
    sums->high += (bits_vec)high;
    sums->low += (bits_vec)(x - (high - sums->by.high_c) + sums->by.low_c);
}

static inline double V(close_sums)(const struct V(sums) * sums)
{
    uint64_t high = 0, low = 0;
    for (int lane = 0; lane < STEP; lane++) {
        high += sums->high[lane];
        low += sums->low[lane];
    }
    return rg__exact_total(&sums->by, high, low);
}

/* The elements of x (n) from j on, as many as there are, and zeros. */
INLINED vec V(load)(const double *x, int64_t j, int64_t n)
{
    vec rest = {0};
    if (j + STEP <= n)
        return *(const vec *)(x + j);
    for (int lane = 0; lane < STEP - 1 && j + lane < n; lane++)
        rest[lane] = x[j + lane];
    return rest;
}

static double V(shares)(const double *e, int64_t n, double own)
{
    struct V(sums) sums = V(open_sums)(1, n);
    for (int64_t j = 0; j < n; j += STEP) {
        vec e_j = V(load)(e, j, n);
        V(add)(&sums, e_j / (own + e_j));
    }
    return V(close_sums)(&sums);
}

static double V(slopes)(const double *e, const double *a, int64_t n, double own, double own_a,
                        double most)
{
    struct V(sums) sums = V(open_sums)(most, n);
    double scaled = own * sums.by.scale;
    for (int64_t j = 0; j < n; j += STEP) {
        vec e_j = V(load)(e, j, n), r = 1 / (own + e_j);
        V(add)(&sums, scaled * r * (e_j * r) * (V(load)(a, j, n) - own_a));
    }
    return most < (double)INFINITY ? V(close_sums)(&sums) : (double)NAN;
}

static void V(products)(const double *lose, const double *win, int64_t n, const double *x,
                        int n_nodes, double *q)
{
    enum { AT_ONCE = 2 * LANES }; /* for two chains of products */
    for (int m = 0; m < n_nodes; m += AT_ONCE) {
        double product[AT_ONCE], node[AT_ONCE];
        for (int lane = 0; lane < AT_ONCE; lane++) {
            product[lane] = q[m + lane];
            node[lane] = x[m + lane];
        }
        for (int64_t i = 0; i < n; i++)
            for (int lane = 0; lane < AT_ONCE; lane++)
                product[lane] *= lose[i] + win[i] * node[lane];
        for (int lane = 0; lane < AT_ONCE; lane++)
            q[m + lane] = product[lane];
    }
}

static void V(quotients)(const double *lose, const double *win, int64_t n, const double *x,
                         const double *c, int n_nodes, double *sum)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        double acc[LANES] = {0};
        for (int m = 0; m < n_nodes; m++)
            for (int lane = 0; lane < LANES; lane++)
                acc[lane] += c[m] / (lose[i + lane] + win[i + lane] * x[m]);
        for (int lane = 0; lane < LANES; lane++)
            sum[i + lane] = acc[lane];
    }
    for (; i < n; i++) {
        sum[i] = 0;
        for (int m = 0; m < n_nodes; m++)
            sum[i] += c[m] / (lose[i] + win[i] * x[m]);
    }
}

extern const struct rg__soft_sums V(rg__soft_sums);
const struct rg__soft_sums V(rg__soft_sums) = {
    .shares = V(shares),
    .slopes = V(slopes),
    .products = V(products),
    .quotients = V(quotients),
};

#if RG_LEVEL == 1
#ifdef RG_MORE_LEVELS
extern const struct rg__soft_sums AT_LEVEL(rg__soft_sums, 3), AT_LEVEL(rg__soft_sums, 4);
#endif

const struct rg__soft_sums *rg__soft_sums(const rg_context *ctx)
{
    return BY_LEVEL(ctx, rg__soft_sums);
}
#endif
#endif
