/* random.h (internal): random numbers that depend on where they are used, not on what was drawn
 * before.
 *
 * The one idea: a draw is a function of (seed, stream, a, b), by Philox 4x32-10 (Salmon et al.
 * 2011, Random123). So any order, any thread and any resumed run draws the same.
 */
#ifndef RG_BASE_RANDOM_H
#define RG_BASE_RANDOM_H

#include <stdint.h>

/* What is drawn; each its own sequence. */
enum rg__stream {
    RG__STREAM_SHUFFLE = 1, /* a: epoch + 2^32 window, b: position */
    RG__STREAM_SPLIT,       /* b: position */
    RG__STREAM_GENERATE,    /* a: list or kind, b: draw */
    RG__STREAM_SAMPLES,     /* a: sample, b: element */
    RG__STREAM_COTANGENT,   /* b: element */
    RG__STREAM_INIT,        /* first weights; a: layer, b: element */
    RG__STREAM_WINDOWS      /* a: epoch, b: position */
};

/* 64 random bits. */
uint64_t rg__random(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Uniform in [0,1), 53 bits. */
double rg__uniform(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Normal with mean 0 and deviation 1 (Box-Muller). */
double rg__normal(uint64_t seed, enum rg__stream stream, uint64_t a, uint64_t b);

/* Permutes an array (Fisher-Yates; draws (a, position)). */
void rg__shuffle(int64_t *array, int64_t n, uint64_t seed, enum rg__stream stream, uint64_t a);

#endif
