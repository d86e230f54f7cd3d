/* format.h (internal): the formats of model files. To file.c each is a set of named arrays of
 * numbers and strings. */
#ifndef RG_MODEL_FORMAT_H
#define RG_MODEL_FORMAT_H

#include "base/output.h"

#include <rankgrad/tensor.h>

#define RG__MODEL_FORMAT "rankgrad-model"

/* What is stored under a name. */
enum rg__entry_class {
    RG__ENTRY_ABSENT,
    RG__ENTRY_INTEGERS,
    RG__ENTRY_FLOATS,
    RG__ENTRY_STRINGS,
    RG__ENTRY_OTHER
};

struct rg__entry {
    enum rg__entry_class class;
    int64_t count; /* elements */
};

struct rg__model_format {
    /* Writing: begin, any number of arrays, commit. An error is remembered and reported by commit,
     * which frees the writer in any case. `version` is the format_version. A count of -1 is a
     * single string. */
    rg_status (*begin)(rg_output *out, const char *version, void **writer);
    void (*write)(void *writer, const char *name, rg_dtype dtype, int ndim, const int64_t *dims,
                  const void *data);
    void (*write_strings)(void *writer, const char *name, int64_t count,
                          const char *const *strings);
    rg_status (*commit)(void *writer);

    /* Reading. Open checks all checksums; *format and *version are the caller's, to be freed with
     * rg__free, or NULL. Numbers are converted to `dtype`; *out of read_strings is one block, to be
     * freed with rg__free. */
    rg_status (*open)(rg_context *ctx, const char *path, void **file, char **format,
                      char **version);
    rg_status (*describe)(void *file, const char *name, struct rg__entry *entry);
    rg_status (*read)(void *file, const char *name, rg_dtype dtype, int64_t count, void *to);
    rg_status (*read_strings)(void *file, const char *name, int64_t count, char ***out);
    void (*close)(void *file); /* NULL is allowed */
};

extern const struct rg__model_format rg__model_hdf5, rg__model_binary;

/* As open of rg__model_binary, for a file in memory; `path` is for messages. */
rg_status rg__model_binary_open_memory(rg_context *ctx, const char *path, const void *data,
                                       size_t size, void **file, char **format, char **version);

#endif
