/* output.c: outputs: files that are replaced atomically, and streams; see output.h. */
#define _DEFAULT_SOURCE /* O_DIRECTORY, O_NOCTTY */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_TRANSFER = 1 << 30, /* bytes per call; Linux transfers at most 2 GiB */
    MAX_LINKS = 40,         /* as Linux */
    NAME_PREFIX = 200,      /* bytes of a file's name that its temporary file's name starts with */
    BLOCK = 1 << 16
};

/* ---- Resolving a path ------------------------------------------------------------------------ */

/* The descriptor that a path names, or -1. */
static int descriptor_of(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr", NULL};
    char own[64];
    snprintf(own, sizeof own, "/proc/%ld/fd/", (long)getpid());
    const char *const folders[] = {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", own};
    if (strcmp(path, "-") == 0)
        return STDOUT_FILENO;
    for (int i = 0; i < RG__COUNT(folders); i++) {
        size_t n = strlen(folders[i]);
        const char *digits = path + n;
        if (strncmp(path, folders[i], n) == 0 && strspn(digits, "0123456789") == strlen(digits) &&
            *digits && strlen(digits) < 10)
            return (int)strtol(digits, NULL, 10);
    }
    return rg__find_name(names, path);
}

/* The target `to` of the link at `path`; a relative one starts from the link's folder. */
static char *link_target(rg_context *ctx, const char *path, const char *to)
{
    const char *slash = strrchr(path, '/');
    size_t n = to[0] == '/' || !slash ? 0 : (size_t)(slash - path) + 1, room = n + strlen(to) + 3;
    char *joined = rg__alloc(ctx, (int64_t)room, 1, "a file name");
    if (joined) /* "./": a link to "-" does not mean standard output */
        snprintf(joined, room, "%.*s%s%s", (int)n, path, n || to[0] == '/' ? "" : "./", to);
    return joined;
}

/* Replaces *path by the target of the link as long as it is a symbolic link. */
static rg_status follow_links(rg_context *ctx, char **path)
{
    char to[PATH_MAX + 1];
    for (int i = 0; i < MAX_LINKS; i++) {
        if (descriptor_of(*path) >= 0)
            return RG_OK;
        ssize_t n = ctx->files->readlink(*path, to, sizeof to - 1);
        if (n < 0 && (errno == EINVAL || errno == ENOENT)) /* not a link, or no file */
            return RG_OK;
        if (n < 0)
            return rg__fail_errno(ctx, *path, "write", errno);
        to[n] = '\0';
        char *next = link_target(ctx, *path, to);
        if (!next)
            return RG_LIMIT;
        rg__free(ctx, *path);
        *path = next;
    }
    return rg__fail_errno(ctx, *path, "write", ELOOP);
}

/* Finds what to->target is; `path` is for messages. */
static rg_status inspect(rg_context *ctx, const char *path, struct rg__destination *to)
{
    to->descriptor = descriptor_of(to->target);
    if (to->descriptor >= 0) {
        to->exists = to->stream = true;
        return ctx->files->fstat(to->descriptor, &to->st) == 0
                   ? RG_OK
                   : rg__fail_errno(ctx, path, "write", errno);
    }
    rg_status status = rg__stat_path(ctx, to->target, &to->exists, &to->st);
    if (status != RG_OK || !to->exists)
        return status;
    if (S_ISDIR(to->st.st_mode))
        return rg__fail_errno(ctx, path, "write", EISDIR);
    if (S_ISSOCK(to->st.st_mode))
        return rg__fail(ctx, RG_USAGE, "%s: is a socket; expected a file, a pipe or a device",
                        path);
    to->stream = !S_ISREG(to->st.st_mode);
    return RG_OK;
}

rg_status rg__output_resolve(rg_context *ctx, const char *path, struct rg__destination *to)
{
    *to = (struct rg__destination){.descriptor = -1};
    if (path[0] == '\0')
        return rg__fail(
            ctx, RG_USAGE,
            "the output's name is empty; expected a path, or \"-\" for standard output");
    to->target = rg__strdup(ctx, path);
    if (!to->target)
        return RG_LIMIT;
    rg_status status = follow_links(ctx, &to->target);
    if (status == RG_OK)
        status = inspect(ctx, path, to);
    if (status != RG_OK) {
        rg__free(ctx, to->target);
        to->target = NULL;
    }
    return status;
}

/* Whether two files, which may not exist yet, have the same name in the same folder. */
static rg_status same_name(rg_context *ctx, const char *a, const char *b, bool *same)
{
    const char *paths[] = {a, b};
    const char *names[2];
    struct stat st[2];
    *same = false;
    for (int i = 0; i < 2; i++) {
        const char *slash = strrchr(paths[i], '/');
        bool exists = false;
        char *folder = slash ? rg__strndup(ctx, paths[i], (size_t)(slash - paths[i]) + 1)
                             : rg__strdup(ctx, ".");
        rg_status status = folder ? rg__stat_path(ctx, folder, &exists, &st[i]) : RG_LIMIT;
        rg__free(ctx, folder);
        if (status != RG_OK || !exists)
            return status;
        names[i] = slash ? slash + 1 : paths[i];
    }
    *same = st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino &&
            strcmp(names[0], names[1]) == 0;
    return RG_OK;
}

rg_status rg_output_same(rg_context *ctx, const char *a, const char *b, bool *same)
{
    struct rg__destination to_a = {0}, to_b = {0};
    rg_status status = rg__require(ctx, "rg_output_same", "a", a, "b", b, "same", same, NULL);
    if (status != RG_OK)
        return status;
    *same = false;
    status = rg__output_resolve(ctx, a, &to_a);
    if (status == RG_OK)
        status = rg__output_resolve(ctx, b, &to_b);
    if (status == RG_OK && (to_a.descriptor >= 0 || to_b.descriptor >= 0))
        *same = to_a.descriptor == to_b.descriptor;
    else if (status == RG_OK && !to_a.stream && !to_b.stream)
        status = same_name(ctx, to_a.target, to_b.target, same);
    rg__free(ctx, to_a.target);
    rg__free(ctx, to_b.target);
    return status;
}

bool rg_output_is_stdout(rg_context *ctx, const char *path)
{
    struct rg__destination to;
    struct stat st;
    if (rg__require(ctx, "rg_output_is_stdout", "path", path, NULL) != RG_OK ||
        rg__output_resolve(ctx, path, &to) != RG_OK)
        return false;
    rg__free(ctx, to.target);
    return to.stream && ctx->files->fstat(STDOUT_FILENO, &st) == 0 && st.st_dev == to.st.st_dev &&
           st.st_ino == to.st.st_ino;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Creates a temporary file in the folder of `path`; *name is allocated. RG_IO if that fails, in a
 * message that names `shown`. */
static rg_status create_temporary(rg_context *ctx, const char *shown, const char *path, mode_t mode,
                                  char **name, int *fd)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, room = strlen(path) + 64;
    *name = rg__alloc(ctx, (int64_t)room, 1, "a file name");
    if (!*name)
        return RG_LIMIT;
    for (int n = 0; n < 1000; n++) {
        snprintf(*name, room, "%.*s%.*s.tmp-%ld-%d", (int)folder, path, (int)NAME_PREFIX,
                 path + folder, (long)getpid(), n);
        *fd = ctx->files->open(*name, O_RDWR | O_CREAT | O_EXCL, mode);
        if (*fd >= 0)
            return RG_OK;
        if (errno != EEXIST)
            break;
    }
    int error = errno;
    rg__free(ctx, *name);
    *name = NULL;
    bool denied = error == EACCES || error == EPERM || error == EROFS;
    return rg__fail_errno(ctx, shown, denied ? "create a file in its folder" : "write", error);
}

/* Gives the temporary file the owner, group, mode, ACL and user attributes of the file that it will
 * replace. If the group or the ACL cannot be set, the group gets only the permissions of others. */
static void copy_owner_and_mode(struct rg__output *out, const struct stat *st)
{
    const struct rg__files *files = out->ctx->files;
    mode_t mode = st->st_mode & 07777;
    bool group_set = files->fchown(out->fd, st->st_uid, st->st_gid) == 0;
    if (!group_set) {
        mode &= (mode_t) ~(S_ISUID | S_ISGID);
        group_set = files->fchown(out->fd, (uid_t)-1, st->st_gid) == 0;
    }
    if (files->copy_attributes(out->target, out->fd) != 0 || !group_set)
        mode &= (mode_t)~S_IRWXG | (mode & S_IRWXO) << 3;
    if (files->fchmod(out->fd, mode) != 0)
        out->error = errno;
}

static rg_status open_stream(struct rg__output *out, const struct rg__destination *to)
{
    const struct rg__files *files = out->ctx->files;
    out->stream = to->descriptor >= 0 ? files->dup(to->descriptor)
                                      : files->open(to->target, O_WRONLY | O_NOCTTY, 0);
    if (out->stream >= 0)
        return RG_OK;
    int error = errno;
    rg_status status = error == EINTR ? rg__cancelled(out->ctx) : RG_OK;
    return status == RG_OK ? rg__fail_errno(out->ctx, out->path, "write", error) : status;
}

rg_status rg__output_begin(rg_context *ctx, const char *path, struct rg__output *out)
{
    struct rg__destination to;
    *out = (struct rg__output){.ctx = ctx, .fd = -1, .stream = -1};
    rg_status status = rg__output_resolve(ctx, path, &to);
    if (status != RG_OK)
        return status;
    out->target = to.target;
    out->is_stream = to.stream;
    out->path = rg__strdup(ctx, strcmp(path, "-") == 0 ? "standard output" : path);
    if (!out->path)
        status = RG_LIMIT;
    else if (to.stream)
        status = open_stream(out, &to);
    else /* 0600: private until it has the mode of the file that it replaces */
        status = create_temporary(ctx, path, to.target, to.exists ? 0600 : 0666, &out->temporary,
                                  &out->fd);
    if (status == RG_OK && !to.stream && to.exists)
        copy_owner_and_mode(out, &to.st);
    if (status != RG_OK)
        rg__output_abandon(out);
    return status;
}

/* Opens a file without a name in the folder of `path`; messages name `shown`. */
static rg_status open_unnamed(rg_context *ctx, const char *shown, const char *path, int *fd)
{
    char *name;
    rg_status status = create_temporary(ctx, shown, path, 0600, &name, fd);
    if (status != RG_OK)
        return status;
    if (ctx->files->unlink(name) != 0) {
        status = rg__fail_errno(ctx, name, "remove", errno);
        ctx->files->close(*fd);
        *fd = -1;
    }
    rg__free(ctx, name);
    return status;
}

static rg_status open_unnamed_in_tmp(rg_context *ctx, int *fd)
{
    const char *folder = getenv("TMPDIR");
    folder = folder && *folder ? folder : "/tmp";
    size_t room = strlen(folder) + 16;
    char *path = rg__alloc(ctx, (int64_t)room, 1, "a file name");
    if (!path)
        return RG_LIMIT;
    snprintf(path, room, "%s/rankgrad", folder);
    rg_status status = open_unnamed(ctx, folder, path, fd);
    rg__free(ctx, path);
    return status;
}

rg_status rg__output_scratch_file(rg_context *ctx, const char *path, int *fd)
{
    struct rg__destination to;
    *fd = -1;
    rg_status status = rg__output_resolve(ctx, path, &to);
    if (status != RG_OK)
        return status;
    status = to.stream ? open_unnamed_in_tmp(ctx, fd) : open_unnamed(ctx, path, to.target, fd);
    rg__free(ctx, to.target);
    return status;
}

rg_status rg__output_stage(struct rg__output *out)
{
    return out->fd >= 0 ? RG_OK : open_unnamed_in_tmp(out->ctx, &out->fd);
}

rg_status rg_output_begin(rg_context *ctx, const char *path, rg_output **out)
{
    rg_status status = rg__require(ctx, "rg_output_begin", "path", path, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = rg__alloc(ctx, 1, sizeof **out, "an output");
    if (!*out)
        return RG_LIMIT;
    status = rg__output_begin(ctx, path, *out);
    if (status != RG_OK) {
        rg__free(ctx, *out);
        *out = NULL;
    }
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void store_error(struct rg__output *out, bool failed)
{
    if (failed && out->error == 0)
        out->error = errno;
}

/* Writes at an offset, or to the stream if that is -1; returns the bytes written, 0 on failure. */
static size_t write_part(struct rg__output *out, const char *from, size_t size, int64_t offset)
{
    const struct rg__files *files = out->ctx->files;
    size_t part = size < MAX_TRANSFER ? size : MAX_TRANSFER;
    for (;;) {
        ssize_t n = offset < 0 ? files->write(out->stream, from, part)
                               : files->pwrite(out->fd, from, part, (off_t)offset);
        /* a write to a stream blocks until its reader reads, so it must be interruptible */
        if (n < 0 && errno == EINTR && (offset >= 0 || rg__cancelled(out->ctx) == RG_OK))
            continue;
        if (n < 0 && errno == EINTR)
            errno = ECANCELED;
        if (n == 0)
            errno = ENOSPC;
        store_error(out, n <= 0);
        return n > 0 ? (size_t)n : 0;
    }
}

void rg__output_write(struct rg__output *out, const void *from, size_t size, int64_t offset)
{
    const char *at = from;
    while (size > 0 && out->error == 0) {
        size_t n = write_part(out, at, size, offset);
        at += n;
        offset += offset < 0 ? 0 : (int64_t)n;
        size -= n;
    }
}

void rg_output_write(rg_output *out, const void *from, size_t size)
{
    if (!out)
        return;
    if (size > PTRDIFF_MAX || (!from && size > 0)) {
        out->error = out->error ? out->error : EINVAL;
        return;
    }
    rg__output_write(out, from, size, out->is_stream ? -1 : out->end);
    out->end += (int64_t)size;
}

void rg__output_truncate(struct rg__output *out, int64_t size)
{
    if (out->error == 0)
        store_error(out, out->ctx->files->ftruncate(out->fd, (off_t)size) != 0);
}

/* ---- Committing ------------------------------------------------------------------------------ */

static void copy_staging_file(struct rg__output *out)
{
    char block[BLOCK];
    for (int64_t at = 0; out->error == 0;) {
        ssize_t n = out->ctx->files->pread(out->fd, block, sizeof block, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        store_error(out, n < 0);
        if (n <= 0)
            return;
        rg__output_write(out, block, (size_t)n, -1);
        at += n;
    }
}

/* Everything that commonly fails, which is all but the rename. */
static void finish(struct rg__output *out)
{
    const struct rg__files *files = out->ctx->files;
    int *fd = out->is_stream ? &out->stream : &out->fd;
    if (out->is_stream && out->fd >= 0)
        copy_staging_file(out);
    else if (!out->is_stream && out->error == 0)
        store_error(out, files->fsync(out->fd) != 0);
    if (out->error != 0)
        return;
    int closing = *fd;
    *fd = -1;
    store_error(out, files->close(closing) != 0);
}

/* Makes a hard link to the old target, so that it can be restored. Without a backup (not every file
 * system has hard links) it cannot be. False when out of memory. */
static bool make_backup(struct rg__output *out)
{
    size_t room = strlen(out->temporary) + 8;
    out->backup = rg__alloc(out->ctx, (int64_t)room, 1, "a file name");
    if (!out->backup)
        return false;
    snprintf(out->backup, room, "%s.old", out->temporary);
    if (out->ctx->files->link(out->target, out->backup) != 0) {
        out->is_new = errno == ENOENT;
        rg__free(out->ctx, out->backup);
        out->backup = NULL;
    }
    return true;
}

static void restore_backup(struct rg__output *out)
{
    if (out->backup) /* if this fails, the old file remains under the backup's name */
        out->ctx->files->rename(out->backup, out->target);
    else if (out->is_new)
        out->ctx->files->unlink(out->target);
    rg__free(out->ctx, out->backup);
    out->backup = NULL;
}

/* Makes the rename durable. Failure is ignored: some file systems cannot fsync a folder. */
static void sync_folder(struct rg__output *out)
{
    char *slash = strrchr(out->target, '/');
    if (slash)
        slash[1] = '\0';
    int fd = out->ctx->files->open(slash ? out->target : ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return;
    out->ctx->files->fsync(fd);
    out->ctx->files->close(fd);
}

static rg_status fail(struct rg__output *out)
{
    if (out->error == ECANCELED && rg__cancelled(out->ctx) != RG_OK)
        return RG_CANCELLED;
    return rg__fail_errno(out->ctx, out->path, "write", out->error);
}

/* Renames the temporary files in order; returns the index of the first that failed, or n. */
static int rename_all(rg_output *const *outs, int n)
{
    for (int i = 0; i < n; i++) {
        struct rg__output *out = outs[i];
        if (out->is_stream)
            continue;
        if (i < n - 1 && !make_backup(out))
            out->error = ENOMEM;
        else
            store_error(out, out->ctx->files->rename(out->temporary, out->target) != 0);
        if (out->error != 0)
            return i;
        rg__free(out->ctx, out->temporary);
        out->temporary = NULL;
    }
    return n;
}

rg_status rg_output_commit(rg_output *const *outs, int n)
{
    rg_status status = n < 0 || (n > 0 && !outs) ? RG_USAGE : RG_OK;
    for (int i = 0; i < n && status == RG_OK; i++)
        status = outs[i] ? RG_OK : RG_LIMIT;
    for (int i = 0; i < n && status == RG_OK; i++) {
        finish(outs[i]);
        status = outs[i]->error ? fail(outs[i]) : RG_OK;
    }
    if (status != RG_OK)
        return status;
    int failed = rename_all(outs, n);
    if (failed < n)
        status = fail(outs[failed]);
    for (int i = 0; i < n; i++) {
        struct rg__output *out = outs[i];
        if (!out->is_stream && i < failed && failed < n)
            restore_backup(out);
        if (out->backup)
            out->ctx->files->unlink(out->backup);
        if (!out->is_stream && failed == n)
            sync_folder(out);
    }
    return status;
}

rg_status rg__output_commit(struct rg__output *out)
{
    rg_status status = rg_output_commit(&out, 1);
    rg__output_abandon(out);
    return status;
}

void rg__output_abandon(struct rg__output *out)
{
    if (!out->ctx)
        return;
    if (out->fd >= 0)
        out->ctx->files->close(out->fd);
    if (out->stream >= 0)
        out->ctx->files->close(out->stream);
    if (out->temporary)
        out->ctx->files->unlink(out->temporary);
    rg__free(out->ctx, out->temporary);
    rg__free(out->ctx, out->backup);
    rg__free(out->ctx, out->target);
    rg__free(out->ctx, out->path);
    *out = (struct rg__output){.fd = -1, .stream = -1};
}

void rg_output_destroy(rg_output *out)
{
    if (!out)
        return;
    rg_context *ctx = out->ctx;
    rg__output_abandon(out);
    rg__free(ctx, out);
}
