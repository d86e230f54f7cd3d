/* stream.h (internal): the bytes of a text file from front to back, plain or gzip. */
#ifndef RG_DATA_TEXT_STREAM_H
#define RG_DATA_TEXT_STREAM_H

#include "base/base.h"

#include <zlib.h>

/* A file being read. Zeroed by the caller, closed by rg__stream_close in any state. */
struct rg__stream {
    rg_context *ctx; /* the owner's; while reading, the reader's */
    const struct rg__files *files;
    const char *path; /* the caller's; "-" is standard input */
    int fd;
    bool opened;
    bool gzip;            /* by its first two bytes */
    bool member;          /* inside a gzip member: the end of the file would come too early */
    z_stream z;           /* next_in, avail_in: what is read and not yet handed out */
    unsigned char *input; /* buffer of raw bytes */
    bool at_end;          /* the file has no more raw bytes */
};

/* How messages call the file: its path, "standard input" for "-". */
const char *rg__stream_name(const char *path);

/* RG_IO when it cannot be opened or read. */
rg_status rg__stream_open(rg_context *ctx, const char *path, struct rg__stream *stream);

/* Reads up to `room` bytes (> 0); *n is 0 at the end only. RG_IO when reading fails, RG_DAMAGED
 * for broken gzip data; reported in ctx, which may be a worker\'s. */
rg_status rg__stream_read(rg_context *ctx, struct rg__stream *stream, void *to, size_t room,
                          size_t *n);

void rg__stream_close(struct rg__stream *stream);

#endif
