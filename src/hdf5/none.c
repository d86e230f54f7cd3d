/* none.c: takes the place of the other files here in a build without HDF5 (RANKGRAD_HDF5=OFF): no
 * file can be opened or written, so that nothing else in h5.h is ever called. */
#include "base/file.h"
#include "base/output.h"
#include "hdf5/h5.h"

#include <stdio.h>
#include <string.h>

#define WITHOUT "this build of Rankgrad has no HDF5 (RANKGRAD_HDF5=OFF)"

rg_status rg__h5_recognise(rg_context *ctx, const char *path, bool *yes)
{
    static const char signature[8] = "\x89HDF\r\n\x1a\n";
    char start[sizeof signature];
    int fd;
    int64_t size;
    *yes = false;
    rg_status status = rg__open_input(ctx, path, &fd, &size);
    if (status != RG_OK)
        return status;
    if (size >= (int64_t)sizeof start)
        status = rg__read_at(ctx, path, fd, start, sizeof start, 0);
    rg__close_input(ctx, fd);
    *yes = status == RG_OK && size >= (int64_t)sizeof start &&
           memcmp(start, signature, sizeof start) == 0;
    return status;
}

rg_status rg__h5_open(rg_context *ctx, const char *path, struct rg__h5 **out)
{
    bool hdf5;
    *out = NULL;
    rg_status status = rg__h5_recognise(ctx, path, &hdf5);
    if (status != RG_OK)
        return status;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s: the content is %s; " WITHOUT "; expected text or a binary model", path,
                    hdf5 ? "HDF5" : "no binary model");
}

rg_status rg__h5_check_support(rg_context *ctx, const char *path)
{
    return rg__fail(
        ctx, RG_USAGE,
        "%s: is to be HDF5, but " WITHOUT "; a model whose path ends in .bin needs none", path);
}

rg_status rg__h5_begin(rg_context *ctx, const char *path, bool compress, struct rg__h5_writer **out)
{
    (void)compress;
    *out = NULL;
    return rg__h5_check_support(ctx, path);
}

rg_status rg__h5_begin_in(struct rg__output *output, bool compress, struct rg__h5_writer **out)
{
    return rg__h5_begin(output->ctx, output->path, compress, out);
}

void rg__h5_version(char *text, size_t size)
{
    snprintf(text, size, "no HDF5");
}

void rg__h5_close(struct rg__h5 *file)
{
    (void)file;
}

void rg__h5_abandon(struct rg__h5_writer *writer)
{
    (void)writer;
}

/* ---- Never called ---- */

/* clang-format off */
rg_status rg__h5_kind(struct rg__h5 *f, const char *name, enum rg__h5_kind *kind)
{ (void)f, (void)name; *kind = RG__H5_ABSENT; return RG_INTERNAL; }
const char *rg__h5_contents(struct rg__h5 *f, const char *group, char *text, size_t size)
{ (void)f, (void)group, (void)size; return text; }
uint64_t rg__h5_address(struct rg__h5 *f, const char *name)
{ (void)f, (void)name; return 0; }
rg_status rg__h5_list_links(struct rg__h5 *f, const char *group, rg__h5_see *see, void *user)
{ (void)f, (void)group, (void)see, (void)user; return RG_INTERNAL; }
rg_status rg__h5_list_attributes(struct rg__h5 *f, const char *object, rg__h5_see *see, void *user)
{ (void)f, (void)object, (void)see, (void)user; return RG_INTERNAL; }
rg_status rg__h5_describe(struct rg__h5 *f, const char *name, struct rg__h5_info *info)
{ (void)f, (void)name; *info = (struct rg__h5_info){0}; return RG_INTERNAL; }
rg_status rg__h5_read(struct rg__h5 *f, const char *name, rg_dtype dtype, int64_t n, void *to)
{ (void)f, (void)name, (void)dtype, (void)n, (void)to; return RG_INTERNAL; }
rg_status rg__h5_read_strings(struct rg__h5 *f, const char *name, int64_t n, char ***out)
{ (void)f, (void)name, (void)n; *out = NULL; return RG_INTERNAL; }
rg_status rg__h5_read_attribute(struct rg__h5 *f, const char *o, const char *name, char **out)
{ (void)f, (void)o, (void)name; *out = NULL; return RG_INTERNAL; }
rg_status rg__h5_read_attribute_i64(struct rg__h5 *f, const char *o, const char *name,
                                    int64_t n, int64_t *values, bool *found)
{ (void)f, (void)o, (void)name, (void)n, (void)values; *found = false; return RG_INTERNAL; }
rg_status rg__h5_verify(struct rg__h5 *f, int *n_checked)
{ (void)f; *n_checked = 0; return RG_INTERNAL; }
const void *rg__h5_map(struct rg__h5 *f)
{ (void)f; return NULL; }
void rg__h5_detach(struct rg__h5 *f, void **map, size_t *size)
{ (void)f; *map = NULL; *size = 0; }
void rg__h5_write_group(struct rg__h5_writer *w, const char *name)
{ (void)w, (void)name; }
void rg__h5_write(struct rg__h5_writer *w, const char *name, rg_dtype dtype, int ndim,
                  const int64_t *dims, const void *data)
{ (void)w, (void)name, (void)dtype, (void)ndim, (void)dims, (void)data; }
void rg__h5_write_strings(struct rg__h5_writer *w, const char *name, int64_t n,
                          const char *const *strings)
{ (void)w, (void)name, (void)n, (void)strings; }
void rg__h5_write_attribute(struct rg__h5_writer *w, const char *o, const char *name,
                            const char *text)
{ (void)w, (void)o, (void)name, (void)text; }
void rg__h5_write_attribute_i64(struct rg__h5_writer *w, const char *o, const char *name,
                                int64_t n, const int64_t *values)
{ (void)w, (void)o, (void)name, (void)n, (void)values; }
rg_status rg__h5_commit(struct rg__h5_writer *w)
{ (void)w; return RG_INTERNAL; }
/* clang-format on */
