/* output.h (internal): what the library itself uses to write outputs; see rankgrad/output.h. */
#ifndef RG_BASE_OUTPUT_H
#define RG_BASE_OUTPUT_H

#include "base/file.h"

#include <rankgrad/output.h>

/* What a path resolves to. */
struct rg__destination {
    char *target;   /* the path with symbolic links followed; to be freed with rg__free */
    int descriptor; /* that the path names, as in /dev/fd/N; -1: none */
    bool exists;
    bool stream; /* a pipe, FIFO or device: written to, never replaced */
    struct stat st;
};

/* Resolves a path. RG_USAGE if it is empty or a socket, RG_IO if it is a directory. On failure
 * target is NULL. */
rg_status rg__output_resolve(rg_context *ctx, const char *path, struct rg__destination *to);

/* An output that is being written. Write errors are not returned but stored, and the first is
 * reported by rg__output_commit, so that a library in between (libhdf5) never sees a failure. */
struct rg__output {
    rg_context *ctx;
    char *path;      /* for messages */
    char *target;    /* the file that will be replaced */
    char *temporary; /* PATH.tmp-<pid>-<n> in the same folder; NULL: it does not exist */
    char *backup;    /* hard link to the old target during a joint commit; NULL: none */
    int fd;          /* of the temporary file, or of a stream's staging file; -1: not open */
    int stream;      /* descriptor of the stream; -1: not open */
    bool is_stream;  /* a stream, not a file */
    bool is_new;     /* during a joint commit: the target did not exist before */
    int64_t end;     /* offset at which rg_output_write appends */
    int error;       /* errno of the first failed operation; 0: none */
};

/* Opens the temporary file or the stream; RG_IO if that fails. */
rg_status rg__output_begin(rg_context *ctx, const char *path, struct rg__output *out);

/* To be called before writing out of order: a stream gets a staging file (without a name), which
 * commit copies to it. RG_IO if that cannot be created. */
rg_status rg__output_stage(struct rg__output *out);

void rg__output_write(struct rg__output *out, const void *from, size_t size, int64_t offset);
void rg__output_truncate(struct rg__output *out, int64_t size);

/* Calls fsync, renames the temporary file over the target, and calls fsync on the folder; copies
 * the staging file to a stream. On failure the temporary file is removed, the target is unchanged,
 * and the first error is reported. */
rg_status rg__output_commit(struct rg__output *out);

/* Removes the temporary file, if there is one. Safe after commit and on a zeroed struct. */
void rg__output_abandon(struct rg__output *out);

/* Opens a file without a name in the folder of an output; for a stream in $TMPDIR or /tmp. */
rg_status rg__output_scratch_file(rg_context *ctx, const char *path, int *fd);

#endif
