/* driver.c: the file driver through which libhdf5 reads and writes every byte.
 *
 * Libhdf5 never meets a failing write. Debian's 1.10.8 with its own driver returns
 * success from H5Dwrite, H5Fflush and H5Fclose on a full disk, and crashes at exit past a file-size
 * limit. Here a failing write is remembered in the output, the rest of the file is written into the
 * void, libhdf5 closes in good order, and rg__output_commit tells the error and removes the file.
 *
 * Why one driver for everything, where a small file could be built in memory and a large array be
 * written beside libhdf5: it is the only way that needs no second copy of the file, covers
 * contiguous and compressed arrays alike, and puts all reading under the same table of operations,
 * so that a test can fail the k-th of them. It also keeps libhdf5 inside the one file it was given:
 * a file access list without our channel (libhdf5 makes one to follow an external link) opens
 * nothing.
 */
#include "hdf5/private.h"

#include <errno.h>
#include <string.h>

/* What a file access list carries: copied by libhdf5 byte by byte. */
struct info {
    struct rg__h5_channel *channel;
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max)
{
    (void)name, (void)flags, (void)max;
    const struct info *info = H5Pget_driver_info(access);
    return info && info->channel ? &info->channel->base : NULL;
}

/* `base` is the first member, so the two pointers are the same. */
static struct rg__h5_channel *channel_of(H5FD_t *file)
{
    return (struct rg__h5_channel *)file;
}

static const struct rg__h5_channel *const_channel_of(const H5FD_t *file)
{
    return (const struct rg__h5_channel *)file;
}

/* The file itself belongs to the channel's owner. */
static herr_t driver_close(H5FD_t *file)
{
    (void)file;
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return const_channel_of(file)->allocated;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    channel_of(file)->allocated = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return const_channel_of(file)->size;
}

/* Reads back from a file under way: what could not be written cannot be read, and reads as 0. */
static void read_back(struct rg__h5_channel *channel, char *to, size_t size, haddr_t address)
{
    struct rg__output *out = channel->out;
    while (size > 0 && out->error == 0) {
        ssize_t n = channel->ctx->files->pread(out->fd, to, size, (off_t)address);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            out->error = errno;
        if (n <= 0)
            break;
        to += n;
        address += (haddr_t)n;
        size -= (size_t)n;
    }
    memset(to, 0, size);
}

/* Beyond the end of the file there are zeros: libhdf5 reads headers with a guess at their size. */
static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *to)
{
    (void)type, (void)transfer;
    struct rg__h5_channel *channel = channel_of(file);
    if (channel->out) {
        read_back(channel, to, size, address);
        return 0;
    }
    if (channel->failed == RG_OK)
        channel->failed = rg__cancelled(channel->ctx);
    haddr_t there = address < channel->size ? channel->size - address : 0;
    size_t part = size < there ? size : (size_t)there;
    memset((char *)to + part, 0, size - part);
    if (channel->failed == RG_OK)
        channel->failed =
            rg__read_at(channel->ctx, channel->path, channel->fd, to, part, (int64_t)address);
    return channel->failed == RG_OK ? 0 : -1;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *from)
{
    (void)type, (void)transfer;
    struct rg__h5_channel *channel = channel_of(file);
    if (!channel->out)
        return -1;
    rg__output_write(channel->out, from, size, (int64_t)address);
    if (channel->size < address + size)
        channel->size = address + size;
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    (void)transfer, (void)closing;
    struct rg__h5_channel *channel = channel_of(file);
    if (channel->out && channel->size != channel->allocated) {
        rg__output_truncate(channel->out, (int64_t)channel->allocated);
        channel->size = channel->allocated;
    }
    return 0;
}

/* No `cmp`: two openings are never one file to libhdf5, so neither sees the other's settings. */
static const H5FD_class_t driver = {
    .name = "rankgrad",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t rg__h5_access(struct rg__h5_channel *channel)
{
    struct info info = {channel};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    channel->driver = H5FDregister(&driver);
    if (access >= 0 && channel->driver >= 0 && H5Pset_driver(access, channel->driver, &info) >= 0)
        return access;
    if (access >= 0)
        H5Pclose(access);
    return -1;
}

void rg__h5_release_driver(struct rg__h5_channel *channel)
{
    if (channel->driver > 0)
        H5FDunregister(channel->driver);
    channel->driver = 0;
}
