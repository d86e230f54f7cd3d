/* student_t.c: tail probabilities of Student's t distribution.
 *
 * P(|T| >= t) = I_x(a, 1/2), the regularised incomplete beta function, with a = df / 2 and
 * x = df / (df + t^2) (Abramowitz & Stegun 26.5.27). I_x(a,b) is computed from its continued
 * fraction (26.5.8), which converges quickly for x < (a + 1) / (a + b + 2); otherwise
 * I_x(a,b) = 1 - I_{1-x}(b,a). */
#include <rankgrad/statistics.h>

#include <float.h>
#include <math.h>

/* The continued fraction 1/(1 + d_1/(1 + d_2/(1 + ...))) of I_x(a,b), by Lentz's method. */
static double fraction(double a, double b, double x)
{
    enum { MOST = 100000 };
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), value;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    value = d;
    for (int m = 1; m < MOST; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double factor = 1;
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            factor = c * d;
            value *= factor;
        }
        if (fabs(factor - 1) < DBL_EPSILON)
            break;
    }
    return value;
}

/* Gamma(a + 1/2) / Gamma(a): an asymptotic series from a = 64 on, below by the recurrence of Gamma.
 * (lgamma would lose digits: its values are large and nearly equal.) */
static double gamma_ratio(double a)
{
    double factor = 1, u;
    for (; a < 64; a++)
        factor *= a / (a + 0.5);
    u = 1 / a;
    return factor * sqrt(a) *
           (1 + u * (-1.0 / 8 + u * (1.0 / 128 +
                                     u * (5.0 / 1024 + u * (-21.0 / 32768 - u * 399.0 / 262144)))));
}

double rg_student_t_p(double t, double df)
{
    if (isnan(t) || !(df > 0) || isinf(df))
        return (double)NAN;
    if (isinf(t))
        return 0;
    double a = df / 2, t2 = t / df * t; /* t^2 / df */
    double x = 1 / (1 + t2), y = t2 / (1 + t2);
    if (t2 == 0)
        return 1;
    /* x^a y^(1/2) / B(a, 1/2), where B(a, 1/2) = sqrt(pi) / gamma_ratio(a) */
    double front = exp(-a * log1p(t2)) * sqrt(y) * gamma_ratio(a) / 1.7724538509055160273;
    if (x < (a + 1) / (a + 2.5))
        return front * fraction(a, 0.5, x) / a;
    return 1 - front * fraction(0.5, a, y) / 0.5;
}
