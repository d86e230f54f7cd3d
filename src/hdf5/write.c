/* write.c: HDF5 files written whole or not at all, the same calls giving the same bytes.
 *
 * Errors wait. libhdf5 writes into a temporary through our driver and never sees one
 * fail; the writer keeps its first failure and does nothing from then on; commit tells it, or puts
 * the file in its place.
 *
 * Same bytes: no times are recorded, the format's versions are pinned to those of HDF5 1.8 (which
 * every reader knows, and whose headers carry checksums), and no fill values are written. Metadata
 * stays in libhdf5's cache until the end, so it is never read back from a disk that may be full.
 */
#include "hdf5/private.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

enum {
    PAGE = 4096,
    LARGE = 16384,   /* bytes from which an array begins at a page boundary, or is compressed */
    CHUNK = 1 << 20, /* bytes */
    DEFLATE_LEVEL = 4,
    MOST_LINKS = 1024
};

struct rg__h5_writer {
    rg_context *ctx;
    struct rg__output own; /* of rg__h5_begin */
    struct rg__output *out;
    struct rg__h5_channel channel;
    hid_t file;
    bool compress;
    rg_status status; /* the first failure that is not the output's */
};

/* Whether there is still something to do; looks at the caller's cancel flag. */
static bool going(struct rg__h5_writer *writer)
{
    if (writer->status == RG_OK)
        writer->status = rg__cancelled(writer->ctx);
    if (writer->status == RG_OK)
        writer->status = rg__h5_reserve(writer->ctx);
    return writer->status == RG_OK && writer->out->error == 0;
}

/* Records that libhdf5 refused something. */
static void refuse(struct rg__h5_writer *writer, const char *name)
{
    char text[RG__H5_TEXT];
    bool no_memory;
    rg__h5_complaint(text, &no_memory);
    writer->status = rg__fail(writer->ctx, no_memory ? RG_LIMIT : RG_INTERNAL,
                              "%s: %s: cannot write it: %s", writer->channel.path, name, text);
}

static bool keep_metadata(hid_t access)
{
    H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};
    if (H5Pget_mdc_config(access, &cache) < 0)
        return false;
    cache.evictions_enabled = 0;
    cache.incr_mode = H5C_incr__off;
    cache.flash_incr_mode = H5C_flash_incr__off;
    cache.decr_mode = H5C_decr__off;
    return H5Pset_mdc_config(access, &cache) >= 0;
}

/* Links stay in the header of their group, which has a checksum; where there are more than 8,
 * libhdf5 would move them into a heap that has none, and a damaged name there hides a data set. */
static bool keep_links(hid_t creation)
{
    return H5Pset_link_phase_change(creation, MOST_LINKS, MOST_LINKS / 2) >= 0;
}

static hid_t create_file(struct rg__h5_writer *writer)
{
    hid_t file = -1, access = rg__h5_access(&writer->channel);
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && creation >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0 &&
        H5Pset_alignment(access, LARGE, PAGE) >= 0 && keep_metadata(access) &&
        H5Pset_obj_track_times(creation, 0) >= 0 && keep_links(creation))
        file = H5Fcreate(writer->channel.path, H5F_ACC_TRUNC, creation, access);
    if (file < 0)
        refuse(writer, "/");
    rg__h5_drop(access);
    rg__h5_drop(creation);
    return file;
}

/* Takes the output, which the writer ends with its own. */
static rg_status begin(struct rg__h5_writer *writer, struct rg__h5_writer **result)
{
    rg_status status = rg__h5_reserve(writer->ctx);
    if (status == RG_OK)
        status = rg__output_stage(writer->out);
    if (status != RG_OK) {
        rg__h5_abandon(writer);
        return status;
    }
    writer->channel = (struct rg__h5_channel){
        .ctx = writer->ctx, .path = writer->out->path, .fd = writer->out->fd, .out = writer->out};
    struct rg__h5_scope scope = rg__h5_enter();
    writer->file = create_file(writer);
    rg__h5_leave(&scope);
    status = writer->status;
    if (status != RG_OK)
        rg__h5_abandon(writer);
    else
        *result = writer;
    return status;
}

static struct rg__h5_writer *new_writer(rg_context *ctx, bool compress)
{
    struct rg__h5_writer *writer = rg__alloc(ctx, 1, sizeof *writer, "an HDF5 file");
    if (writer)
        *writer = (struct rg__h5_writer){.ctx = ctx, .file = -1, .compress = compress};
    return writer;
}

rg_status rg__h5_begin(rg_context *ctx, const char *path, bool compress, struct rg__h5_writer **out)
{
    *out = NULL;
    struct rg__h5_writer *writer = new_writer(ctx, compress);
    if (!writer)
        return RG_LIMIT;
    writer->out = &writer->own;
    rg_status status = rg__output_begin(ctx, path, &writer->own);
    if (status == RG_OK)
        return begin(writer, out);
    rg__free(ctx, writer);
    return status;
}

rg_status rg__h5_begin_in(struct rg__output *output, bool compress, struct rg__h5_writer **out)
{
    *out = NULL;
    struct rg__h5_writer *writer = new_writer(output->ctx, compress);
    if (!writer)
        return RG_LIMIT;
    writer->out = output;
    return begin(writer, out);
}

void rg__h5_write_group(struct rg__h5_writer *writer, const char *name)
{
    if (!going(writer))
        return;
    struct rg__h5_scope scope = rg__h5_enter();
    hid_t group = -1, creation = H5Pcreate(H5P_GROUP_CREATE);
    if (creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 && keep_links(creation))
        group = H5Gcreate2(writer->file, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (group < 0)
        refuse(writer, name);
    rg__h5_drop(creation);
    rg__h5_drop(group);
    rg__h5_leave(&scope);
}

/* Chunks of about 1 MiB: whole rows, or a part of one where a row is longer. */
static bool set_chunks(hid_t creation, int ndim, const int64_t *dims, size_t size)
{
    hsize_t chunk[RG_MAX_DIMS];
    int64_t room = CHUNK / (int64_t)size;
    for (int i = ndim - 1; i >= 0; i--) {
        chunk[i] = (hsize_t)(dims[i] < room ? dims[i] : room);
        room /= (int64_t)chunk[i];
        if (room < 1)
            room = 1;
    }
    return H5Pset_chunk(creation, ndim, chunk) >= 0 && H5Pset_shuffle(creation) >= 0 &&
           H5Pset_deflate(creation, DEFLATE_LEVEL) >= 0;
}

/* How a data set of `bytes` bytes is laid out; the caller closes it. */
static hid_t creation_list(const struct rg__h5_writer *writer, int ndim, const int64_t *dims,
                           size_t size, size_t bytes)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    bool ready = creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
                 H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) >= 0;
    if (ready && writer->compress && bytes >= LARGE)
        ready = set_chunks(creation, ndim, dims, size);
    if (ready)
        return creation;
    rg__h5_drop(creation);
    return -1;
}

/* Attaches an attribute of n elements (-1: a scalar). */
static bool attach(hid_t object, const char *name, hid_t type, int64_t n, const void *value)
{
    hsize_t count = (hsize_t)n;
    hid_t space = n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
    hid_t attribute = -1;
    if (space >= 0)
        attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool done = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    rg__h5_drop(attribute);
    rg__h5_drop(space);
    return done;
}

/* ndim 0: a scalar. */
static hid_t make_space(int ndim, const int64_t *dims)
{
    hsize_t extent[RG_MAX_DIMS];
    for (int i = 0; i < ndim; i++)
        extent[i] = (hsize_t)dims[i];
    return ndim == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(ndim, extent, NULL);
}

/* A data set of that type, shape and layout, whose ids it ends; data NULL: nothing to write;
 * `hash` is stored in the attribute `sum`. */
static void make_set(struct rg__h5_writer *writer, const char *name, hid_t type, hid_t space,
                     hid_t creation, const void *data, const char *sum, uint64_t hash)
{
    hid_t set = -1;
    if (type >= 0 && space >= 0 && creation >= 0)
        set = H5Dcreate2(writer->file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    bool done = set >= 0;
    if (done && data)
        done = H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    if (done)
        done = attach(set, sum, H5T_NATIVE_UINT64, -1, &hash);
    if (!done)
        refuse(writer, name);
    rg__h5_drop(set);
    rg__h5_drop(creation);
    rg__h5_drop(space);
    rg__h5_drop(type);
}

void rg__h5_write(struct rg__h5_writer *writer, const char *name, rg_dtype dtype, int ndim,
                  const int64_t *dims, const void *data)
{
    if (!going(writer))
        return;
    rg_tensor shape = {.dtype = dtype, .ndim = ndim};
    if (ndim >= 0 && ndim <= RG_MAX_DIMS)
        memcpy(shape.dims, dims, (size_t)ndim * sizeof *dims);
    int64_t count = rg_tensor_count(&shape);
    if (count < 0) {
        writer->status = rg__fail(writer->ctx, RG_INTERNAL, "%s: %s: no shape to write",
                                  writer->channel.path, name);
        return;
    }
    size_t size = rg_dtype_size(dtype), bytes = (size_t)count * size;
    uint64_t hash = XXH3_64bits(count > 0 ? data : "", bytes);
    struct rg__h5_scope scope = rg__h5_enter();
    make_set(writer, name, rg__h5_memory_type(dtype), make_space(ndim, dims),
             creation_list(writer, ndim, dims, size, bytes), count > 0 ? data : NULL, "xxh3", hash);
    rg__h5_leave(&scope);
}

void rg__h5_write_strings(struct rg__h5_writer *writer, const char *name, int64_t count,
                          const char *const *strings)
{
    if (!going(writer))
        return;
    struct rg__h5_scope scope = rg__h5_enter();
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (creation >= 0 && H5Pset_obj_track_times(creation, 0) < 0) {
        rg__h5_drop(creation);
        creation = -1;
    }
    make_set(writer, name, rg__h5_string_type(H5T_CSET_UTF8), make_space(count < 0 ? 0 : 1, &count),
             creation, count != 0 ? strings : NULL, "xxh3_text",
             rg__h5_hash_strings(count < 0 ? 1 : count, strings));
    rg__h5_leave(&scope);
}

/* Attaches to the object of that name. */
static void write_attribute(struct rg__h5_writer *writer, const char *object, const char *name,
                            hid_t type, int64_t n, const void *value)
{
    hid_t id = H5Oopen(writer->file, object, H5P_DEFAULT);
    if (id < 0 || type < 0 || !attach(id, name, type, n, value))
        refuse(writer, object);
    rg__h5_drop(id);
}

void rg__h5_write_attribute(struct rg__h5_writer *writer, const char *object, const char *name,
                            const char *text)
{
    if (!going(writer))
        return;
    struct rg__h5_scope scope = rg__h5_enter();
    hid_t type = rg__h5_string_type(H5T_CSET_UTF8);
    write_attribute(writer, object, name, type, -1, &text);
    rg__h5_drop(type);
    rg__h5_leave(&scope);
}

void rg__h5_write_attribute_i64(struct rg__h5_writer *writer, const char *object, const char *name,
                                int64_t n, const int64_t *values)
{
    if (!going(writer))
        return;
    struct rg__h5_scope scope = rg__h5_enter();
    write_attribute(writer, object, name, H5T_NATIVE_INT64, n, values);
    rg__h5_leave(&scope);
}

/* Closes libhdf5's part, which writes what it still holds. */
static void close_file(struct rg__h5_writer *writer)
{
    if (writer->channel.driver <= 0)
        return;
    struct rg__h5_scope scope = rg__h5_enter();
    if (writer->file >= 0 && H5Fclose(writer->file) < 0 && writer->status == RG_OK)
        refuse(writer, "/");
    writer->file = -1;
    rg__h5_release_driver(&writer->channel);
    rg__h5_leave(&scope);
}

rg_status rg__h5_commit(struct rg__h5_writer *writer)
{
    close_file(writer);
    /* A failure of the system may have confused libhdf5; it is the one to tell. */
    rg_status status = writer->out->error ? RG_OK : writer->status;
    if (status == RG_OK && writer->out == &writer->own)
        status = rg__output_commit(writer->out);
    else if (status != RG_OK && writer->out->error == 0)
        writer->out->error = ECANCELED; /* it is not whole */
    rg__h5_abandon(writer);
    return status;
}

void rg__h5_abandon(struct rg__h5_writer *writer)
{
    if (!writer)
        return;
    if (writer->file >= 0 && writer->out->error == 0)
        writer->out->error = ECANCELED; /* the rest need not be written */
    close_file(writer);
    rg__output_abandon(&writer->own);
    rg__free(writer->ctx, writer);
}
