/* random.h (internal): counter-based random numbers.
 *
 * A number is a function of (seed, stream, a, b), computed by Philox 4x32-10 (Salmon et al. 2011,
 * Random123), and there is no state. So the numbers do not depend on the order of the calls, on the
 * thread, or on whether a run was resumed.
 */
#ifndef RG_BASE_RANDOM_H
#define RG_BASE_RANDOM_H

#include <stdint.h>

/* What the numbers are for; each has its own sequence. */
enum rg__stream {
    RG__STREAM_SHUFFLE = 1, /* a: epoch + 2^32 window, b: position */
    RG__STREAM_SPLIT,       /* b: position */
    RG__STREAM_GENERATE,    /* a: list or kind, b: draw */
    RG__STREAM_SAMPLES,     /* a: sample, b: element */
    RG__STREAM_COTANGENT,   /* b: element */
    RG__STREAM_INIT,        /* initial weights; a: layer, b: element */
    RG__STREAM_WINDOWS      /* a: epoch, b: position */
};

/* 64 random bits. */
uint64_t rg__random(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Uniform in [0,1), 53 bits. */
double rg__uniform(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Standard normal (Box-Muller). */
double rg__normal(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Shuffles an array (Fisher-Yates), with the random numbers (seed, stream, a, position). */
void rg__shuffle(int64_t *array, int64_t n, uint64_t seed, enum rg__stream stream, uint64_t a);

#endif
