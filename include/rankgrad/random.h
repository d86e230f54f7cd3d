/* random.h: counter-based random numbers.
 *
 * A number is a function of (seed, stream, a, b), computed by Philox 4x32-10 (Salmon et al. 2011,
 * Random123), without any state. It does not depend on the order of calls or on the thread:
 *
 *   weight[i] = 0.1 * rg_normal(seed, RG_STREAM_OWN, layer, i);
 */
#ifndef RANKGRAD_RANDOM_H
#define RANKGRAD_RANDOM_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A stream is an independent sequence. The library uses those below this number. */
enum { RG_STREAM_OWN = 1000 };

/* 64 random bits. */
RG_API uint64_t rg_random(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b);

/* Uniform in [0,1), 53 bits. */
RG_API double rg_uniform(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b);

/* Standard normal (Box-Muller). */
RG_API double rg_normal(uint64_t seed, uint64_t stream, uint64_t a, uint64_t b);

/* Shuffles an array (Fisher-Yates), with the random numbers (seed, stream, a, position). Does
 * nothing if `array` is NULL. */
RG_API void rg_shuffle(int64_t *array, int64_t n, uint64_t seed, uint64_t stream, uint64_t a);

#ifdef __cplusplus
}
#endif
#endif
