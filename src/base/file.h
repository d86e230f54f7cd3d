/* file.h (internal): every file operation of the library goes through a table in the context, so
 * that tests can fail the k-th of them. */
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
    ssize_t (*write)(int fd, const void *from, size_t size);
    int (*ftruncate)(int fd, off_t size);
    int (*fsync)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*link)(const char *from, const char *to);
    ssize_t (*readlink)(const char *path, char *to, size_t size);
    int (*access)(const char *path, int mode);
    int (*dup)(int fd); /* above 2, closed by exec */
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);
    /* user.* and the access list; -1 when the access list could not be copied */
    int (*copy_attributes)(const char *from, int fd);
    void *(*mmap)(size_t size, int fd); /* whole file prefix, read-only, private; NULL on failure */
    int (*munmap)(void *address, size_t size);
};

extern const struct rg__files rg__system_files;

/* Opens a file for reading and tells its size (0 for what has none, a pipe). A directory is an
 * error. *fd is the caller's. */
rg_status rg__open_input(rg_context *ctx, const char *path, int *fd, int64_t *size);

/* Tells what stands at a path; *there false: nothing. It is not opened for that: whoever opens a
 * pipe and closes it again ends its writer. */
rg_status rg__stat_path(rg_context *ctx, const char *path, bool *there, struct stat *st);

/* Reads exactly `size` bytes at `offset`; fewer is RG_DAMAGED, a failing read RG_IO. */
rg_status rg__read_at(rg_context *ctx, const char *path, int fd, void *to, size_t size,
                      int64_t offset);

void rg__close_input(rg_context *ctx, int fd);

/* Advice on memory that nobody has touched: its pages are to be large. */
void rg__advise_huge_pages(const void *data, size_t size);

/* Advice on a part of a read-only mapping of a file: it will be read soon; it will not be for a
 * while, so that its pages need not stay in memory (they are read again when touched). */
void rg__advise_willneed(const void *data, size_t size);
void rg__advise_dontneed(const void *data, size_t size);

#endif
