/* random.h (internal): the library's streams of random numbers. */
#ifndef RG_BASE_RANDOM_H
#define RG_BASE_RANDOM_H

#include <rankgrad/random.h>

/* What the numbers are for; each has its own sequence, below RG_STREAM_OWN. */
enum rg__stream {
    RG__STREAM_SHUFFLE = 1, /* a: epoch + 2^32 window, b: position */
    RG__STREAM_SPLIT,       /* b: position */
    RG__STREAM_GENERATE,    /* a: list or kind, b: draw */
    RG__STREAM_SAMPLES,     /* a: sample, b: element */
    RG__STREAM_COTANGENT,   /* b: element */
    RG__STREAM_INIT,        /* initial weights; a: layer, b: element */
    RG__STREAM_WINDOWS,     /* a: epoch, b: position */
    RG__STREAM_LOSS,        /* a: item, b: draw + 2^48 sample */
    RG__STREAM_BOOTSTRAP,   /* a: sample, b: draw */
    RG__STREAM_SIGNS,       /* a: sign vector, b: word of 64 signs */
    RG__STREAM_CLICKS,      /* a: list, b: (session, item, what) */
    RG__STREAM_DROPOUT      /* a: call, b: element */
};

/* A whole number in [0, n) from 64 random bits: bits n / 2^64, whose bias is below n / 2^64. */
static inline int64_t rg__below(uint64_t bits, int64_t n)
{
    __extension__ typedef unsigned __int128 uint128;
    return (int64_t)((uint128)bits * (uint64_t)n >> 64);
}

/* The key of Philox. It has only 64 bits, so stream times a Weyl constant is added to the seed. */
static inline uint64_t rg__philox_key(uint64_t seed, uint64_t stream)
{
    return seed + stream * 0x9E3779B97F4A7C15u;
}

#endif
