/* output.h: where results are written.
 *
 * A path leads to a file or to a stream; links are followed first, and stay. A file appears whole
 * or not at all: everything is written to a temporary beside it (NAME.tmp-PID-N), flushed to the
 * disk, and renamed over it; mode, owner, group, access list and user attributes of the file that
 * is replaced are kept as far as the system allows. "-", /dev/stdout, /dev/stderr, /dev/fd/N and
 * whatever is no regular file (a pipe, FIFO or device) are streams: written to in order, never
 * renamed over. docs/outputs.md has the rule for every kind of path.
 */
#ifndef RANKGRAD_OUTPUT_H
#define RANKGRAD_OUTPUT_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg__output rg_output;

typedef struct rg_output_options {
    const char
        *format; /* what is to be written: "rankgrad-model" or "rankgrad-dataset" (HDF5), ... */
    const char *header; /* ... or a text that begins so; both NULL: nothing that is recognised */
    bool force;         /* any file may be replaced, but for an input */
    const char *const
        *inputs; /* (n_inputs) paths of files that are read; NULL entries are skipped */
    int n_inputs;
} rg_output_options;

/* Looks, before long work, whether `path` can be written, and whether what stands there may be
 * replaced. RG_IO: a directory, or its folder is missing or cannot be written. RG_USAGE: a socket;
 * one of the inputs (same device and inode) or a file that is read beside one; and without `force`
 * a file that is neither empty nor of that format or header, that nobody may write, or that has
 * other names (hard links). RG_DAMAGED: the same for a damaged HDF5 file, whatever it held. NULL
 * options: nothing may be replaced. */
RG_API rg_status rg_output_check(rg_context *ctx, const char *path,
                                 const rg_output_options *options);

/* Opens an output, without the checks above. *out is the caller's, ended by rg_output_destroy. */
RG_API rg_status rg_output_begin(rg_context *ctx, const char *path, rg_output **out);

/* Appends bytes. Errors are remembered and reported by rg_output_commit. */
RG_API void rg_output_write(rg_output *out, const void *from, size_t size);

/* Makes n outputs appear together, in their order, or none of them: all are written and flushed
 * before the first is renamed, and a failing rename puts back what was there. (A process that is
 * killed between two renames leaves the first output new and the second old. What a stream has got
 * cannot be taken back.) The outputs remain the caller's. */
RG_API rg_status rg_output_commit(rg_output *const *outs, int n);

/* Ends an output; if it was not committed, nothing is left of it. NULL is allowed. */
RG_API void rg_output_destroy(rg_output *out);

/* Whether a path leads to the stream that is standard output: nothing else belongs there then. */
RG_API bool rg_output_is_stdout(rg_context *ctx, const char *path);

/* Whether two paths lead to the same file or the same descriptor, which need not exist. */
RG_API rg_status rg_output_same(rg_context *ctx, const char *a, const char *b, bool *same);

#ifdef __cplusplus
}
#endif
#endif
