/* tensor.c: element types, shapes, and conversion between types.
 *
 * Elements are converted one by one through double, so that a new type is one line in each of two
 * switches. Double represents all values of all types except i64; from i64 to f32 there is a direct
 * conversion, because rounding twice could give another result. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
#define TYPE(id, name, size) [RG_##id] = {name, size},
    RG_DTYPE_MAP(TYPE)
#undef TYPE
};

const char *rg_dtype_name(rg_dtype dtype)
{
    return (unsigned)dtype < RG_DTYPE_COUNT ? types[dtype].name : NULL;
}

const char *rg__dtype_text(rg_dtype dtype)
{
    const char *name = rg_dtype_name(dtype);
    return name ? name : "an unknown type";
}

size_t rg_dtype_size(rg_dtype dtype)
{
    return (unsigned)dtype < RG_DTYPE_COUNT ? types[dtype].size : 0;
}

bool rg_dtype_computes(rg_dtype dtype)
{
    return dtype == RG_F32 || dtype == RG_F64;
}

int64_t rg_tensor_count(const rg_tensor *tensor)
{
    if (!tensor || tensor->ndim < 0 || tensor->ndim > RG_MAX_DIMS ||
        rg_dtype_size(tensor->dtype) == 0)
        return -1;
    int64_t count = 1;
    bool empty = false, too_large = false;
    for (int i = 0; i < tensor->ndim; i++) {
        if (tensor->dims[i] < 0)
            return -1;
        empty |= tensor->dims[i] == 0;
        too_large |= __builtin_mul_overflow(count, tensor->dims[i], &count);
    }
    int64_t bytes;
    if (empty)
        return 0;
    if (too_large || __builtin_mul_overflow(count, (int64_t)types[tensor->dtype].size, &bytes))
        return -1;
    return count;
}

size_t rg__tensor_bytes(const rg_tensor *tensor)
{
    return (size_t)rg__count(tensor) * types[tensor->dtype].size;
}

const char *rg__shape_text(const rg_tensor *tensor, char text[RG__SHAPE_TEXT])
{
    int n = snprintf(text, RG__SHAPE_TEXT, "(");
    for (int i = 0; i < tensor->ndim && i < RG_MAX_DIMS; i++)
        n += snprintf(text + n, (size_t)(RG__SHAPE_TEXT - n), i ? ",%lld" : "%lld",
                      (long long)tensor->dims[i]);
    snprintf(text + n, (size_t)(RG__SHAPE_TEXT - n), ")");
    return text;
}

float rg__half_to_float(uint16_t half)
{
    unsigned exponent = (half >> 10) & 31u, fraction = half & 1023u;
    float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                      : exponent     ? ldexpf((float)(fraction | 1024u), (int)exponent - 25)
                                     : ldexpf((float)fraction, -24);
    return half & 0x8000u ? -magnitude : magnitude;
}

uint16_t rg__double_to_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000u : 0;
    double magnitude = fabs(value);
    if (isnan(value))
        return sign | 0x7e00u;
    if (magnitude >= 65520.0) /* halfway between the largest half and 65536 */
        return sign | 0x7c00u;
    int exponent = magnitude < 0x1p-14 ? -14 : ilogb(magnitude);
    /* In units of the last place. rint rounds ties to even; a carry increments the exponent. */
    unsigned units = (unsigned)rint(ldexp(magnitude, 10 - exponent));
    return (uint16_t)(sign | (units + ((unsigned)(exponent + 14) << 10)));
}

static int64_t to_integer(double x, double low, double high)
{
    if (isnan(x))
        return 0;
    return x <= low    ? (int64_t)low
           : x >= high ? (high >= 0x1p63 ? INT64_MAX : (int64_t)high)
                       : (int64_t)x;
}

double rg__element(rg_dtype type, const void *data, int64_t i)
{
    switch (type) {
    case RG_F32: return (double)((const float *)data)[i];
    case RG_F64: return ((const double *)data)[i];
    case RG_F16: return (double)rg__half_to_float(((const uint16_t *)data)[i]);
    case RG_BOOL: return ((const uint8_t *)data)[i] != 0;
    case RG_U8: return ((const uint8_t *)data)[i];
    case RG_I32: return ((const int32_t *)data)[i];
    case RG_I64: return (double)((const int64_t *)data)[i];
    case RG_DTYPE_COUNT: break;
    }
    return 0;
}

static void store(rg_dtype type, void *data, int64_t i, double x)
{
    switch (type) {
    case RG_F32: ((float *)data)[i] = (float)x; break;
    case RG_F64: ((double *)data)[i] = x; break;
    case RG_F16: ((uint16_t *)data)[i] = rg__double_to_half(x); break;
    case RG_BOOL: ((uint8_t *)data)[i] = x != 0; break;
    case RG_U8: ((uint8_t *)data)[i] = (uint8_t)to_integer(x, 0, UINT8_MAX); break;
    case RG_I32: ((int32_t *)data)[i] = (int32_t)to_integer(x, INT32_MIN, INT32_MAX); break;
    case RG_I64: ((int64_t *)data)[i] = to_integer(x, (double)INT64_MIN, 0x1p63); break;
    case RG_DTYPE_COUNT: break;
    }
}

void rg__cast(rg_dtype from_type, const void *from, rg_dtype to_type, void *to, int64_t count)
{
    if (count == 0)
        return;
    if (from_type == to_type) {
        memcpy(to, from, (size_t)count * rg_dtype_size(to_type));
        return;
    }
    if (from_type == RG_F32 && to_type == RG_F64) {
        for (int64_t i = 0; i < count; i++)
            ((double *)to)[i] = (double)((const float *)from)[i];
        return;
    }
    for (int64_t i = 0; i < count; i++)
        if (from_type == RG_I64 && to_type == RG_F32) /* through double it would be rounded twice */
            ((float *)to)[i] = (float)((const int64_t *)from)[i];
        else
            store(to_type, to, i, rg__element(from_type, from, i));
}

void rg__add(rg_dtype to_type, void *to, rg_dtype from_type, const void *from, int64_t count)
{
    if (to_type == RG_F32 && from_type == RG_F32) {
        for (int64_t i = 0; i < count; i++)
            ((float *)to)[i] += ((const float *)from)[i];
        return;
    }
    for (int64_t i = 0; i < count; i++)
        if (to_type == RG_F32)
            ((float *)to)[i] += (float)rg__element(from_type, from, i);
        else
            ((double *)to)[i] += rg__element(from_type, from, i);
}

void rg__fill(rg_dtype dtype, void *data, int64_t n, double value)
{
    for (int64_t i = 0; i < n; i++)
        if (dtype == RG_F32)
            ((float *)data)[i] = (float)value;
        else
            ((double *)data)[i] = value;
}

bool rg__all_finite(const rg_tensor *tensor)
{
    int64_t n = rg_tensor_count(tensor);
    const float *x = tensor->data;
    const double *z = tensor->data;
    int bad = 0; /* x - x is NaN for an infinity or NaN; this loop is vectorised */
    if (tensor->dtype == RG_F32)
        for (int64_t i = 0; i < n; i++)
            bad |= x[i] - x[i] != 0;
    else
        for (int64_t i = 0; i < n; i++)
            bad |= z[i] - z[i] != 0;
    return !bad;
}

rg_status rg_tensor_cast(rg_context *ctx, const rg_tensor *from, rg_tensor *to)
{
    char a[RG__SHAPE_TEXT], b[RG__SHAPE_TEXT];
    int64_t count = rg_tensor_count(from);
    rg_status status = rg__require(ctx, "rg_tensor_cast", "from", from, "to", to, NULL);
    if (status != RG_OK)
        return status;
    const rg_tensor *bad = count < 0 ? from : rg_tensor_count(to) < 0 ? to : NULL;
    if (bad)
        return rg__fail(ctx, RG_BAD_DATA,
                        "cast: invalid shape %s with %d dimensions of type %d; "
                        "expected 0 to %d dimensions, none negative, below 2^63 bytes",
                        rg__shape_text(bad, a), bad->ndim, (int)bad->dtype, RG_MAX_DIMS);
    if (!rg__same_shape(from, to))
        return rg__fail(ctx, RG_BAD_DATA, "cast: from %s to %s; expected equal shapes",
                        rg__shape_text(from, a), rg__shape_text(to, b));
    if (count > 0)
        status = rg__require(ctx, "rg_tensor_cast", "from->data", from->data, "to->data", to->data,
                             NULL);
    if (status != RG_OK)
        return status;
    rg__cast(from->dtype, from->data, to->dtype, to->data, count);
    return RG_OK;
}
