/* output.h: writing output files atomically, and checking which files may be replaced.
 *
 * A path is that of a file or a stream; symbolic links are followed and kept. A file is written
 * completely or not at all: the data go to a temporary file beside it (NAME.tmp-PID-N), which is
 * flushed to the disk and renamed over it. Mode, owner, group, access list and user attributes of a
 * replaced file are kept as far as the system allows. "-", /dev/stdout, /dev/stderr, /dev/fd/N and
 * everything that is not a regular file (pipe, FIFO, device) are streams: they are written in order
 * and never replaced. docs/outputs.md has the rule for each kind of path.
 */
#ifndef RANKGRAD_OUTPUT_H
#define RANKGRAD_OUTPUT_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg__output rg_output;

typedef struct rg_output_options {
    /* What will be written, and may therefore be replaced: an HDF5 file of this format attribute
     * ("rankgrad-model", "rankgrad-dataset"), or a text that begins with this header; both NULL:
     * something that cannot be recognised. */
    const char *format, *header;
    bool force;                /* any file may be replaced, except an input */
    const char *const *inputs; /* (n_inputs) paths of files that are read; NULL is skipped */
    int n_inputs;
} rg_output_options;

/* Checks, before long work, that `path` can be written and that an existing file there may be
 * replaced. RG_IO: it is a directory, or its directory is missing or not writable. RG_USAGE: it is
 * a socket, one of the inputs (same device and inode) or a file read together with an input; or,
 * without `force`, a file that is neither empty nor of the given format or header, that has no
 * write permission, or that has other hard links. RG_DAMAGED: without `force`, a damaged HDF5 file.
 * NULL options: no file may be replaced unless it is empty. */
RG_API rg_status rg_output_check(rg_context *ctx, const char *path,
                                 const rg_output_options *options);

/* Opens an output, without the checks above. The caller owns *out. */
RG_API rg_status rg_output_begin(rg_context *ctx, const char *path, rg_output **out);

/* Appends bytes. An error is kept and returned by rg_output_commit. */
RG_API void rg_output_write(rg_output *out, const void *from, size_t size);

/* Commits n outputs in order, all or none: all are written and flushed before the first is renamed,
 * and if a rename fails, the files already replaced are restored. (A process killed between two
 * renames leaves the first output new and the second old. Data written to a stream cannot be
 * undone.) The caller still owns the outputs. */
RG_API rg_status rg_output_commit(rg_output *const *outs, int n);

/* Destroys an output and, if it was not committed, removes its temporary file. NULL is allowed. */
RG_API void rg_output_destroy(rg_output *out);

/* Whether a path is standard output, so that nothing else must be printed there. */
RG_API bool rg_output_is_stdout(rg_context *ctx, const char *path);

/* *same: whether two paths are the same file, which need not exist, or the same descriptor. */
RG_API rg_status rg_output_same(rg_context *ctx, const char *a, const char *b, bool *same);

#ifdef __cplusplus
}
#endif
#endif
