/* norm.c: the length of a gradient.
 *
 * The one idea: the squares are summed in double, in fixed lanes. Only where that sum is out of
 * range (f64 squares overflow at 1e154 and vanish at 1e-162) is there a second look, in units of
 * the largest element. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

/* sum (g[i] unit)^2 */
static double F(square_sum)(const real *g, int64_t n, double unit)
{
    double acc[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double x = ACC(g[i + lane]) * unit;
            acc[lane] += x * x;
        }
    for (int lane = 0; i < n; i++, lane++) {
        double x = ACC(g[i]) * unit;
        acc[lane] += x * x;
    }
    return F(fold_double)(acc);
}

double F(rg__grad_norm)(const rg_parameters *parameters)
{
    const real *g = parameters->grad;
    int64_t n = parameters->count;
    double sum = F(square_sum)(g, n, 1), largest = 0;
    if (sum > 0x1p-900 && sum < 0x1p1000) /* what vanished beside it would not have counted */
        return sqrt(sum);
    for (int64_t i = 0; i < n; i++) {
        double magnitude = fabs(ACC(g[i]));
        if (!(magnitude <= largest)) /* a NaN is the largest of all, and stays */
            largest = isnan(largest) ? largest : magnitude;
    }
    if (largest == 0 || !isfinite(largest))
        return largest;
    int exponent;
    frexp(largest, &exponent);
    double unit = ldexp(1, exponent > -1023 ? -exponent : 1023); /* exact */
    return sqrt(F(square_sum)(g, n, unit)) / unit;
}
