/* blas_threads.h (internal): OpenBLAS's one setting for the whole process. */
#ifndef RG_TENSOR_BLAS_THREADS_H
#define RG_TENSOR_BLAS_THREADS_H

/* Sets the number of threads OpenBLAS uses and returns the old one. */
int rg__blas_set_threads(int n);

#endif
