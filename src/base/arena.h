/* arena.h (internal): an arena allocator, whose blocks are all freed together.
 *
 * Allocation advances an offset within a chunk of memory and reset sets it back. Each new chunk is
 * twice as large as the one before, up to 1 MiB. Reset merges all chunks into one, so that the same
 * allocations made again need no memory from the system. A request larger than the next chunk gets
 * a chunk of exactly its size, and small requests continue to use the current one.
 */
#ifndef RG_BASE_ARENA_H
#define RG_BASE_ARENA_H

#include "base/base.h"

struct rg__arena_chunk {
    struct rg__arena_chunk *next; /* full, or one large block */
    size_t size;                  /* usable bytes after this header */
    size_t used;
};

struct rg__arena {
    rg_context *ctx;
    struct rg__arena_chunk *chunks; /* new blocks are taken from the first */
};

/* Allocates `size` bytes, valid until the next reset and not zeroed. Blocks of 64 bytes or more are
 * aligned to 64 bytes, smaller ones to 16. NULL when out of memory (the error is recorded). */
void *rg__arena_alloc(struct rg__arena *arena, size_t size);

/* Frees all blocks at once but keeps the memory, merged into one chunk, for reuse. */
void rg__arena_reset(struct rg__arena *arena);

/* Returns all memory to the context's allocator. */
void rg__arena_free(struct rg__arena *arena);

/* The number of bytes in all chunks. */
size_t rg__arena_bytes(const struct rg__arena *arena);

#endif
