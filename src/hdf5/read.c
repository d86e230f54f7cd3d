/* read.c: opening HDF5 files and reading what is in them.
 *
 * Nothing is believed. Before memory is had for a data set, its shape is held against
 * the bytes that the file has, and whatever would lead out of the file is refused.
 */
#include "hdf5/private.h"

#include <stdio.h>
#include <string.h>

/* Deflate makes at most 1032 bytes of one; no data set is larger than that of the whole file. */
enum { EXPANSION = 1032, LONGEST_NAME = 256 };

rg_status rg__h5_fail(struct rg__h5 *file, const char *name, const char *doing)
{
    char text[RG__H5_TEXT];
    bool no_memory;
    rg__h5_complaint(text, &no_memory);
    if (file->channel.failed != RG_OK)
        return file->channel.failed;
    if (no_memory)
        return rg__fail(file->ctx, RG_LIMIT,
                        "%s: %s: cannot %s: out of memory, unless a size in the file is damaged: "
                        "%s",
                        file->path, name, doing, text);
    return rg__fail(file->ctx, RG_DAMAGED, "%s: %s: cannot %s: %s", file->path, name, doing, text);
}

static rg_status open_file(struct rg__h5 *file)
{
    struct rg__h5_scope scope = rg__h5_enter();
    rg_status status = RG_OK;
    hid_t access = rg__h5_access(&file->channel);
    if (access >= 0)
        file->file = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    if (file->file < 0)
        status = rg__h5_fail(file, "/", "open HDF5");
    if (access >= 0)
        H5Pclose(access);
    rg__h5_leave(&scope);
    return status;
}

/* A pipe is not opened, which may wait for its writer, and end it when it is closed. */
static rg_status check_regular(rg_context *ctx, const char *path)
{
    bool there;
    struct stat st;
    rg_status status = rg__stat_path(ctx, path, &there, &st);
    if (status != RG_OK || !there || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return status;
    return rg__fail(ctx, RG_BAD_DATA, "%s: is no regular file; an HDF5 file is expected here",
                    path);
}

rg_status rg__h5_open(rg_context *ctx, const char *path, struct rg__h5 **out)
{
    *out = NULL;
    struct rg__h5 *file = rg__alloc(ctx, 1, sizeof *file, "an HDF5 file");
    if (!file)
        return RG_LIMIT;
    *file = (struct rg__h5){.ctx = ctx, .file = -1, .channel = {.ctx = ctx, .fd = -1}};
    file->path = rg__strdup(ctx, path);
    rg_status status = file->path ? check_regular(ctx, path) : RG_LIMIT;
    if (status == RG_OK)
        status = rg__open_input(ctx, path, &file->channel.fd, &file->size);
    if (status == RG_OK)
        status = rg__h5_reserve(ctx);
    if (status == RG_OK)
        status = rg__h5_check_superblock(ctx, path, file->channel.fd, file->size, &file->super);
    if (status == RG_OK) {
        file->channel.path = file->path;
        file->channel.size = (haddr_t)file->size;
        status = open_file(file);
    }
    if (status != RG_OK) {
        rg__h5_close(file);
        return status;
    }
    *out = file;
    return RG_OK;
}

void rg__h5_close(struct rg__h5 *file)
{
    if (!file)
        return;
    if (file->channel.driver > 0) { /* else libhdf5 was not asked: it may want memory to begin */
        struct rg__h5_scope scope = rg__h5_enter();
        if (file->file >= 0)
            H5Fclose(file->file);
        rg__h5_release_driver(&file->channel);
        rg__h5_leave(&scope);
    }
    if (file->map)
        file->ctx->files->munmap(file->map, (size_t)file->size);
    rg__close_input(file->ctx, file->channel.fd);
    rg__free(file->ctx, file->path);
    rg__free(file->ctx, file);
}

const void *rg__h5_map(struct rg__h5 *file)
{
    if (!file->map)
        file->map = file->ctx->files->mmap((size_t)file->size, file->channel.fd);
    return file->map;
}

void rg__h5_detach(struct rg__h5 *file, void **map, size_t *size)
{
    *map = file->map;
    *size = file->map ? (size_t)file->size : 0;
    file->map = NULL;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* One component of a name: whether its link is there and stays in the file. */
static rg_status follow(struct rg__h5 *file, const char *name, bool *there)
{
    *there = false;
    htri_t exists = H5Lexists(file->file, name, H5P_DEFAULT);
    if (exists < 0)
        return rg__h5_fail(file, name, "look it up");
    if (exists == 0)
        return RG_OK;
    H5L_info_t link;
    if (H5Lget_info(file->file, name, &link, H5P_DEFAULT) < 0)
        return rg__h5_fail(file, name, "read the link");
    if (link.type == H5L_TYPE_HARD) {
        rg_status status = rg__h5_read_header(file, name, link.u.address, NULL, NULL);
        if (status != RG_OK)
            return status;
    } else if (link.type == H5L_TYPE_SOFT) {
        if (H5Oexists_by_name(file->file, name, H5P_DEFAULT) <= 0)
            return rg__fail(file->ctx, RG_BAD_DATA,
                            "%s: %s is a soft link to nothing in this file; links that leave the "
                            "file are not followed",
                            file->path, name);
    } else {
        return rg__fail(file->ctx, RG_BAD_DATA,
                        "%s: %s is an external link, which is not followed; copy the data into "
                        "this file",
                        file->path, name);
    }
    *there = true;
    return RG_OK;
}

static rg_status find_kind(struct rg__h5 *file, const char *name, enum rg__h5_kind *kind)
{
    char prefix[LONGEST_NAME];
    size_t length = strlen(name);
    *kind = RG__H5_GROUP; /* the root */
    if (length >= sizeof prefix || name[0] != '/')
        return rg__fail(file->ctx, RG_INTERNAL, "%s: %s is no name to look up", file->path, name);
    for (size_t i = 1; i <= length; i++) {
        if ((name[i] != '/' && name[i] != '\0') || length == 1)
            continue;
        memcpy(prefix, name, i);
        prefix[i] = '\0';
        bool there;
        *kind = RG__H5_ABSENT;
        rg_status status = follow(file, prefix, &there);
        if (status != RG_OK || !there)
            return status;
        H5O_info_t object;
        if (H5Oget_info_by_name(file->file, prefix, &object, H5P_DEFAULT) < 0)
            return rg__h5_fail(file, prefix, "read its header");
        *kind = object.type == H5O_TYPE_GROUP     ? RG__H5_GROUP
                : object.type == H5O_TYPE_DATASET ? RG__H5_DATASET
                                                  : RG__H5_NAMED_TYPE;
        if (*kind != RG__H5_GROUP && i < length) {
            *kind = RG__H5_ABSENT; /* a name below a data set */
            return RG_OK;
        }
    }
    return RG_OK;
}

rg_status rg__h5_kind(struct rg__h5 *file, const char *name, enum rg__h5_kind *kind)
{
    struct rg__h5_scope scope = rg__h5_enter();
    rg_status status = find_kind(file, name, kind);
    rg__h5_leave(&scope);
    return status;
}

struct listing {
    char *text;
    size_t size, used;
};

static herr_t append_name(hid_t group, const char *name, const H5L_info_t *link, void *user)
{
    (void)group, (void)link;
    struct listing *list = user;
    const char *comma = list->used ? ", " : "";
    size_t need = strlen(comma) + strlen(name);
    if (list->used + need + sizeof ", ..." > list->size) {
        snprintf(list->text + list->used, list->size - list->used, "%s...", comma);
        return 1;
    }
    snprintf(list->text + list->used, list->size - list->used, "%s%s", comma, name);
    list->used += need;
    return 0;
}

const char *rg__h5_contents(struct rg__h5 *file, const char *group, char *text, size_t size)
{
    struct listing list = {text, size, 0};
    struct rg__h5_scope scope = rg__h5_enter();
    snprintf(text, size, "nothing");
    H5Literate_by_name(file->file, group, H5_INDEX_NAME, H5_ITER_INC, NULL, append_name, &list,
                       H5P_DEFAULT);
    rg__h5_leave(&scope);
    return text;
}

/* ---- Data sets: description ------------------------------------------------------------------ */

void rg__h5_close_set(struct rg__h5_set *set)
{
    rg__h5_drop(set->plist);
    rg__h5_drop(set->space);
    rg__h5_drop(set->type);
    rg__h5_drop(set->id);
}

static rg_status check_filters(struct rg__h5 *file, const char *name, hid_t plist)
{
    int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t no_values = 0;
        char text[64] = "";
        H5Z_filter_t filter = H5Pget_filter2(plist, (unsigned)i, &flags, &no_values, NULL,
                                             sizeof text, text, &config);
        if (!rg__h5_find_filter(filter))
            return rg__fail(file->ctx, RG_BAD_DATA,
                            "%s: %s is stored with the filter \"%.63s\" (number %d); deflate, "
                            "shuffle and fletcher32 are read: h5repack -f GZIP=4 rewrites the file",
                            file->path, name, text, (int)filter);
    }
    return n < 0 ? rg__h5_fail(file, name, "read its filters") : RG_OK;
}

/* Refuses what lies in other files. */
static rg_status check_storage(struct rg__h5 *file, const char *name, hid_t plist)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    if (layout == H5D_VIRTUAL)
        return rg__fail(file->ctx, RG_BAD_DATA,
                        "%s: %s is a virtual data set, made of other files; copy the data into "
                        "this file",
                        file->path, name);
    if (layout == H5D_CONTIGUOUS && H5Pget_external_count(plist) != 0)
        return rg__fail(file->ctx, RG_BAD_DATA,
                        "%s: %s is stored in another file; copy the data into this file",
                        file->path, name);
    return check_filters(file, name, plist);
}

static rg_status describe_shape(struct rg__h5 *file, const char *name, struct rg__h5_set *set)
{
    hsize_t dims[H5S_MAX_RANK];
    struct rg__h5_info *info = &set->info;
    H5S_class_t class = H5Sget_simple_extent_type(set->space);
    if (class == H5S_NULL)
        return rg__fail(file->ctx, RG_BAD_DATA, "%s: %s has no shape (a null dataspace)",
                        file->path, name);
    int ndim = H5Sget_simple_extent_dims(set->space, dims, NULL);
    if (ndim < 0)
        return rg__h5_fail(file, name, "read its shape");
    if (ndim > RG_MAX_DIMS)
        return rg__fail(file->ctx, RG_BAD_DATA, "%s: %s has %d dimensions; at most %d are read",
                        file->path, name, ndim, RG_MAX_DIMS);
    info->ndim = ndim;
    info->count = 1;
    bool empty = false, too_large = false;
    for (int i = 0; i < ndim; i++) {
        info->dims[i] = (int64_t)dims[i];
        empty |= dims[i] == 0;
        too_large |=
            dims[i] > INT64_MAX || __builtin_mul_overflow(info->count, info->dims[i], &info->count);
    }
    if (too_large && !empty)
        return rg__fail(file->ctx, RG_DAMAGED, "%s: %s has a shape of more than 2^63 elements",
                        file->path, name);
    if (empty)
        info->count = 0;
    return RG_OK;
}

static rg_status fail_size(struct rg__h5 *file, const char *name, const struct rg__h5_info *info)
{
    return rg__fail(file->ctx, RG_DAMAGED,
                    "%s: %s should hold %lld elements of %zu bytes, which the file's %lld bytes "
                    "cannot hold; it is truncated or damaged",
                    file->path, name, (long long)info->count, info->size, (long long)file->size);
}

/* Can the file hold so much? Sets chunked, and the offset of what can be mapped. */
static rg_status check_size(struct rg__h5 *file, const char *name, struct rg__h5_set *set)
{
    struct rg__h5_info *info = &set->info;
    int64_t bytes, most;
    info->offset = -1;
    if (info->size > INT64_MAX || __builtin_mul_overflow(info->count, (int64_t)info->size, &bytes))
        return fail_size(file, name, info);
    if (__builtin_mul_overflow(file->size, EXPANSION, &most))
        most = INT64_MAX;
    H5D_layout_t layout = H5Pget_layout(set->plist);
    info->chunked = layout == H5D_CHUNKED;
    if (layout == H5D_CHUNKED) {
        hsize_t chunk[H5S_MAX_RANK];
        int64_t chunk_bytes = (int64_t)info->size;
        int n = H5Pget_chunk(set->plist, H5S_MAX_RANK, chunk);
        for (int i = 0; i < n; i++)
            if (__builtin_mul_overflow(chunk_bytes, (int64_t)chunk[i], &chunk_bytes))
                return fail_size(file, name, info);
        /* A chunk may be larger than its data set; 16 MiB more is no harm. */
        if (n < 0 || chunk_bytes > most + (1 << 24))
            return fail_size(file, name, info);
    } else if (layout == H5D_COMPACT) {
        most = (int64_t)H5Dget_storage_size(set->id);
    } else {
        haddr_t offset = H5Dget_offset(set->id);
        if (offset != HADDR_UNDEF && bytes > 0) {
            most = offset < (haddr_t)file->size ? file->size - (int64_t)offset : 0;
            if (info->native >= 0 && offset % rg_dtype_size((rg_dtype)info->native) == 0)
                info->offset = (int64_t)offset;
        }
    }
    return bytes > most ? fail_size(file, name, info) : RG_OK;
}

rg_status rg__h5_open_set(struct rg__h5 *file, const char *name, struct rg__h5_set *set)
{
    *set = (struct rg__h5_set){-1, -1, -1, -1, {0}};
    enum rg__h5_kind kind;
    rg_status status = rg__h5_reserve(file->ctx);
    if (status == RG_OK)
        status = find_kind(file, name, &kind);
    if (status != RG_OK)
        return status;
    if (kind != RG__H5_DATASET)
        return rg__fail(file->ctx, RG_BAD_DATA, "%s: %s is %s; a data set is expected", file->path,
                        name, kind == RG__H5_ABSENT ? "missing" : "no data set");
    set->id = H5Dopen2(file->file, name, H5P_DEFAULT);
    if (set->id >= 0)
        set->plist = H5Dget_create_plist(set->id);
    if (set->plist < 0)
        return rg__h5_fail(file, name, "open the data set");
    status = check_storage(file, name, set->plist);
    if (status != RG_OK)
        return status;
    set->type = H5Dget_type(set->id);
    set->space = H5Dget_space(set->id);
    if (set->type < 0 || set->space < 0)
        return rg__h5_fail(file, name, "read its type and shape");
    status = rg__h5_check_type(file, name, set->type);
    if (status != RG_OK)
        return status;
    rg__h5_describe_type(set->type, &set->info);
    if (set->info.variable)
        set->info.stored = 8 + (size_t)file->super.address_size;
    status = describe_shape(file, name, set);
    if (status == RG_OK)
        status = check_size(file, name, set);
    return status == RG_OK ? file->channel.failed : status;
}

rg_status rg__h5_describe(struct rg__h5 *file, const char *name, struct rg__h5_info *info)
{
    struct rg__h5_set set;
    struct rg__h5_scope scope = rg__h5_enter();
    rg_status status = rg__h5_open_set(file, name, &set);
    *info = set.info;
    rg__h5_close_set(&set);
    rg__h5_leave(&scope);
    return status;
}

/* ---- Data sets: numbers ---------------------------------------------------------------------- */

/* The memory type for reading as `dtype`; see rg__h5_read. */
static hid_t reading_type(const struct rg__h5_info *info, rg_dtype dtype)
{
    if (dtype == RG_I64 && info->class == RG__H5_INTEGER && info->is_unsigned && info->size == 8)
        return H5Tcopy(H5T_NATIVE_UINT64);
    if (dtype == RG_BOOL)
        return H5Tcopy(
            H5T_NATIVE_INT8); /* of one-byte numbers: 0 stays 0, others do not become it */
    return rg__h5_memory_type(dtype);
}

rg_status rg__h5_open_to_read(struct rg__h5 *file, const char *name, struct rg__h5_set *set)
{
    rg_status status = rg__h5_open_set(file, name, set);
    return status == RG_OK ? rg__h5_check_written(file, name, set) : status;
}

/* All elements in the file's own type, decoded by the workers where they can. */
static rg_status read_raw(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                          void *to)
{
    bool complete = false;
    rg_status status = rg__h5_read_chunks(file, name, set, to, &complete);
    if (status != RG_OK || complete)
        return status;
    if (H5Dread(set->id, set->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) < 0)
        return rg__h5_fail(file, name, "read it");
    return file->channel.failed;
}

/* What the file holds is compared with its checksum, if it has one, and then converted in `to`; a
 * type that does not fit there is converted by libhdf5 while it reads, and read once more for the
 * checksum. */
static rg_status read_set(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                          rg_dtype dtype, void *to)
{
    hid_t type = reading_type(&set->info, dtype);
    bool in_place = type >= 0 && set->info.size <= H5Tget_size(type), done = type >= 0;
    rg_status status = RG_OK;
    if (in_place)
        status = read_raw(file, name, set, to);
    if (status == RG_OK)
        status = rg__h5_check_numbers(file, name, set, in_place ? to : NULL);
    if (status == RG_OK && in_place)
        done = H5Tconvert(set->type, type, (size_t)set->info.count, to, NULL, H5P_DEFAULT) >= 0;
    else if (status == RG_OK && type >= 0)
        done = H5Dread(set->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
    if (status == RG_OK)
        status = done ? file->channel.failed : rg__h5_fail(file, name, "read it");
    rg__h5_drop(type);
    return status;
}

static rg_status read_bool(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                           uint8_t *to)
{
    int64_t count = set->info.count;
    if (set->info.size == 1) {
        rg_status status = read_set(file, name, set, RG_BOOL, to);
        for (int64_t i = 0; i < count && status == RG_OK; i++)
            to[i] = to[i] != 0;
        return status;
    }
    double *wide = rg__alloc(file->ctx, count, sizeof *wide, name);
    if (!wide)
        return RG_LIMIT;
    rg_status status = read_set(file, name, set, RG_F64, wide);
    for (int64_t i = 0; i < count && status == RG_OK; i++)
        to[i] = wide[i] != 0;
    rg__free(file->ctx, wide);
    return status;
}

rg_status rg__h5_read(struct rg__h5 *file, const char *name, rg_dtype dtype, int64_t count,
                      void *to)
{
    struct rg__h5_set set;
    struct rg__h5_scope scope = rg__h5_enter();
    rg_status status = rg__h5_open_to_read(file, name, &set);
    if (status != RG_OK)
        goto done;
    if (!(set.info.class & (RG__H5_INTEGER | RG__H5_FLOAT | RG__H5_BOOL)))
        status = rg__fail(file->ctx, RG_BAD_DATA, "%s: %s holds no numbers", file->path, name);
    else if (set.info.count != count)
        status = rg__fail(file->ctx, RG_BAD_DATA, "%s: %s has %lld elements; %lld are expected",
                          file->path, name, (long long)set.info.count, (long long)count);
    else if (count > 0)
        status = dtype == RG_BOOL ? read_bool(file, name, &set, to)
                                  : read_set(file, name, &set, dtype, to);
done:
    rg__h5_close_set(&set);
    rg__h5_leave(&scope);
    return status;
}
