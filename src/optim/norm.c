/* norm.c: the Euclidean norm of a gradient.
 *
 * Squares are summed in double, in a fixed number of lanes. Only if that sum is out of range
 * (squares overflow from 1e154 and underflow below 1e-162), a second pass scales by the largest
 * element. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

/* sum of (g[i] unit)^2 */
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
    if (sum > 0x1p-900 && sum < 0x1p1000) /* squares that underflowed are negligible */
        return sqrt(sum);
    for (int64_t i = 0; i < n; i++) {
        double magnitude = fabs(ACC(g[i]));
        if (!(magnitude <= largest)) /* NaN counts as the largest */
            largest = isnan(largest) ? largest : magnitude;
    }
    if (largest == 0 || !isfinite(largest))
        return largest;
    int exponent;
    frexp(largest, &exponent);
    double unit = ldexp(1, exponent > -1023 ? -exponent : 1023); /* exact */
    return sqrt(F(square_sum)(g, n, unit)) / unit;
}
