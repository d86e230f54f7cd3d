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
    RG__STREAM_LOSS         /* a: item, b: draw + 2^48 sample */
};

#endif
