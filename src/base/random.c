/* random.c: counter-based random numbers; see rankgrad/random.h. The counter holds a and b (64 bits
 * each), the key seed and stream. */
#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

static philox4x32_ctr_t philox(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b)
{
    uint64_t key = rg__philox_key(seed, stream);
    philox4x32_ctr_t counter = {
        {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)}};
    philox4x32_key_t k = {{(uint32_t)key, (uint32_t)(key >> 32)}};
    return philox4x32(counter, k);
}

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static double to_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint64_t rg_random(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b)
{
    philox4x32_ctr_t r = philox(seed, stream, a, b);
    return join(r.v[0], r.v[1]);
}

double rg_uniform(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b)
{
    return to_unit(rg_random(seed, stream, a, b));
}

double rg_normal(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b)
{
    philox4x32_ctr_t r = philox(seed, stream, a, b);
    double u = 1.0 - to_unit(join(r.v[0], r.v[1])); /* in (0,1]: the logarithm is finite */
    double v = to_unit(join(r.v[2], r.v[3]));
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void rg_shuffle(int64_t *array, int64_t n, uint64_t seed, uint64_t stream, uint64_t a)
{
    for (int64_t i = array && n > 0 ? n - 1 : 0; i > 0; i--) {
        uint64_t bits = rg_random(seed, stream, a, (uint64_t)i);
        int64_t j = rg__below(bits, i + 1);
        int64_t swapped = array[i];
        array[i] = array[j];
        array[j] = swapped;
    }
}
