/* file.h (internal): the table of file operations, and opening and reading of inputs.
 *
 * All file operations of the library go through the table in the context, so that tests can make
 * the k-th of them fail. */
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
    int (*dup)(int fd); /* the new descriptor is above 2 and close-on-exec */
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);
    /* copies the user.* attributes and the ACL; -1 if the ACL could not be copied */
    int (*copy_attributes)(const char *from, int fd);
    void *(*mmap)(size_t size, int fd); /* from offset 0, read-only, private; NULL on failure */
    int (*munmap)(void *address, size_t size);
};

extern const struct rg__files rg__system_files;

/* Opens a file for reading and gets its size (0 if it is not a regular file). A directory is an
 * error. The caller closes *fd with rg__close_input. */
rg_status rg__open_input(rg_context *ctx, const char *path, int *fd, int64_t *size);

/* stat() of a path; *exists is false if there is no such file. The file is not opened for I/O:
 * opening and closing a pipe would end its writer with SIGPIPE. */
rg_status rg__stat_path(rg_context *ctx, const char *path, bool *exists, struct stat *st);

/* Reads exactly `size` bytes at `offset`. RG_DAMAGED if the file is too short, RG_IO if reading
 * fails. */
rg_status rg__read_at(rg_context *ctx, const char *path, int fd, void *to, size_t size,
                      int64_t offset);

void rg__close_input(rg_context *ctx, int fd);

/* Advises the kernel to use huge pages for memory that has not been touched yet. */
void rg__advise_huge_pages(const void *data, size_t size);

/* Advises the kernel about a part of a read-only mapping: that it will be read soon, or that its
 * pages can be dropped for now (they are read from the file again when touched). */
void rg__advise_willneed(const void *data, size_t size);
void rg__advise_dontneed(const void *data, size_t size);

#endif
