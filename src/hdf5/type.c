/* type.c: element types, HDF5's and ours.
 *
 * What libhdf5 should hand over is asked for as a memory type of this machine;
 * conversion, also between byte orders, is libhdf5's. Files written here hold these same types. */
#include "hdf5/private.h"

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

/* The types of numbers that are read: those of machines. A type that libhdf5 could convert but no
 * machine has is the work of a damaged byte: it would change every number without a message. */
struct float_type {
    size_t size, precision, sign, exponent, exponent_size, fraction, fraction_size, bias;
    H5T_norm_t norm;
};

static const struct float_type float_types[] = {
    {2, 16, 15, 10, 5, 0, 10, 15, H5T_NORM_IMPLIED},          /* IEEE binary16 */
    {2, 16, 15, 7, 8, 0, 7, 127, H5T_NORM_IMPLIED},           /* bfloat16 */
    {4, 32, 31, 23, 8, 0, 23, 127, H5T_NORM_IMPLIED},         /* IEEE binary32 */
    {8, 64, 63, 52, 11, 0, 52, 1023, H5T_NORM_IMPLIED},       /* IEEE binary64 */
    {12, 80, 79, 64, 15, 0, 64, 16383, H5T_NORM_NONE},        /* x87, 32-bit systems */
    {16, 80, 79, 64, 15, 0, 64, 16383, H5T_NORM_NONE},        /* x87, 64-bit systems */
    {16, 128, 127, 112, 15, 0, 112, 16383, H5T_NORM_IMPLIED}, /* IEEE binary128 */
};

static bool is_machine_float(hid_t type)
{
    struct float_type t = {.size = H5Tget_size(type), .precision = H5Tget_precision(type)};
    if (H5Tget_fields(type, &t.sign, &t.exponent, &t.exponent_size, &t.fraction, &t.fraction_size) <
        0)
        return false;
    t.bias = H5Tget_ebias(type);
    t.norm = H5Tget_norm(type);
    for (int i = 0; i < RG__COUNT(float_types); i++) {
        const struct float_type *f = &float_types[i];
        if (t.size == f->size && t.precision == f->precision && t.sign == f->sign &&
            t.exponent == f->exponent && t.exponent_size == f->exponent_size &&
            t.fraction == f->fraction && t.fraction_size == f->fraction_size && t.bias == f->bias &&
            t.norm == f->norm)
            return true;
    }
    return false;
}

static bool is_machine_integer(hid_t type)
{
    size_t size = H5Tget_size(type);
    H5T_sign_t sign = H5Tget_sign(type);
    return (size == 1 || size == 2 || size == 4 || size == 8) &&
           H5Tget_precision(type) == 8 * size && (sign == H5T_SGN_NONE || sign == H5T_SGN_2);
}

static bool is_machine_number(hid_t type, H5T_class_t class)
{
    H5T_order_t order = H5Tget_order(type);
    H5T_pad_t low, high;
    if (H5Tget_pad(type, &low, &high) < 0 || low != H5T_PAD_ZERO || high != H5T_PAD_ZERO ||
        (class == H5T_FLOAT && H5Tget_inpad(type) != H5T_PAD_ZERO))
        return false;
    return (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && H5Tget_offset(type) == 0 &&
           (class == H5T_FLOAT ? is_machine_float(type) : is_machine_integer(type));
}

static bool is_string(hid_t type)
{
    H5T_cset_t cset = H5Tget_cset(type);
    H5T_str_t padding = H5Tget_strpad(type);
    return H5Tget_size(type) > 0 && (cset == H5T_CSET_ASCII || cset == H5T_CSET_UTF8) &&
           (padding == H5T_STR_NULLTERM || padding == H5T_STR_NULLPAD ||
            padding == H5T_STR_SPACEPAD);
}

/* The base type of an enumeration. */
static bool is_enum(hid_t type)
{
    hid_t base = H5Tget_super(type);
    bool sound = base >= 0 && H5Tget_class(base) == H5T_INTEGER &&
                 is_machine_number(base, H5T_INTEGER) && H5Tget_size(base) == H5Tget_size(type);
    rg__h5_drop(base);
    return sound;
}

rg_status rg__h5_check_type(struct rg__h5 *file, const char *name, hid_t type)
{
    H5T_class_t class = H5Tget_class(type);
    bool sound = class == H5T_INTEGER || class == H5T_FLOAT ? is_machine_number(type, class)
                 : class == H5T_STRING                      ? is_string(type)
                 : class == H5T_ENUM                        ? is_enum(type)
                                                            : class != H5T_NO_CLASS;
    if (sound)
        return RG_OK;
    const char *what = class == H5T_FLOAT    ? "a float"
                       : class == H5T_STRING ? "a string"
                                             : "an integer";
    return rg__fail(file->ctx, RG_DAMAGED,
                    "%s: %s has elements of an impossible type: %s of %zu bytes, %zu bits from bit "
                    "%d; expected a type that machines have; the file is damaged, make or fetch it "
                    "again",
                    file->path, name, what, H5Tget_size(type), H5Tget_precision(type),
                    H5Tget_offset(type));
}

void rg__h5_describe_type(hid_t type, struct rg__h5_info *info)
{
    H5T_class_t class = H5Tget_class(type);
    info->class = RG__H5_OTHER;
    info->native = -1;
    info->size = info->stored = H5Tget_size(type);
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
