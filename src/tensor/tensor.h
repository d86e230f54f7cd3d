/* tensor.h (internal): shapes as text, shape arithmetic, conversion of arrays. */
#ifndef RG_TENSOR_TENSOR_H
#define RG_TENSOR_TENSOR_H

#include "base/base.h"

#include <rankgrad/tensor.h>

/* Tables of f32 and f64 kernels are indexed by dtype. */
_Static_assert(RG_F32 == 0 && RG_F64 == 1, "f32 and f64 come first");

/* The name of a type, for messages; "an unknown type" if it is invalid. */
const char *rg__dtype_text(rg_dtype dtype);

/* Writes a shape such as "(2,3)" to the caller's buffer and returns the buffer. */
enum { RG__SHAPE_TEXT = RG_MAX_DIMS * 21 + 3 };
const char *rg__shape_text(const rg_tensor *tensor, char text[RG__SHAPE_TEXT]);

static inline bool rg__same_shape(const rg_tensor *a, const rg_tensor *b)
{
    bool same = a->ndim == b->ndim;
    for (int i = 0; same && i < a->ndim; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

/* A piece of a state that is saved and restored. */
struct rg__named {
    const char *name;
    rg_tensor tensor;
};

/* The number of elements of a valid shape. */
static inline int64_t rg__count(const rg_tensor *tensor)
{
    uint64_t count = 1; /* unsigned: if one extent is 0, the product of the others may overflow */
    for (int i = 0; i < tensor->ndim; i++)
        count *= (uint64_t)tensor->dims[i];
    return (int64_t)count;
}

/* The size of all elements in bytes; the shape must be valid. */
size_t rg__tensor_bytes(const rg_tensor *tensor);

/* Element i as double. */
double rg__element(rg_dtype type, const void *data, int64_t i);

/* to[i] += from[i] for `count` elements; `to` is f32 or f64, and from[i] is first rounded to that
 * type. */
void rg__add(rg_dtype to_type, void *to, rg_dtype from_type, const void *from, int64_t count);

/* Converts `count` elements as rg_tensor_cast does. */
void rg__cast(rg_dtype from_type, const void *from, rg_dtype to_type, void *to, int64_t count);

float rg__half_to_float(uint16_t half);
uint16_t rg__double_to_half(double value); /* rounds once, ties to even; infinite on overflow */

/* data[0..n) = value; data is f32 or f64. */
void rg__fill(rg_dtype dtype, void *data, int64_t n, double value);

/* Whether every element of an f32 or f64 tensor is finite. */
bool rg__all_finite(const rg_tensor *tensor);

#endif
