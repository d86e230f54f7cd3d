/* file.h (internal): every file operation of the library.
 *
 * The one idea: operations go through a table in the context, so that tests can fail the k-th of
 * them; and an output is a temporary beside its target until it is whole, so that nothing is lost
 * and no half file is left.
 */
#ifndef RG_BASE_FILE_H
#define RG_BASE_FILE_H

#include "base/base.h"

#include <sys/stat.h>
#include <sys/types.h>

struct rg__files {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    int (*fstat)(int fd, struct stat *st);
    ssize_t (*read)(int fd, void *to, size_t size);
    ssize_t (*pread)(int fd, void *to, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *from, size_t size, off_t offset);
    int (*ftruncate)(int fd, off_t size);
    int (*fsync)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    void *(*mmap)(size_t size, int fd); /* whole file prefix, read-only, private; NULL on failure */
    int (*munmap)(void *address, size_t size);
};

extern const struct rg__files rg__system_files;

/* Opens a file for reading and tells its size (0 for what has none, a pipe). A directory is an
 * error. *fd is the caller's. */
rg_status rg__open_input(rg_context *ctx, const char *path, int *fd, int64_t *size);

/* Reads exactly `size` bytes at `offset`; fewer is RG_DAMAGED, a failing read RG_IO. */
rg_status rg__read_at(rg_context *ctx, const char *path, int fd, void *to, size_t size,
                      int64_t offset);

void rg__close_input(rg_context *ctx, int fd);

/* Advice on memory that nobody has touched: its pages are to be large. */
void rg__pages_large(const void *data, size_t size);

/* Advice on a part of a read-only mapping of a file: it will be read soon; it will not be for a
 * while, so that its pages need not stay in memory (they are read again when touched). */
void rg__pages_soon(const void *data, size_t size);
void rg__pages_later(const void *data, size_t size);

/* An output under way. Write errors are remembered, not returned: the first one is told by
 * rg__output_commit, so that a library in between (libhdf5) never sees a failure. */
struct rg__output {
    rg_context *ctx;
    char *path;
    char *temporary; /* PATH.tmp-<pid>-<n> in the same folder */
    int fd;          /* -1: not open */
    int error;       /* errno of the first failed operation; 0: none */
};

/* Opens the temporary; RG_IO when the folder cannot be written. */
rg_status rg__output_begin(rg_context *ctx, const char *path, struct rg__output *out);

void rg__output_write(struct rg__output *out, const void *from, size_t size, int64_t offset);
void rg__output_truncate(struct rg__output *out, int64_t size);

/* fsync, rename over the target, fsync of the folder. On failure the temporary is removed, the
 * target is as it was, and the first error is told. */
rg_status rg__output_commit(struct rg__output *out);

/* Removes the temporary, if there is one. Safe after commit and on a zeroed struct. */
void rg__output_abandon(struct rg__output *out);

#endif
