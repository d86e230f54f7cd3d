/* spool.c: a file that is there and has no name; see spool.h. */
#include "data/builder/spool.h"

#include "base/output.h"

#include <errno.h>

enum { ALIGNMENT = 64 };

static rg_status fail(rg_context *ctx, const struct rg__spool *spool, int error)
{
    return rg__fail_errno(ctx, spool->path, "spool rows in a file beside it", error);
}

rg_status rg__spool_open(rg_context *ctx, const char *path, struct rg__spool *spool)
{
    *spool = (struct rg__spool){.path = path};
    rg_status status = rg__output_scratch_file(ctx, path, &spool->fd);
    if (status == RG_OK)
        spool->ctx = ctx;
    return status;
}

int64_t rg__spool_reserve(struct rg__spool *spool, size_t size)
{
    int64_t offset = spool->size;
    spool->size += (int64_t)((size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return offset;
}

rg_status rg__spool_write(rg_context *ctx, const struct rg__spool *spool, const void *from,
                          size_t size, int64_t offset)
{
    struct rg__output part = {.ctx = spool->ctx, .fd = spool->fd};
    rg__output_write(&part, from, size, offset);
    return part.error ? fail(ctx, spool, part.error) : rg__cancelled(ctx);
}

rg_status rg__spool_map(struct rg__spool *spool, void **map)
{
    *map = NULL;
    if (spool->ctx->files->ftruncate(spool->fd, (off_t)spool->size) != 0)
        return fail(spool->ctx, spool, errno);
    *map = spool->ctx->files->mmap((size_t)spool->size, spool->fd);
    return *map ? RG_OK : fail(spool->ctx, spool, errno ? errno : ENOMEM);
}

void rg__spool_close(struct rg__spool *spool)
{
    if (spool->ctx)
        spool->ctx->files->close(spool->fd);
    *spool = (struct rg__spool){0};
}
