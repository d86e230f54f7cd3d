/* output.h (internal): outputs as the library's own files write them; see rankgrad/output.h. */
#ifndef RG_BASE_OUTPUT_H
#define RG_BASE_OUTPUT_H

#include "base/file.h"

#include <rankgrad/output.h>

/* Where a path leads. */
struct rg__destination {
    char *target;   /* the path with links followed; ended by rg__free */
    int descriptor; /* that it names; -1: none */
    bool exists;
    bool stream; /* written to, never replaced */
    struct stat st;
};

/* Follows a path. RG_USAGE for an empty one and for a socket, RG_IO for a directory. On failure
 * target is NULL. */
rg_status rg__output_resolve(rg_context *ctx, const char *path, struct rg__destination *to);

/* An output under way. Write errors are remembered, not returned: the first one is reported by
 * rg__output_commit, so that a library in between (libhdf5) never sees a failure. */
struct rg__output {
    rg_context *ctx;
    char *path;      /* for messages */
    char *target;    /* the file that will be replaced */
    char *temporary; /* PATH.tmp-<pid>-<n> in the same folder; NULL: none of ours is there */
    char *backup;    /* what the target was, while several are committed; NULL: none is kept */
    int fd;          /* of the temporary, or of a stream's draft; -1: not open */
    int stream;      /* -1: not open */
    bool is_stream;  /* else it is a file */
    bool is_new;     /* while several are committed: there was no target */
    int64_t end;     /* where rg_output_write appends */
    int error;       /* errno of the first failed operation; 0: none */
};

/* Opens the temporary or the stream; RG_IO when that fails. */
rg_status rg__output_begin(rg_context *ctx, const char *path, struct rg__output *out);

/* For what is not written in order: a stream gets a draft, a file without a name, that is copied to
 * it by commit. RG_IO when there is no place for one. */
rg_status rg__output_stage(struct rg__output *out);

void rg__output_write(struct rg__output *out, const void *from, size_t size, int64_t offset);
void rg__output_truncate(struct rg__output *out, int64_t size);

/* fsync, rename over the target, fsync of the folder; a stream gets its draft. On failure the
 * temporary is removed, the target is as it was, and the first error is reported. */
rg_status rg__output_commit(struct rg__output *out);

/* Removes the temporary, if there is one. Safe after commit and on a zeroed struct. */
void rg__output_abandon(struct rg__output *out);

/* Opens a file without a name where an output's temporary would be; for a stream in $TMPDIR or
 * /tmp. */
rg_status rg__output_scratch_file(rg_context *ctx, const char *path, int *fd);

#endif
