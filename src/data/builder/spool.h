/* spool.h (internal): a file without a name, for what memory is not to hold.
 *
 * The file is removed from its folder as soon as it is open, so that whatever ends
 * the program, it is gone. It is written in parts, by several threads if need be, and then mapped:
 * what was spooled is an array like any other, of which the system keeps in memory what it can. */
#ifndef RG_DATA_BUILDER_SPOOL_H
#define RG_DATA_BUILDER_SPOOL_H

#include "base/base.h"

/* Zeroed: not open. Closed by rg__spool_close in any state. */
struct rg__spool {
    rg_context *ctx;  /* NULL: not open */
    const char *path; /* the caller's: what it stands beside, for messages */
    int fd;
    int64_t size; /* bytes given out */
};

/* Opens a spool in the folder of `path`; RG_IO when that cannot be written. */
rg_status rg__spool_open(rg_context *ctx, const char *path, struct rg__spool *spool);

/* The offset of so many bytes, after those reserved before. */
int64_t rg__spool_reserve(struct rg__spool *spool, size_t size);

/* Writes at an offset. RG_IO, reported in ctx, which may be a worker\'s. */
rg_status rg__spool_write(rg_context *ctx, const struct rg__spool *spool, const void *from,
                          size_t size, int64_t offset);

/* Maps all of it, read-only; what is written later is not to be seen. The mapping outlives the
 * spool, and ends with ctx->files->munmap(*map, spool->size). RG_IO. */
rg_status rg__spool_map(struct rg__spool *spool, void **map);

void rg__spool_close(struct rg__spool *spool);

#endif
