/* filters.c: HDF5's stock filters undone: deflate, shuffle, fletcher32.
 *
 * A chunk on its way goes from one half of its scratch to the other, so that a filter
 * needs no memory of its own, and nothing comes out that has no room there.
 */
#include "hdf5/private.h"

#define ZLIB_CONST
#include <limits.h>
#include <string.h>
#include <zlib.h>

/* `next` holds the chunk now; the other half of the scratch is free. */
static bool advance(struct rg__h5_bytes *b, size_t size)
{
    b->at = b->next;
    b->size = size;
    b->next = b->at == b->scratch ? b->scratch + b->room : b->scratch;
    return true;
}

static bool wrong(struct rg__h5_bytes *b, const char *what)
{
    b->wrong = what;
    return false;
}

static void *zlib_alloc(void *user, unsigned count, unsigned size)
{
    return rg__alloc(user, count, size, "inflating a chunk");
}

static void zlib_free(void *user, void *block)
{
    rg__free(user, block);
}

static bool undo_deflate(struct rg__h5_bytes *b, unsigned value)
{
    (void)value;
    size_t in = b->size < UINT_MAX ? b->size : UINT_MAX;
    size_t out = b->room < UINT_MAX ? b->room : UINT_MAX;
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = b->ctx};
    z.next_in = b->at;
    z.avail_in = (unsigned)in;
    z.next_out = b->next;
    z.avail_out = (unsigned)out;
    int result = inflateInit(&z);
    if (result == Z_OK) {
        result = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    if (result == Z_MEM_ERROR)
        return false; /* reported by rg__alloc */
    if (result != Z_STREAM_END)
        return wrong(b, z.avail_out == 0 ? "inflates to more than its size" : "does not inflate");
    return advance(b, out - z.avail_out);
}

/* Stored are the first bytes of all elements, then the second ones, ...; at the end, as it is, what
 * makes no element. */
static bool undo_shuffle(struct rg__h5_bytes *b, unsigned value)
{
    size_t width = value, n = width ? b->size / width : 0;
    if (b->size > b->room || width == 0)
        return wrong(b, "cannot be unshuffled");
    for (size_t k = 0; k < width && n > 0; k++) {
        const unsigned char *from = b->at + k * n;
        unsigned char *to = b->next + k;
        for (size_t i = 0; i < n; i++)
            to[i * width] = from[i];
    }
    memcpy(b->next + n * width, b->at + n * width, b->size - n * width);
    return advance(b, b->size);
}

/* The sum of 16-bit words modulo 65535, where only a sum of zeros is 0. */
static uint64_t fold(uint64_t sum)
{
    return sum ? (sum - 1) % 65535 + 1 : 0;
}

/* Fletcher's checksum of big-endian words, as HDF5 computes it. */
static uint32_t fletcher32(const unsigned char *bytes, size_t size)
{
    uint64_t sum = 0, sums = 0;
    for (size_t i = 0; i < size; i += 2) {
        sum += (uint64_t)bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0);
        sums += sum;
        if (i % 65536 == 0) { /* long before they overflow */
            sum = fold(sum);
            sums = fold(sums);
        }
    }
    return (uint32_t)(fold(sums) << 16 | fold(sum));
}

/* Up to HDF5 1.6.2 the checksum's halves were stored with their bytes swapped. */
static bool undo_fletcher32(struct rg__h5_bytes *b, unsigned value)
{
    (void)value;
    if (b->size < 4)
        return wrong(b, "is shorter than its checksum");
    b->size -= 4;
    uint32_t stored = (uint32_t)rg__h5_number(b->at + b->size, 4);
    uint32_t swapped = (stored & 0x00ff00ff) << 8 | (stored >> 8 & 0x00ff00ff);
    uint32_t sum = fletcher32(b->at, b->size);
    return sum == stored || sum == swapped || wrong(b, "has a wrong checksum (fletcher32)");
}

static const struct {
    H5Z_filter_t id;
    rg__h5_undo *undo;
} known[] = {
    {H5Z_FILTER_DEFLATE, undo_deflate},
    {H5Z_FILTER_SHUFFLE, undo_shuffle},
    {H5Z_FILTER_FLETCHER32, undo_fletcher32},
};

rg__h5_undo *rg__h5_find_filter(H5Z_filter_t id)
{
    for (int i = 0; i < RG__COUNT(known); i++)
        if (known[i].id == id)
            return known[i].undo;
    return NULL;
}
