/* arena.h (internal): memory that ends all at once.
 *
 * The one idea: allocation moves a pointer; reset moves it back. Chunks double as they are needed,
 * up to 1 MiB, and merge into one at reset, so that the same work done again allocates nothing. A
 * request larger than the next chunk gets a chunk of exactly its size, and the one in use goes on.
 */
#ifndef RG_BASE_ARENA_H
#define RG_BASE_ARENA_H

#include "base/base.h"

struct rg__arena_chunk {
    struct rg__arena_chunk *next; /* full, or of one large block */
    size_t size;                  /* usable bytes behind this header */
    size_t used;
};

struct rg__arena {
    rg_context *ctx;
    struct rg__arena_chunk *chunks; /* the first is the one allocated from */
};

/* `size` bytes, not zeroed, until the next reset; aligned to 64 bytes, those of less than 64 to 16;
 * NULL: error recorded. */
void *rg__arena_alloc(struct rg__arena *arena, size_t size);

/* Ends all allocations and keeps the memory, merged into one chunk. */
void rg__arena_reset(struct rg__arena *arena);

/* Gives the memory back. */
void rg__arena_free(struct rg__arena *arena);

/* Bytes held. */
size_t rg__arena_bytes(const struct rg__arena *arena);

#endif
