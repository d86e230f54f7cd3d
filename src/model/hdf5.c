/* hdf5.c: model files in HDF5: every array is a data set, every string a data set of strings. */
#include "hdf5/h5.h"
#include "model/format.h"

#include <string.h>

/* ---- Writing ---- */

struct writer {
    rg_context *ctx;
    struct rg__h5_writer *h5;
    char group[32]; /* the last one that was written; "": none */
};

static rg_status begin(rg_output *out, const char *version, void **writer)
{
    struct writer *w = rg__alloc(out->ctx, 1, sizeof *w, "a model file");
    if (!w)
        return RG_LIMIT;
    w->ctx = out->ctx;
    rg_status status = rg__h5_begin_in(out, false, &w->h5);
    if (status != RG_OK) {
        rg__free(out->ctx, w);
        return status;
    }
    rg__h5_write_attribute(w->h5, "/", "format", RG__MODEL_FORMAT);
    rg__h5_write_attribute(w->h5, "/", "format_version", version);
    *writer = w;
    return RG_OK;
}

/* The group of "/group/name" before its first member. */
static void write_numbers(void *writer, const char *name, rg_dtype dtype, int ndim,
                          const int64_t *dims, const void *data)
{
    struct writer *w = writer;
    size_t n = (size_t)(strrchr(name, '/') - name);
    if (n > 0 && n < sizeof w->group && (strncmp(w->group, name, n) != 0 || w->group[n])) {
        memcpy(w->group, name, n);
        w->group[n] = '\0';
        rg__h5_write_group(w->h5, w->group);
    }
    rg__h5_write(w->h5, name, dtype, ndim, dims, data);
}

static void write_strings(void *writer, const char *name, int64_t count, const char *const *strings)
{
    rg__h5_write_strings(((struct writer *)writer)->h5, name, count, strings);
}

static rg_status commit(void *writer)
{
    struct writer *w = writer;
    rg_status status = rg__h5_commit(w->h5);
    rg__free(w->ctx, w);
    return status;
}

/* ---- Reading ---- */

static void close_file(void *file)
{
    rg__h5_close(file);
}

static rg_status open_file(rg_context *ctx, const char *path, void **file, char **format,
                           char **version)
{
    struct rg__h5 *h5;
    int n_checked;
    *file = *format = *version = NULL;
    rg_status status = rg__h5_open(ctx, path, &h5);
    if (status != RG_OK)
        return status;
    *file = h5;
    status = rg__h5_read_attribute(h5, "/", "format", format);
    if (status == RG_OK)
        status = rg__h5_read_attribute(h5, "/", "format_version", version);
    if (status == RG_OK && *format && strcmp(*format, RG__MODEL_FORMAT) == 0)
        status = rg__h5_verify(h5, &n_checked);
    return status;
}

static rg_status describe(void *file, const char *name, struct rg__entry *entry)
{
    enum rg__h5_kind kind;
    struct rg__h5_info info;
    *entry = (struct rg__entry){RG__ENTRY_ABSENT, 0};
    rg_status status = rg__h5_kind(file, name, &kind);
    if (status != RG_OK || kind == RG__H5_ABSENT)
        return status;
    entry->class = RG__ENTRY_OTHER;
    if (kind == RG__H5_DATASET)
        status = rg__h5_describe(file, name, &info);
    if (status != RG_OK || kind != RG__H5_DATASET)
        return status;
    entry->count = info.count;
    entry->class = info.class == RG__H5_INTEGER  ? RG__ENTRY_INTEGERS
                   : info.class == RG__H5_FLOAT  ? RG__ENTRY_FLOATS
                   : info.class == RG__H5_STRING ? RG__ENTRY_STRINGS
                                                 : RG__ENTRY_OTHER;
    return RG_OK;
}

static rg_status read_numbers(void *file, const char *name, rg_dtype dtype, int64_t count, void *to)
{
    return rg__h5_read(file, name, dtype, count, to);
}

static rg_status read_strings(void *file, const char *name, int64_t count, char ***out)
{
    return rg__h5_read_strings(file, name, count, out);
}

const struct rg__model_format rg__model_hdf5 = {.begin = begin,
                                                .write = write_numbers,
                                                .write_strings = write_strings,
                                                .commit = commit,
                                                .open = open_file,
                                                .describe = describe,
                                                .read = read_numbers,
                                                .read_strings = read_strings,
                                                .close = close_file};
