/* h5.h (internal): HDF5 files, read and written whole. Knows nothing of ranking.
 *
 * Libhdf5 is never trusted with the outside world. It reads and writes through a file
 * driver of ours (driver.c), sees only files whose superblock we have checked, prints nothing, and
 * its innermost complaint becomes part of our error message. What it would follow out of the file
 * (external links, external storage, virtual data sets, filter plugins) is refused.
 *
 * Names are absolute: "/train/features". Every failure names file and object.
 */
#ifndef RG_HDF5_H5_H
#define RG_HDF5_H5_H

#include "base/base.h"

#include <rankgrad/tensor.h>

/* ---- Reading --------------------------------------------------------------------------------- */

struct rg__h5; /* an open file; ends with rg__h5_close */

/* Whether a regular file's content carries HDF5's signature. RG_IO when it cannot be read. */
rg_status rg__h5_recognise(rg_context *ctx, const char *path, bool *yes);

/* RG_IO: missing, directory, permission. RG_BAD_DATA: not HDF5; the message says what it looks
 * like. RG_DAMAGED: truncated or inconsistent. *out is the caller's, NULL on failure. */
rg_status rg__h5_open(rg_context *ctx, const char *path, struct rg__h5 **out);
void rg__h5_close(struct rg__h5 *file); /* NULL is allowed */

enum rg__h5_kind { RG__H5_ABSENT, RG__H5_GROUP, RG__H5_DATASET, RG__H5_NAMED_TYPE };

/* What stands under a name. RG_BAD_DATA when the way there leads through an external link. */
rg_status rg__h5_kind(struct rg__h5 *file, const char *name, enum rg__h5_kind *kind);

/* "a, b, c": what a group holds, cut to the buffer; "nothing" when it is empty. Returns text. */
const char *rg__h5_contents(struct rg__h5 *file, const char *group, char *text, size_t size);

/* Where an object is in the file, which tells whether two names lead to one object; 0: nowhere. */
uint64_t rg__h5_address(struct rg__h5 *file, const char *name);

/* Called with each name, and with the address of what a hard link leads to, else 0. */
typedef void rg__h5_see(void *user, const char *name, uint64_t address);

/* The names of all links in a group, and of all attributes of an object. */
rg_status rg__h5_list_links(struct rg__h5 *file, const char *group, rg__h5_see *see, void *user);
rg_status rg__h5_list_attributes(struct rg__h5 *file, const char *object, rg__h5_see *see,
                                 void *user);

enum rg__h5_class {
    RG__H5_INTEGER = 1,
    RG__H5_FLOAT = 2,
    RG__H5_BOOL = 4, /* h5py's: an enumeration FALSE, TRUE */
    RG__H5_STRING = 8,
    RG__H5_OTHER = 16
};

/* A data set, described and its sizes checked against the file's. */
struct rg__h5_info {
    enum rg__h5_class class;
    size_t size;       /* bytes of an element as libhdf5 reads it: of a number, as in the file */
    size_t stored;     /* bytes of an element in the file */
    bool is_unsigned;  /* integers */
    bool variable;     /* strings of variable length */
    rg_dtype as_float; /* of numbers: the smallest of f16 f32 f64 that holds them; integers of up
                           to 16 bits f32, wider ones f64 */
    int native;        /* the rg_dtype whose bytes in memory these are; -1: none */
    int ndim;          /* 0: a scalar */
    int64_t dims[RG_MAX_DIMS];
    int64_t count; /* elements */
    bool chunked;
    int64_t offset; /* of the bytes in the file, where they can be mapped as `native`; else -1 */
};

rg_status rg__h5_describe(struct rg__h5 *file, const char *name, struct rg__h5_info *info);

/* Reads all `count` numbers as `dtype`, compared with their checksum if there is one, converted by
 * libhdf5 (out of range: the nearest end). An
 * unsigned 64-bit integer read as i64 keeps its bits, so that one beyond 2^63 - 1 turns negative
 * and distinct numbers stay distinct. As bool: 1 where not 0.
 * Compressed chunks are decoded by the workers; the result is the same. */
rg_status rg__h5_read(struct rg__h5 *file, const char *name, rg_dtype dtype, int64_t count,
                      void *to);

/* Reads `count` strings, fixed (padding dropped) or variable, ASCII or UTF-8, compared with their
 * checksum if there is one. *out is one block
 * (pointers, then the bytes), freed by rg__free. */
rg_status rg__h5_read_strings(struct rg__h5 *file, const char *name, int64_t count, char ***out);

/* A string attribute (scalar or of one element); *out is NULL when there is none, else the
 * caller's, freed by rg__free. RG_BAD_DATA when it is no string. */
rg_status rg__h5_read_attribute(struct rg__h5 *file, const char *object, const char *name,
                                char **out);

/* An integer attribute of n elements, unsigned 64-bit ones as rg__h5_read does; *found tells
 * whether it is there. */
rg_status rg__h5_read_attribute_i64(struct rg__h5 *file, const char *object, const char *name,
                                    int64_t n, int64_t *values, bool *found);

/* Compares every data set that has a checksum with it; *n_checked counts them: the attribute xxh3
 * of the bytes of numbers, or xxh3_text of strings, each with its final 0. RG_DAMAGED names the
 * first that differs. */
rg_status rg__h5_verify(struct rg__h5 *file, int *n_checked);

/* The file's bytes, mapped at the first call; NULL, and no error, where the system cannot map. The
 * mapping is the file's until detach takes it: then it outlives the file, and ends with
 * ctx->files->munmap(map, size). */
const void *rg__h5_map(struct rg__h5 *file);
void rg__h5_detach(struct rg__h5 *file, void **map, size_t *size); /* NULL, 0 when not mapped */

/* ---- Writing --------------------------------------------------------------------------------- */

/* A file under way: a temporary beside its target, until commit. The first failure is remembered,
 * makes the later calls do nothing, and is reported by commit. */
struct rg__h5_writer;

/* `compress`: large arrays in chunks of about 1 MiB, shuffled and deflated; else contiguous, from
 * a page boundary on. The same calls give the same bytes. */
rg_status rg__h5_begin(rg_context *ctx, const char *path, bool compress,
                       struct rg__h5_writer **out);

/* The same in an output of the caller's, who commits it after rg__h5_commit. */
struct rg__output;
rg_status rg__h5_begin_in(struct rg__output *output, bool compress, struct rg__h5_writer **out);

void rg__h5_write_group(struct rg__h5_writer *writer, const char *name);

/* A data set of numbers (dims (ndim), row-major) with the attribute xxh3 of its bytes. */
void rg__h5_write(struct rg__h5_writer *writer, const char *name, rg_dtype dtype, int ndim,
                  const int64_t *dims, const void *data);

/* A data set of `count` UTF-8 strings with the attribute xxh3_text; none is NULL. count -1: one
 * string, a scalar. */
void rg__h5_write_strings(struct rg__h5_writer *writer, const char *name, int64_t count,
                          const char *const *strings);

void rg__h5_write_attribute(struct rg__h5_writer *writer, const char *object, const char *name,
                            const char *text);
void rg__h5_write_attribute_i64(struct rg__h5_writer *writer, const char *object, const char *name,
                                int64_t n, const int64_t *values);

/* Puts the file in its place, or leaves the target as it was and tells the first failure. Either
 * way the writer has ended. */
rg_status rg__h5_commit(struct rg__h5_writer *writer);

/* "HDF5 1.10.8", the library that is loaded. */
void rg__h5_version(char *text, size_t size);

/* RG_OK; RG_USAGE, naming the path, in a build without HDF5 (none.c). */
rg_status rg__h5_check_support(rg_context *ctx, const char *path);

/* Destroys the writer and removes its temporary file. NULL is allowed. */
void rg__h5_abandon(struct rg__h5_writer *writer);

#endif
