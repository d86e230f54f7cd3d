/* arena.c: the arena allocator; see arena.h. */
#include "base/arena.h"

#include <string.h>

enum { ALIGN = 64, SMALL_ALIGN = 16, FIRST_CHUNK = 16 << 10, MOST_CHUNK = 1 << 20, POISON = 0xa5 };

static size_t align_up(size_t n, size_t align)
{
    return (n + (align - 1)) & ~(align - 1);
}

/* The first aligned byte after the header; malloc aligns only to 16, so its offset varies. */
static char *chunk_data(struct rg__arena_chunk *chunk)
{
    return (char *)(((uintptr_t)(chunk + 1) + (ALIGN - 1)) & ~(uintptr_t)(ALIGN - 1));
}

/* Adds a chunk: as the one to allocate from next, or (`second`) after that one. */
static struct rg__arena_chunk *add_chunk(struct rg__arena *arena, size_t size, bool second)
{
    rg_allocator *a = &arena->ctx->allocator;
    struct rg__arena_chunk *chunk = a->resize(a->user, NULL, sizeof *chunk + ALIGN + size);
    if (!chunk)
        return NULL;
    struct rg__arena_chunk **place = second ? &arena->chunks->next : &arena->chunks;
    *chunk = (struct rg__arena_chunk){.next = *place, .size = size};
    *place = chunk;
    return chunk;
}

/* The chunk to take `size` bytes from: the first if they fit, else a new one. */
static struct rg__arena_chunk *chunk_for(struct rg__arena *arena, size_t size, size_t align)
{
    struct rg__arena_chunk *first = arena->chunks;
    if (!first)
        return add_chunk(arena, size > FIRST_CHUNK ? size : FIRST_CHUNK, false);
    if (first->size - first->used >= size && first->size - size >= align_up(first->used, align))
        return first;
    size_t next = first->size < MOST_CHUNK / 2 ? 2 * first->size : MOST_CHUNK;
    return size > next ? add_chunk(arena, size, true) : add_chunk(arena, next, false);
}

void *rg__arena_alloc(struct rg__arena *arena, size_t size)
{
    size_t align = size < ALIGN ? SMALL_ALIGN : ALIGN, whole = align_up(size + !size, align);
    struct rg__arena_chunk *chunk = size <= PTRDIFF_MAX ? chunk_for(arena, whole, align) : NULL;
    if (!chunk) {
        rg__fail_memory(arena->ctx, size, "the graph");
        return NULL;
    }
    chunk->used = align_up(chunk->used, align);
    void *block = chunk_data(chunk) + chunk->used;
    chunk->used += whole;
    return block;
}

void rg__arena_reset(struct rg__arena *arena)
{
    size_t total = rg__arena_bytes(arena);
    if (arena->chunks && arena->chunks->next) {
        rg__arena_free(arena);
        add_chunk(arena, total, false); /* if this fails, the arena is empty and still usable */
    }
    if (!arena->chunks)
        return;
    arena->chunks->used = 0;
#ifndef NDEBUG
    memset(chunk_data(arena->chunks), POISON, arena->chunks->size);
#endif
}

void rg__arena_free(struct rg__arena *arena)
{
    while (arena->chunks) {
        struct rg__arena_chunk *next = arena->chunks->next;
        rg__free(arena->ctx, arena->chunks);
        arena->chunks = next;
    }
}

size_t rg__arena_bytes(const struct rg__arena *arena)
{
    size_t total = 0;
    for (const struct rg__arena_chunk *c = arena->chunks; c; c = c->next)
        total += c->size;
    return total;
}
