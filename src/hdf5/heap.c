/* heap.c: strings of variable length, read from the file's global heap without libhdf5.
 *
 * A data set of such strings holds references, and the text lies elsewhere, in
 * collections. libhdf5 1.10.8 believes what it finds in both, and a single flipped bit there made
 * it write past its buffers; here every length and index is held against the collection's size.
 *
 *   reference:  length (4 bytes), address of a collection, index (4)
 *   collection: "GCOL", version 1, 3 bytes, its size; then objects, each aligned to 8 bytes
 *   object:     index (2 bytes, 0: the free rest, whose size counts from here), 6 bytes, its size,
 *               the text, padding to 8 bytes
 *
 * (HDF5 File Format Specification 3.0, III.E.)
 */
#include "hdf5/private.h"

#include <string.h>

enum { MOST_OBJECTS = 1 << 16 };

static int64_t aligned(int64_t size)
{
    return (size + 7) & ~(int64_t)7;
}

static rg_status fail(const struct rg__h5_heap *heap, const char *what)
{
    return rg__fail(heap->file->ctx, RG_DAMAGED, "%s: %s: %s in the heap of its strings",
                    heap->file->path, heap->name, what);
}

/* Notes where the objects of the loaded collection begin. */
static rg_status find_objects(struct rg__h5_heap *heap, int64_t header)
{
    const unsigned char *bytes = heap->bytes;
    int width = heap->file->super.length_size;
    memset(heap->objects, 0, (size_t)heap->n_objects * sizeof *heap->objects);
    heap->n_objects = 0;
    for (int64_t at = header; heap->size - at >= header;) {
        int index = (int)rg__h5_number(bytes + at, 2);
        uint64_t size = rg__h5_number(bytes + at + 8, width);
        if (index == 0 && size != (uint64_t)(heap->size - at))
            return fail(heap, "the free space is not the rest of its collection");
        if (index == 0)
            break;
        if (size > (uint64_t)(heap->size - at - header))
            return fail(heap, "an object is longer than its collection");
        heap->objects[index] = at;
        if (heap->n_objects <= index)
            heap->n_objects = index + 1;
        at += header + aligned((int64_t)size);
    }
    return RG_OK;
}

/* The headers of a collection and of an object are equally long. */
static rg_status load_collection(struct rg__h5_heap *heap, uint64_t address)
{
    const struct rg__h5 *file = heap->file;
    unsigned char start[16];
    int width = file->super.length_size;
    int64_t header = aligned(8 + width), rest = file->size - file->super.base;
    if (address > (uint64_t)rest || rest - (int64_t)address < header)
        return fail(heap, "an address is beyond the file's end");
    int64_t at = file->super.base + (int64_t)address;
    rg_status status =
        rg__read_at(file->ctx, file->path, file->channel.fd, start, (size_t)header, at);
    if (status != RG_OK)
        return status;
    uint64_t size = rg__h5_number(start + 8, width);
    if (memcmp(start, "GCOL\1", 5) != 0 || size < (uint64_t)header ||
        size > (uint64_t)(rest - (int64_t)address))
        return fail(heap, "an address leads to no collection");
    heap->size = 0; /* until it is loaded whole */
    if (!rg__grow(file->ctx, &heap->bytes, &heap->capacity, (int64_t)size, 1, heap->name))
        return RG_LIMIT;
    if (!heap->objects)
        heap->objects = rg__alloc(file->ctx, MOST_OBJECTS, sizeof *heap->objects, heap->name);
    if (!heap->objects)
        return RG_LIMIT;
    status = rg__read_at(file->ctx, file->path, file->channel.fd, heap->bytes, (size_t)size, at);
    if (status != RG_OK)
        return status;
    heap->size = (int64_t)size;
    heap->address = (int64_t)address;
    return find_objects(heap, header);
}

rg_status rg__h5_heap_text(struct rg__h5_heap *heap, const unsigned char *reference,
                           const char **text, size_t *length)
{
    int address_size = heap->file->super.address_size, width = heap->file->super.length_size;
    uint64_t wanted = rg__h5_number(reference, 4);
    uint64_t address = rg__h5_number(reference + 4, address_size);
    uint64_t index = rg__h5_number(reference + 4 + address_size, 4);
    *text = "";
    *length = 0;
    if (wanted == 0)
        return RG_OK;
    if (heap->size == 0 || (uint64_t)heap->address != address) {
        rg_status status = load_collection(heap, address);
        if (status != RG_OK)
            return status;
    }
    int64_t at = index < (uint64_t)heap->n_objects ? heap->objects[index] : 0;
    if (at == 0)
        return fail(heap, "a string is missing");
    const unsigned char *object = (const unsigned char *)heap->bytes + at;
    if (wanted > rg__h5_number(object + 8, width))
        return fail(heap, "a string is longer than its object");
    heap->room -= (int64_t)wanted;
    if (heap->room < 0)
        return fail(heap, "there are more strings than the file has bytes");
    *text = (const char *)object + aligned(8 + width);
    const char *end = memchr(*text, '\0', (size_t)wanted);
    *length = end ? (size_t)(end - *text) : (size_t)wanted;
    return RG_OK;
}

void rg__h5_heap_free(struct rg__h5_heap *heap)
{
    rg__free(heap->file->ctx, heap->objects);
    rg__free(heap->file->ctx, heap->bytes);
}
