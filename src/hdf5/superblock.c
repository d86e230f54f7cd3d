/* superblock.c: what a file is, by its first bytes, before libhdf5 sees it.
 *
 * A truncated file is the commonest damage and the superblock says how long the file
 * was. (HDF5 File Format Specification 3.0, section II: the superblock stands at 0, 512, 1024,
 * 2048, ...; its versions 0 and 1 have the addresses after 24 or 28 bytes, 2 and 3 after 12.)
 */
#include "hdf5/private.h"

#include <string.h>

enum { SIGNATURE = 8, SHORTEST = 24, LONGEST = 28 + 4 * 8, LOOK = 512 };

static const unsigned char signature[SIGNATURE] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/* Sets *at to the signature's offset, -1 when there is none. */
static rg_status find_signature(rg_context *ctx, const char *path, int fd, int64_t size,
                                int64_t *at)
{
    unsigned char bytes[SIGNATURE];
    *at = -1;
    for (int64_t offset = 0; offset <= size - SIGNATURE; offset = offset ? offset * 2 : 512) {
        rg_status status = rg__read_at(ctx, path, fd, bytes, SIGNATURE, offset);
        if (status != RG_OK)
            return status;
        if (memcmp(bytes, signature, SIGNATURE) == 0) {
            *at = offset;
            return RG_OK;
        }
        if (offset > INT64_MAX / 2)
            break;
    }
    return RG_OK;
}

rg_status rg__h5_recognise(rg_context *ctx, const char *path, bool *yes)
{
    int fd;
    int64_t size, at;
    *yes = false;
    rg_status status = rg__open_input(ctx, path, &fd, &size);
    if (status != RG_OK)
        return status;
    status = find_signature(ctx, path, fd, size, &at);
    *yes = status == RG_OK && at >= 0;
    rg__close_input(ctx, fd);
    return status;
}

static bool is_text(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((bytes[i] < ' ' && !strchr("\t\n\r\f", bytes[i])) || bytes[i] == 0 || bytes[i] == 0x7f)
            return false;
    return true;
}

/* RG_BAD_DATA: no signature; says what the file may be. */
static rg_status fail_not_hdf5(rg_context *ctx, const char *path, int fd, int64_t size)
{
    static const struct {
        const char *bytes, *name;
    } known[] = {
        {"\x1f\x8b", "gzip"},
        {"\x93NUMPY", "a NumPy array"},
        {"PK\x03\x04", "a zip archive (.npz?)"},
        {"PAR1", "Parquet"},
        {"ARROW1", "Arrow"},
        {"\x0e\x03\x13\x01", "HDF4, not HDF5"},
        {"BZh", "bzip2"},
        {"\x28\xb5\x2f\xfd", "zstd"},
        {"\3757zXZ", "xz"},
        {"CDF\x01", "netCDF 3"},
    };
    unsigned char bytes[LOOK];
    size_t n = size < LOOK ? (size_t)size : LOOK;
    rg_status status = rg__read_at(ctx, path, fd, bytes, n, 0);
    if (status != RG_OK)
        return status;
    const char *like = "neither HDF5 nor text";
    if (n == 0)
        like = "empty";
    else if (is_text(bytes, n))
        like = "text";
    for (int i = 0; i < RG__COUNT(known); i++)
        if (strlen(known[i].bytes) <= n &&
            memcmp(bytes, known[i].bytes, strlen(known[i].bytes)) == 0)
            like = known[i].name;
    return rg__fail(ctx, RG_BAD_DATA, "%s: the content is %s; an HDF5 file is expected here", path,
                    like);
}

uint64_t rg__h5_number(const unsigned char *bytes, int size)
{
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static bool is_width(int size)
{
    return size == 2 || size == 4 || size == 8;
}

static rg_status fail_short(rg_context *ctx, const char *path, int64_t size)
{
    return rg__fail(ctx, RG_DAMAGED,
                    "%s: the file has %lld bytes, too short for HDF5's superblock, which begins "
                    "in it; it is truncated",
                    path, (long long)size);
}

/* The status flags, of all versions: a program that opens a file for writing may set the first (and
 * SWMR for writing beside readers) and clears it when it closes the file. libhdf5 looks at them
 * only in version 3, and only through a driver with H5FD_FEAT_SUPPORTS_SWMR_IO, unlike ours. */
enum { OPEN_FOR_WRITING = 1, CONSISTENT = 2, OPEN_FOR_SWMR = 4 };

static rg_status check_flags(rg_context *ctx, const char *path, uint64_t flags)
{
    if (flags & (OPEN_FOR_WRITING | OPEN_FOR_SWMR))
        return rg__fail(ctx, RG_DAMAGED,
                        "%s: the file is marked as open for writing: a program is still writing "
                        "it, or ended without closing it, and what it had not written would read "
                        "as zeros; expected a closed file: make it again, or, if you know that it "
                        "is complete, clear the mark with h5clear -s %s",
                        path, path);
    if (flags & ~(uint64_t)CONSISTENT)
        return rg__fail(ctx, RG_DAMAGED,
                        "%s: the status flags of the HDF5 superblock are 0x%llx; expected 0; the "
                        "file is damaged",
                        path, (unsigned long long)flags);
    return RG_OK;
}

rg_status rg__h5_check_superblock(rg_context *ctx, const char *path, int fd, int64_t size,
                                  struct rg__h5_super *super)
{
    static const struct {
        int sizes, addresses;  /* where the widths of addresses and lengths stand; the addresses */
        int flags, flags_size; /* where the status flags stand, and their bytes */
    } versions[] = {{13, 24, 20, 4}, {13, 28, 20, 4}, {9, 12, 11, 1}, {9, 12, 11, 1}};
    unsigned char bytes[LONGEST] = {0};
    int64_t at;
    rg_status status = find_signature(ctx, path, fd, size, &at);
    if (status == RG_OK && at < 0)
        return fail_not_hdf5(ctx, path, fd, size);
    int64_t rest = size - at; /* from the superblock on */
    if (status == RG_OK && rest < SHORTEST)
        return fail_short(ctx, path, size);
    if (status == RG_OK)
        status = rg__read_at(ctx, path, fd, bytes, rest < LONGEST ? (size_t)rest : LONGEST, at);
    if (status != RG_OK)
        return status;
    int version = bytes[SIGNATURE];
    if (version >= RG__COUNT(versions))
        return rg__fail(ctx, RG_DAMAGED, "%s: HDF5 superblock of version %d; 0 to 3 are known",
                        path, version);
    int width = bytes[versions[version].sizes], first = versions[version].addresses;
    *super = (struct rg__h5_super){at, width, bytes[versions[version].sizes + 1]};
    if (!is_width(width) || !is_width(super->length_size))
        return rg__fail(ctx, RG_DAMAGED,
                        "%s: HDF5 addresses of %d bytes, lengths of %d; 2, 4 or 8 are possible",
                        path, width, super->length_size);
    if (rest < first + 3 * width)
        return fail_short(ctx, path, size);
    /* The base address, one other address, the end of the file. A file that was moved after a
     * user block has its old base: what counts is the distance. */
    uint64_t base = rg__h5_number(bytes + first, width),
             end = rg__h5_number(bytes + first + 2 * width, width);
    if (end < base || end - base > (uint64_t)rest)
        return rg__fail(ctx, RG_DAMAGED,
                        "%s: the file has %lld bytes, but its HDF5 superblock says %llu; it is "
                        "truncated or damaged",
                        path, (long long)size, (unsigned long long)(end - base + (uint64_t)at));
    return check_flags(
        ctx, path, rg__h5_number(bytes + versions[version].flags, versions[version].flags_size));
}
