/* check_output.c: whether an output may be written where something else stands: nothing that is
 * read, was protected, or holds something else is replaced by accident. */
#include "base/output.h"
#include "data/magic.h"
#include "data/text/side_files.h"
#include "hdf5/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a format's files hold, for messages. */
static const char *content_of(const char *format)
{
    static const char *const known[][2] = {{"rankgrad-model", "a model"},
                                           {"rankgrad-dataset", "a data set"}};
    for (int i = 0; i < RG__COUNT(known); i++)
        if (strcmp(known[i][0], format) == 0)
            return known[i][1];
    return NULL;
}

bool rg__is_binary_path(const char *path)
{
    static const char ending[] = ".bin";
    size_t n = strlen(path);
    return n >= sizeof ending && strcmp(path + n - (sizeof ending - 1), ending) == 0;
}

rg_status rg__read_start(rg_context *ctx, const char *path, char *to, size_t most, size_t *n)
{
    int fd;
    int64_t size;
    *n = 0;
    rg_status status = rg__open_input(ctx, path, &fd, &size);
    if (status != RG_OK)
        return status;
    size_t wanted = size < (int64_t)most ? (size_t)size : most;
    status = rg__read_at(ctx, path, fd, to, wanted, 0);
    rg__close_input(ctx, fd);
    *n = status == RG_OK ? wanted : 0;
    return status;
}

/* The format that a file says it has, allocated; NULL: none, or it is of no format known here. */
static rg_status read_format(rg_context *ctx, const char *path, char **format)
{
    struct rg__h5 *file;
    char start[RG__MAGIC_SIZE];
    size_t n;
    *format = NULL;
    rg_status status = rg__read_start(ctx, path, start, sizeof start, &n);
    if (status != RG_OK)
        return status;
    if (n == sizeof start && memcmp(start, RG__MODEL_MAGIC, n) == 0) {
        *format = rg__strdup(ctx, "rankgrad-model");
        return *format ? RG_OK : RG_LIMIT;
    }
    status = rg__h5_open(ctx, path, &file);
    if (status == RG_OK)
        status = rg__h5_read_attribute(file, "/", "format", format);
    rg__h5_close(file);
    return status == RG_BAD_DATA ? RG_OK : status;
}

/* RG_USAGE unless the file holds what is to be written; RG_DAMAGED when nobody can tell. */
static rg_status check_format(rg_context *ctx, const char *path, const char *target,
                              const char *expected)
{
    char *format;
    rg_status status = read_format(ctx, target, &format);
    const char *content = format ? content_of(format) : NULL;
    if (status == RG_OK && !content)
        status = rg__fail(
            ctx, RG_USAGE,
            "%s: exists, and was not written by Rankgrad; it is only replaced with `force`", path);
    else if (status == RG_DAMAGED)
        rg__fail(ctx, status, "%s; the file is only replaced with `force`", ctx->error);
    else if (status == RG_OK && strcmp(format, expected) != 0)
        status = rg__fail(ctx, RG_USAGE, "%s: holds %s, and is only replaced by %s with `force`",
                          path, content, content_of(expected) ? content_of(expected) : expected);
    rg__free(ctx, format);
    return status;
}

/* RG_USAGE unless the file is a text that begins like what is to be written. */
static rg_status check_header(rg_context *ctx, const char *path, const char *target,
                              const char *header)
{
    char start[4096];
    size_t length = header ? strlen(header) : 0, n;
    bool same = false;
    if (length > 0 && length <= sizeof start) {
        rg_status status = rg__read_start(ctx, target, start, length, &n);
        if (status != RG_OK)
            return status;
        same = n == length && memcmp(start, header, n) == 0;
    }
    return same ? RG_OK
                : rg__fail(ctx, RG_USAGE, "%s: exists already, and is only replaced with `force`",
                           path);
}

/* RG_USAGE when the output is the file `input`, or one that is read beside it. */
static rg_status check_input(rg_context *ctx, const char *path, const struct stat *st,
                             const char *input)
{
    static const char *const endings[] = {"", RG__SIDE_ENDINGS};
    size_t room = strlen(input) + 16;
    char *name = rg__alloc(ctx, (int64_t)room, 1, "a file name");
    rg_status status = name ? RG_OK : RG_LIMIT;
    bool standard = strcmp(input, "-") == 0;
    for (int i = 0; i < (standard ? 1 : RG__COUNT(endings)) && status == RG_OK; i++) {
        struct stat other;
        bool there = false;
        snprintf(name, room, "%s%s", standard ? "/dev/stdin" : input, endings[i]);
        if (standard)
            there = ctx->files->fstat(STDIN_FILENO, &other) == 0;
        else if (rg__stat_path(ctx, name, &there, &other) != RG_OK)
            continue; /* whoever reads it says what is wrong */
        if (there && other.st_dev == st->st_dev && other.st_ino == st->st_ino)
            status = rg__fail(ctx, RG_USAGE, "%s: the output is also the input %s; choose another",
                              path, name);
    }
    rg__free(ctx, name);
    return status;
}

/* RG_USAGE for a file that is protected, or would be separated from its other names. */
static rg_status check_arranged(rg_context *ctx, const char *path, const struct rg__destination *to)
{
    if (to->st.st_nlink > 1)
        return rg__fail(ctx, RG_USAGE,
                        "%s: has %lld names (hard links), of which only this one would be "
                        "replaced, and that only with `force`",
                        path, (long long)to->st.st_nlink);
    bool refused = ctx->files->access(to->target, W_OK) != 0;
    if (refused && errno != EACCES && errno != EPERM && errno != EROFS && errno != ETXTBSY)
        return rg__fail_errno(ctx, path, "look at it", errno);
    if (refused || !(to->st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH))) /* to root, all is allowed */
        return rg__fail(ctx, RG_USAGE, "%s: is read-only, and is only replaced with `force`", path);
    return RG_OK;
}

/* Whether what stands there may be replaced, or, for a stream, written to. */
static rg_status check_existing(rg_context *ctx, const char *path, const struct rg__destination *to,
                                const rg_output_options *o)
{
    for (int i = 0; S_ISREG(to->st.st_mode) && i < o->n_inputs; i++) {
        rg_status status = o->inputs[i] ? check_input(ctx, path, &to->st, o->inputs[i]) : RG_OK;
        if (status != RG_OK)
            return status;
    }
    if (to->stream)
        return to->descriptor >= 0 || ctx->files->access(to->target, W_OK) == 0
                   ? RG_OK
                   : rg__fail_errno(ctx, path, "write", errno);
    if (o->force)
        return RG_OK;
    rg_status status = check_arranged(ctx, path, to);
    if (status != RG_OK || to->st.st_size == 0)
        return status;
    return o->format ? check_format(ctx, path, to->target, o->format)
                     : check_header(ctx, path, to->target, o->header);
}

rg_status rg_output_check(rg_context *ctx, const char *path, const rg_output_options *options)
{
    const rg_output_options none = {0};
    const rg_output_options *o = options ? options : &none;
    struct rg__destination to;
    rg_status status = rg__require(ctx, "rg_output_check", "path", path, NULL);
    if (status == RG_OK && (o->n_inputs < 0 || (o->n_inputs > 0 && !o->inputs)))
        status = rg__fail(ctx, RG_USAGE, "rg_output_check: %d inputs%s", o->n_inputs,
                          o->inputs ? "" : ", and inputs is NULL");
    if (status == RG_OK && o->format && !rg__is_binary_path(path))
        status = rg__h5_check_support(ctx, path);
    if (status == RG_OK)
        status = rg__output_resolve(ctx, path, &to);
    if (status != RG_OK)
        return status;
    if (to.exists)
        status = check_existing(ctx, path, &to, o);
    if (status == RG_OK && !to.stream) { /* whether its folder takes files */
        struct rg__output trial;
        status = rg__output_begin(ctx, path, &trial);
        if (status == RG_OK)
            rg__output_abandon(&trial);
    }
    rg__free(ctx, to.target);
    return status;
}
