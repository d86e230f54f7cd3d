/* hdf5_files.h: small HDF5 files made with libhdf5 itself, as other programs make them, for the tests
 * of what is wrong with such files. */
#ifndef RG_TESTS_HDF5_FILES_H
#define RG_TESTS_HDF5_FILES_H

#include "hdf5_fixture.h"

#include <hdf5.h>

enum { N = 6, F = 2, Q = 3 };

/* ---- Building -------------------------------------------------------------------------------- */

/* A data set with a type of HDF5's own choice, replacing one of that name. */
static inline void put(hid_t file, const char *name, hid_t file_type, hid_t memory_type, int ndim,
                       const hsize_t *dims, hid_t creation, const void *data)
{
    H5Ldelete(file, name, H5P_DEFAULT);
    hid_t space = ndim < 0 ? H5Screate(H5S_NULL) : H5Screate_simple(ndim, dims, NULL);
    hid_t set = H5Dcreate2(file, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (data)
        H5Dwrite(set, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(set);
    H5Sclose(space);
}

static inline void put_f64(hid_t file, const char *name, hsize_t n, const double *data)
{
    put(file, name, H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 1, &n, H5P_DEFAULT, data);
}

static inline void put_i64(hid_t file, const char *name, hsize_t n, const int64_t *data)
{
    put(file, name, H5T_NATIVE_INT64, H5T_NATIVE_INT64, 1, &n, H5P_DEFAULT, data);
}

static inline void put_fixed(hid_t file, const char *name, hsize_t n, size_t size, const char *data)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_SPACEPAD);
    put(file, name, type, type, 1, &n, H5P_DEFAULT, data);
    H5Tclose(type);
}

static inline void put_attribute(hid_t file, const char *object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text));
    hid_t attribute =
        H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, text);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static const float X[N * F] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const double LABELS[N] = {0, 1, 2, 0, 1, 4};
static const int64_t QID[N] = {7, 7, 7, -3, -3, 9};

/* features, labels and qid. */
static inline void put_sound(hid_t file)
{
    hsize_t dims[2] = {N, F};
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
    put_f64(file, "labels", N, LABELS);
    put_i64(file, "qid", N, QID);
}

/* The same in a new file, with the tools that anybody has. */
static inline hid_t sound_file(const char *path)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_sound(file);
    return file;
}

static inline void put_csr(hid_t file, const char *encoding, int64_t n_indptr,
                           const int64_t *indptr, int64_t nnz, const int64_t *indices,
                           int64_t n_data)
{
    static const float data[] = {1, 2, 3, 4, 5, 6};
    hsize_t n = (hsize_t)n_data, two = 2;
    int64_t shape[2] = {N, F};
    H5Ldelete(file, "features", H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "features", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &two, NULL);
    hid_t attribute = H5Acreate2(group, "shape", H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_INT64, shape);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Gclose(group);
    if (encoding)
        put_attribute(file, "features", "encoding-type", encoding);
    put(file, "features/data", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 1, &n, H5P_DEFAULT, data);
    put_i64(file, "features/indptr", (hsize_t)n_indptr, indptr);
    put_i64(file, "features/indices", (hsize_t)nnz, indices);
}

#endif
