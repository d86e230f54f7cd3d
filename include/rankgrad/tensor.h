/* tensor.h: dense tensors, sparse rows and selections of rows in memory.
 *
 * A tensor is a public struct that does not own its memory: a type, a shape and a pointer to
 * row-major, contiguous data. To make one, fill in the struct:
 *
 *   float x[6] = {1, 2, 3, 4, 5, 6};
 *   rg_tensor t = {RG_F32, 2, {2, 3}, x};
 */
#ifndef RANKGRAD_TENSOR_H
#define RANKGRAD_TENSOR_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types: name, size in bytes. Arithmetic is done in f32 and f64. f16 (IEEE binary16 in a
 * uint16_t) is a storage type; the others hold masks, labels and ids. A bool is a byte, 0 or 1. */
#define RG_DTYPE_MAP(X)                                                                            \
    X(F32, "f32", 4)                                                                               \
    X(F64, "f64", 8)                                                                               \
    X(F16, "f16", 2)                                                                               \
    X(BOOL, "bool", 1)                                                                             \
    X(U8, "u8", 1)                                                                                 \
    X(I32, "i32", 4)                                                                               \
    X(I64, "i64", 8)

typedef enum rg_dtype {
#define RG_DTYPE_ENUM(id, name, size) RG_##id,
    RG_DTYPE_MAP(RG_DTYPE_ENUM)
#undef RG_DTYPE_ENUM
        RG_DTYPE_COUNT
} rg_dtype;

#define RG_MAX_DIMS 8

typedef struct rg_tensor {
    rg_dtype dtype;
    int ndim;                  /* 0 for a scalar, at most RG_MAX_DIMS */
    int64_t dims[RG_MAX_DIMS]; /* (ndim); a tensor with a 0 among them is empty */
    void *data;                /* not owned; may be NULL when the tensor is empty */
} rg_tensor;

/* Sparse rows (N,F) in CSR form, as in SciPy and AnnData: the stored values of row r are
 * data[indptr[r]] up to data[indptr[r+1]-1], in the columns indices[...], ascending. Not owned. */
typedef struct rg_csr {
    int64_t n_rows;
    int64_t n_cols;
    const int64_t *indptr;  /* (N+1) */
    const int32_t *indices; /* (nnz) */
    rg_dtype dtype;         /* of data: f32 or f64 */
    const void *data;       /* (nnz) */
} rg_csr;

/* Consecutive rows of a matrix: first up to first + n_rows - 1. */
typedef struct rg_run {
    int64_t first, n_rows;
} rg_run;

/* Selected rows of a matrix, as runs of consecutive rows, such as the lists of a minibatch. Nothing
 * is copied or owned. */
typedef struct rg_selection {
    rg_tensor dense; /* (N,F) f16, f32 or f64 */
    rg_csr sparse;   /* used instead of dense if its indptr is not NULL */
    int64_t n_runs;
    const rg_run *runs; /* (n_runs) */
} rg_selection;

/* "f32", "i64", ...; NULL for an invalid value. Static. */
RG_API const char *rg_dtype_name(rg_dtype dtype);

/* Bytes of one element; 0 for an invalid value. */
RG_API size_t rg_dtype_size(rg_dtype dtype);

/* True for f32 and f64, the types that arithmetic is done in. */
RG_API bool rg_dtype_computes(rg_dtype dtype);

/* The number of elements, 1 for a scalar; -1 when the shape is invalid (a negative dimension, or
 * more than 2^63 - 1 bytes). */
RG_API int64_t rg_tensor_count(const rg_tensor *tensor);

/* Converts every element of `from` to the type of `to`, whose data the caller allocated and which
 * must not overlap. A number out of the target's range becomes infinite (f16, f32) or the nearest
 * end of the range (integers); NaN becomes 0 in integers; a bool is (x != 0). RG_BAD_DATA when the
 * shapes differ. */
RG_API rg_status rg_tensor_cast(rg_context *ctx, const rg_tensor *from, rg_tensor *to);

#ifdef __cplusplus
}
#endif
#endif
