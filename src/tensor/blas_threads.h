/* blas_threads.h (internal): OpenBLAS's number of threads, which is a setting of the whole process,
 * and its version. */
#ifndef RG_TENSOR_BLAS_THREADS_H
#define RG_TENSOR_BLAS_THREADS_H

/* Sets the number of threads OpenBLAS uses and returns the old one. */
int rg__blas_set_threads(int n);

/* "OpenBLAS 0.3.21 ... Haswell MAX_THREADS=64": the library that is loaded, how it was built, and
 * the CPU core whose kernels it runs. */
const char *rg__blas_version(void);

#endif
