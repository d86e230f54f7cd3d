/* lists.h: what both consumers train on: nine items of two features in three lists. The test reads
 * these numbers too and works the expected score out by itself. Every one is exact in f32. */
#ifndef LISTS_H
#define LISTS_H

#include <stdint.h>

enum { N_ROWS = 9, N_FEATURES = 2, N_LISTS = 3 };

static const float rows[N_ROWS * N_FEATURES] = {
    0.5f, 100.0f, 0.25f, 300.0f, 0.125f, 50.0f,                  /* list 0 */
    0.75f, 200.0f, 0.5f, 400.0f, 0.0f, 25.0f, 0.375f, 150.0f,    /* list 1 */
    1.0f, 75.0f, 0.625f, 350.0f,                                 /* list 2 */
};
static const double labels[N_ROWS] = {2, 1, 0, 3, 1, 0, 0, 1, 0};
static const int64_t offsets[N_LISTS + 1] = {0, 3, 7, 9};

#endif
