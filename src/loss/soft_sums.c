/* soft_sums.c: loops over pairs of items; see soft_sums.h. */
#include "loss/soft_sums.h"

#include "tensor/lanes.h"
#include "tensor/level.h"

#if RG_REAL == 64
static double V(shares)(const double *e, int64_t n, double own)
{
    double acc[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int lane = 0; lane < LANES; lane++)
            acc[lane] += e[j + lane] / (own + e[j + lane]);
    for (int lane = 0; j < n; j++, lane++)
        acc[lane] += e[j] / (own + e[j]);
    return fold_double_f64(acc);
}

static double V(slopes)(const double *e, const double *a, int64_t n, double own, double own_a)
{
    double acc[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double r = 1 / (own + e[j + lane]);
            acc[lane] += own * r * (e[j + lane] * r) * (a[j + lane] - own_a);
        }
    for (int lane = 0; j < n; j++, lane++) {
        double r = 1 / (own + e[j]);
        acc[lane] += own * r * (e[j] * r) * (a[j] - own_a);
    }
    return fold_double_f64(acc);
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
