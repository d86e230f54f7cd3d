/* extremes.c: the least and greatest numbers of a column, and whether one of them is a sentinel: a
 * number that stands for a missing value, such as -999 or 1e30. */
#include <math.h>
#include <rankgrad/data.h>

/* Two counts together, at most the largest number there is. */
static int64_t sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Takes x to one end: `sign` 1 looks for the greatest numbers, -1 for the least. */
static void extend(struct rg_extreme *end, double sign, double x, int64_t count)
{
    if (end->n == 0) {
        *end = (struct rg_extreme){x, (double)NAN, count};
    } else if (x == end->value) {
        end->n = sum(end->n, count);
    } else if (sign * x > sign * end->value) {
        *end = (struct rg_extreme){x, end->value, count};
    } else if (!(sign * x <= sign * end->next)) {
        end->next = x;
    }
}

void rg_extremes_add(rg_extremes *extremes, double x, int64_t count)
{
    if (!extremes || isnan(x) || count < 1)
        return;
    extremes->n = sum(extremes->n, count);
    extend(&extremes->least, -1, x, count);
    extend(&extremes->greatest, 1, x, count);
}

/* Whether one end is a sentinel beside the numbers from its `next` to the other end. */
static bool is_sentinel(const struct rg_extreme *end, double other, int64_t n)
{
    if (end->n > 0 && fabs(end->value) >= RG_ABSURD)
        return true;
    double spread = fabs(other - end->next), gap = fabs(end->value - end->next);
    return end->value != 0 && end->n >= 2 && (double)end->n >= 0.01 * (double)n && spread > 0 &&
           gap > 20 * spread;
}

const struct rg_extreme *rg_extremes_sentinel(const rg_extremes *extremes)
{
    if (!extremes)
        return NULL;
    const struct rg_extreme *least = &extremes->least, *greatest = &extremes->greatest;
    if (is_sentinel(greatest, least->value, extremes->n))
        return greatest;
    return is_sentinel(least, greatest->value, extremes->n) ? least : NULL;
}
