/* dataset.c: data sets as handles: who owns what, opening by content, and outputs that would
 * destroy something. */
#define _GNU_SOURCE /* O_PATH */

#include "data/dataset.h"

#include "base/file.h"
#include "data/layout.h"
#include "data/side_files.h"
#include "data/text.h"
#include "io/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const char *const rg__split_names[RG__MAX_SPLITS + 1] = {"train", "vali", "test", NULL};

rg_dataset_options rg_dataset_options_default(void)
{
    return (rg_dataset_options){.needs_lists = true};
}

rg_write_options rg_write_options_default(void)
{
    return (rg_write_options){0};
}

rg_dataset *rg__dataset_new(rg_context *ctx, const char *path)
{
    rg_dataset *dataset = rg__alloc(ctx, 1, sizeof *dataset, "a data set");
    if (!dataset)
        return NULL;
    dataset->ctx = ctx;
    dataset->path = rg__strdup(ctx, path);
    if (dataset->path)
        return dataset;
    rg_dataset_close(dataset);
    return NULL;
}

void *rg__own(rg_dataset *dataset, void *block)
{
    if (!block)
        return NULL;
    void *blocks = dataset->blocks;
    if (!rg__grow(dataset->ctx, &blocks, &dataset->room, dataset->n_blocks + 1, sizeof(void *),
                  "a data set")) {
        rg__free(dataset->ctx, block);
        return NULL;
    }
    dataset->blocks = blocks;
    dataset->blocks[dataset->n_blocks++] = block;
    return block;
}

void *rg__own_new(rg_dataset *dataset, int64_t count, size_t size, const char *what)
{
    return rg__own(dataset, rg__alloc(dataset->ctx, count, size, what));
}

/* Tells what stands at a path; *there false: nothing. It is not opened for that: whoever opens a
 * pipe and closes it again ends its writer. */
static rg_status look_at(rg_context *ctx, const char *path, bool *there, struct stat *st)
{
    int fd = ctx->files->open(path, O_PATH, 0);
    *there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? RG_OK : rg__fail_errno(ctx, path, "look at it", errno);
    rg_status status = RG_OK;
    if (ctx->files->fstat(fd, st) != 0)
        status = rg__fail_errno(ctx, path, "look at it", errno);
    rg__close_input(ctx, fd);
    return status;
}

rg_status rg_file_is_hdf5(rg_context *ctx, const char *path, bool *yes)
{
    bool there;
    struct stat st;
    *yes = false;
    if (strcmp(path, "-") == 0)
        return RG_OK;
    rg_status status = look_at(ctx, path, &there, &st);
    if (status != RG_OK || (there && !S_ISREG(st.st_mode)))
        return status;
    return rg__h5_recognise(ctx, path, yes);
}

rg_status rg_dataset_open(rg_context *ctx, const char *path, const rg_dataset_options *options,
                          rg_dataset **out)
{
    rg_dataset_options defaults = rg_dataset_options_default();
    bool is_hdf5;
    *out = NULL;
    rg_status status = rg_file_is_hdf5(ctx, path, &is_hdf5);
    if (status != RG_OK)
        return status;
    if (!options)
        options = &defaults;
    if (is_hdf5 && (options->group_path || options->zero_based))
        return rg__fail(ctx, RG_USAGE, "%s: is HDF5, but %s is for text", path,
                        options->group_path ? "--group" : "--zero-based");
    rg_dataset *dataset = rg__dataset_new(ctx, path);
    if (!dataset)
        return RG_LIMIT;
    status = is_hdf5 ? rg__hdf5_open(dataset, options) : rg__text_open(ctx, path, options, dataset);
    if (status != RG_OK) {
        rg_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return RG_OK;
}

void rg_dataset_close(rg_dataset *dataset)
{
    if (!dataset)
        return;
    rg_context *ctx = dataset->ctx;
    if (dataset->map)
        ctx->files->munmap(dataset->map, dataset->map_size);
    for (int64_t i = 0; i < dataset->n_blocks; i++)
        rg__free(ctx, dataset->blocks[i]);
    rg__free(ctx, dataset->blocks);
    rg__free(ctx, dataset->path);
    rg__free(ctx, dataset);
}

const rg_split *rg_dataset_split_at(const rg_dataset *dataset, int i)
{
    return i >= 0 && i < dataset->n_splits ? &dataset->splits[i] : NULL;
}

const rg_split *rg_dataset_find(const rg_dataset *dataset, const char *name)
{
    for (int i = 0; i < dataset->n_splits; i++)
        if (strcmp(dataset->splits[i].name, name) == 0)
            return &dataset->splits[i];
    return NULL;
}

const char *rg_dataset_path(const rg_dataset *dataset)
{
    return dataset->path;
}

rg_status rg_dataset_verify(rg_context *ctx, const char *path, int *n_checked)
{
    struct rg__h5 *file;
    int n = 0;
    rg_status status = rg__h5_open(ctx, path, &file);
    if (status == RG_OK)
        status = rg__h5_verify(file, &n);
    if (status == RG_OK && n_checked)
        *n_checked = n;
    rg__h5_close(file);
    return status;
}

/* ---- Outputs --------------------------------------------------------------------------------- */

static rg_status check_is_ours(rg_context *ctx, const char *path)
{
    struct rg__h5 *file;
    char *format = NULL;
    rg_status status = rg__h5_open(ctx, path, &file);
    if (status == RG_OK)
        status = rg__h5_read_attribute(file, "/", "format", &format);
    bool ours = format && strncmp(format, "rankgrad-", strlen("rankgrad-")) == 0;
    rg__free(ctx, format);
    rg__h5_close(file);
    if (ours || status == RG_IO || status == RG_LIMIT)
        return status;
    return rg__fail(ctx, RG_USAGE,
                    "%s: exists and is no file of Rankgrad's; choose another name, or --force to "
                    "replace it",
                    path);
}

/* RG_USAGE when the output is the file `input`, or a file that is read beside it. */
static rg_status check_input(rg_context *ctx, const char *path, const struct stat *st,
                             const char *input)
{
    static const char *const endings[] = {"", RG__SIDE_ENDINGS};
    size_t room = strlen(input) + 16;
    char *name = rg__alloc(ctx, (int64_t)room, 1, "a file name");
    rg_status status = name ? RG_OK : RG_LIMIT;
    for (int i = 0; i < RG__COUNT(endings) && status == RG_OK; i++) {
        struct stat other;
        bool there;
        snprintf(name, room, "%s%s", input, endings[i]);
        if (look_at(ctx, name, &there, &other) != RG_OK || !there)
            continue; /* whoever reads it says what is wrong */
        if (other.st_dev == st->st_dev && other.st_ino == st->st_ino)
            status = rg__fail(ctx, RG_USAGE, "%s: the output is also the input %s; choose another",
                              path, name);
    }
    rg__free(ctx, name);
    return status;
}

/* Whether what stands at the output's path may be replaced. */
static rg_status check_existing(rg_context *ctx, const char *path, const struct stat *st,
                                bool force, const char *const *inputs, int n_inputs)
{
    if (S_ISDIR(st->st_mode))
        return rg__fail_errno(ctx, path, "write", EISDIR);
    for (int i = 0; i < n_inputs; i++) {
        rg_status status = inputs[i] ? check_input(ctx, path, st, inputs[i]) : RG_OK;
        if (status != RG_OK)
            return status;
    }
    if (!S_ISREG(st->st_mode))
        return rg__fail(ctx, RG_USAGE,
                        "%s: is a device or a pipe; an HDF5 file can only be written to a file",
                        path);
    return force || st->st_size == 0 ? RG_OK : check_is_ours(ctx, path);
}

rg_status rg_output_check(rg_context *ctx, const char *path, bool force, const char *const *inputs,
                          int n_inputs)
{
    struct rg__output trial;
    struct stat st;
    bool there;
    if (path[0] == '\0')
        return rg__fail(ctx, RG_USAGE, "the output's name is empty");
    rg_status status = look_at(ctx, path, &there, &st);
    if (status == RG_OK && there)
        status = check_existing(ctx, path, &st, force, inputs, n_inputs);
    if (status == RG_OK)
        status = rg__output_begin(ctx, path, &trial);
    if (status == RG_OK)
        rg__output_abandon(&trial);
    return status;
}
