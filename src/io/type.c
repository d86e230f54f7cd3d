/* type.c: element types, HDF5's and ours.
 *
 * The one idea: what libhdf5 should hand over is asked for as a memory type of this machine;
 * conversion, also between byte orders, is libhdf5's. Files written here hold these same types. */
#include "io/private.h"

#include <string.h>

/* IEEE binary16, which HDF5 1.10 does not name: sign at bit 15, exponent 5 bits from 10, biased by
 * 15, fraction 10 bits from 0. */
static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
    if (type >= 0 && H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(type, 2) >= 0 &&
        H5Tset_ebias(type, 15) >= 0)
        return type;
    if (type >= 0)
        H5Tclose(type);
    return -1;
}

/* h5py's bool. */
static hid_t bool_type(void)
{
    static const int8_t values[] = {0, 1};
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    if (type >= 0 && H5Tenum_insert(type, "FALSE", &values[0]) >= 0 &&
        H5Tenum_insert(type, "TRUE", &values[1]) >= 0)
        return type;
    if (type >= 0)
        H5Tclose(type);
    return -1;
}

hid_t rg__h5_memory_type(rg_dtype dtype)
{
    switch (dtype) {
    case RG_F16: return half_type();
    case RG_BOOL: return bool_type();
    case RG_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
    case RG_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
    case RG_U8: return H5Tcopy(H5T_NATIVE_UINT8);
    case RG_I32: return H5Tcopy(H5T_NATIVE_INT32);
    case RG_I64: return H5Tcopy(H5T_NATIVE_INT64);
    default: return -1;
    }
}

hid_t rg__h5_string_type(H5T_cset_t cset)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, cset) >= 0)
        return type;
    if (type >= 0)
        H5Tclose(type);
    return -1;
}

/* The rg_dtype whose memory type `type` equals, -1 for none. */
static int native_dtype(hid_t type)
{
    for (int dtype = 0; dtype < RG_DTYPE_COUNT; dtype++) {
        hid_t candidate = rg__h5_memory_type((rg_dtype)dtype);
        bool equal = candidate >= 0 && H5Tequal(type, candidate) > 0;
        if (candidate >= 0)
            H5Tclose(candidate);
        if (equal)
            return dtype;
    }
    return -1;
}

/* A half in either byte order; bfloat16 has as many bytes and is none. */
static bool is_half(hid_t type)
{
    size_t sign, exponent, exponent_size, fraction, fraction_size;
    return H5Tget_size(type) == 2 && H5Tget_ebias(type) == 15 &&
           H5Tget_fields(type, &sign, &exponent, &exponent_size, &fraction, &fraction_size) >= 0 &&
           sign == 15 && exponent == 10 && exponent_size == 5 && fraction == 0 &&
           fraction_size == 10;
}

static bool is_bool(hid_t type)
{
    int8_t value[2] = {-1, -1};
    return H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2 &&
           H5Tenum_valueof(type, "FALSE", &value[0]) >= 0 &&
           H5Tenum_valueof(type, "TRUE", &value[1]) >= 0 && value[0] == 0 && value[1] == 1;
}

void rg__h5_describe_type(hid_t type, struct rg__h5_info *info)
{
    H5T_class_t class = H5Tget_class(type);
    info->class = RG__H5_OTHER;
    info->native = -1;
    info->size = H5Tget_size(type);
    info->as_float = RG_F64;
    if (class == H5T_STRING) {
        info->class = RG__H5_STRING;
        info->variable = H5Tis_variable_str(type) > 0;
    } else if (class == H5T_INTEGER && info->size <= 8) {
        info->class = RG__H5_INTEGER;
        info->is_unsigned = H5Tget_sign(type) == H5T_SGN_NONE;
        info->as_float = info->size <= 2 ? RG_F32 : RG_F64;
        info->native = native_dtype(type);
    } else if (class == H5T_FLOAT) {
        info->class = RG__H5_FLOAT;
        info->as_float = is_half(type) ? RG_F16 : info->size <= 4 ? RG_F32 : RG_F64;
        info->native = native_dtype(type);
    } else if (class == H5T_ENUM && is_bool(type)) {
        info->class = RG__H5_BOOL;
        info->as_float = RG_F32;
        info->native = native_dtype(type);
    }
}
