/* attributes.c: attributes of objects: integers and strings. */
#include "hdf5/private.h"

#include <string.h>

/* An attribute with its type and number of elements; id -1 where there is none. */
struct attribute {
    hid_t id, type, space;
    int64_t count;
};

static rg_status open_attribute(struct rg__h5 *file, const char *object, const char *name,
                                struct attribute *a)
{
    *a = (struct attribute){-1, -1, -1, 0};
    H5O_info_t info;
    if (H5Oget_info_by_name(file->file, object, &info, H5P_DEFAULT) < 0)
        return rg__h5_fail(file, object, "read its header");
    rg_status status = rg__h5_read_header(file, object, info.addr, NULL, NULL);
    if (status != RG_OK)
        return status;
    htri_t exists = H5Aexists_by_name(file->file, object, name, H5P_DEFAULT);
    if (exists == 0)
        return RG_OK;
    if (exists > 0)
        a->id = H5Aopen_by_name(file->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (a->id >= 0) {
        a->type = H5Aget_type(a->id);
        a->space = H5Aget_space(a->id);
    }
    if (a->space >= 0)
        a->count = (int64_t)H5Sget_simple_extent_npoints(a->space);
    if (a->type < 0 || a->space < 0 || a->count < 0)
        return rg__h5_fail(file, object, "read its attributes");
    return rg__h5_check_type(file, object, a->type);
}

static void close_attribute(struct attribute *a)
{
    rg__h5_drop(a->space);
    rg__h5_drop(a->type);
    rg__h5_drop(a->id);
}

/* ---- Strings of variable length -------------------------------------------------------------- */

/* A search for the reference to the text of an attribute, in the header of its object. */
struct search {
    const char *name;
    size_t size; /* of a reference */
    bool found;
    unsigned char reference[16];
};

static rg_status take_attribute(void *user, const struct rg__h5_message *m)
{
    struct search *s = user;
    struct rg__h5_attribute a;
    if (m->type != RG__H5_ATTRIBUTE || s->found || (m->flags & RG__H5_SHARED) ||
        !rg__h5_split_attribute(m, &a) || strcmp(a.name, s->name) != 0 ||
        (size_t)(a.end - a.value) < s->size)
        return RG_OK;
    memcpy(s->reference, a.value, s->size);
    s->found = true;
    return RG_OK;
}

/* libhdf5 hands over such a string after it has followed the reference into the heap, which it does
 * not check; so the reference is looked up in the object's header, and followed by heap.c. */
static rg_status read_variable(struct rg__h5 *file, const char *object, const char *name,
                               char **out)
{
    H5O_info_t info;
    struct search search = {.name = name, .size = 8 + (size_t)file->super.address_size};
    struct rg__h5_heap heap = {.file = file, .name = object, .room = file->size};
    const char *text;
    size_t length;
    if (H5Oget_info_by_name(file->file, object, &info, H5P_DEFAULT) < 0)
        return rg__h5_fail(file, object, "read its header");
    rg_status status = rg__h5_read_header(file, object, info.addr, take_attribute, &search);
    if (status == RG_OK && !search.found)
        status = rg__fail(file->ctx, RG_BAD_DATA,
                          "%s: %s: the attribute %s is not stored with its object, for there are "
                          "too many attributes; expected a string of fixed length, or fewer "
                          "attributes",
                          file->path, object, name);
    if (status == RG_OK)
        status = rg__h5_heap_text(&heap, search.reference, &text, &length);
    if (status == RG_OK && !(*out = rg__strndup(file->ctx, text, length)))
        status = RG_LIMIT;
    rg__h5_heap_free(&heap);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static rg_status read_fixed(struct rg__h5 *file, const char *object, const struct attribute *a,
                            char **out)
{
    rg_status status = RG_OK;
    size_t size = H5Tget_size(a->type);
    if (size > (size_t)file->size)
        return rg__fail(file->ctx, RG_DAMAGED, "%s: %s: an attribute is longer than the file",
                        file->path, object);
    char *bytes = rg__alloc(file->ctx, 1, size, "an attribute");
    if (!bytes)
        return RG_LIMIT;
    if (H5Aread(a->id, a->type, bytes) < 0)
        status = rg__h5_fail(file, object, "read its attributes");
    else if (!(*out = rg__strndup(file->ctx, bytes,
                                  rg__h5_fixed_length(bytes, size, H5Tget_strpad(a->type)))))
        status = RG_LIMIT;
    rg__free(file->ctx, bytes);
    return status;
}

rg_status rg__h5_read_attribute(struct rg__h5 *file, const char *object, const char *name,
                                char **out)
{
    struct attribute a;
    struct rg__h5_scope scope = rg__h5_enter();
    *out = NULL;
    rg_status status = open_attribute(file, object, name, &a);
    if (status == RG_OK && a.id >= 0) {
        if (H5Tget_class(a.type) != H5T_STRING || a.count != 1)
            status = rg__fail(file->ctx, RG_BAD_DATA, "%s: %s: the attribute %s is no string",
                              file->path, object, name);
        else
            status = H5Tis_variable_str(a.type) > 0 ? read_variable(file, object, name, out)
                                                    : read_fixed(file, object, &a, out);
    }
    close_attribute(&a);
    rg__h5_leave(&scope);
    return status;
}

rg_status rg__h5_read_attribute_i64(struct rg__h5 *file, const char *object, const char *name,
                                    int64_t n, int64_t *values, bool *found)
{
    struct attribute a;
    struct rg__h5_scope scope = rg__h5_enter();
    rg_status status = open_attribute(file, object, name, &a);
    *found = a.id >= 0;
    if (status == RG_OK && a.id >= 0) {
        bool wide = H5Tget_size(a.type) == 8 && H5Tget_sign(a.type) == H5T_SGN_NONE;
        if (H5Tget_class(a.type) != H5T_INTEGER || a.count != n)
            status =
                rg__fail(file->ctx, RG_BAD_DATA, "%s: %s: the attribute %s has not %lld integers",
                         file->path, object, name, (long long)n);
        else if (H5Aread(a.id, wide ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, values) < 0)
            status = rg__h5_fail(file, object, "read its attributes");
    }
    close_attribute(&a);
    rg__h5_leave(&scope);
    return status;
}
