/* layout.c: what a data set file holds: names, shapes, types, and whether they fit.
 *
 * A table of fields: what each is called, which types it may have, and what its
 * length must be. No number of a data set is read here. */
#include "data/hdf5/layout.h"

#include "tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum length { FREE, ROWS, LISTS, COLUMNS };

enum {
    NUMBER = RG__H5_INTEGER | RG__H5_FLOAT | RG__H5_BOOL,
    TEXT_OR_INTEGER = RG__H5_STRING | RG__H5_INTEGER,
    CONTENTS = 200 /* bytes of a listing in a message */
};

static const struct {
    const char *name;
    int classes; /* of enum rg__h5_class, or-ed */
    int ndim;
    enum length length;
    const char *expected;
} fields[RG__N_FIELDS] = {
    [RG__FEATURES] = {"features", NUMBER, 2, FREE, "numbers (rows, features)"},
    [RG__DATA] = {"features/data", NUMBER, 1, FREE, "numbers"},
    [RG__INDICES] = {"features/indices", RG__H5_INTEGER, 1, FREE, "integers"},
    [RG__INDPTR] = {"features/indptr", RG__H5_INTEGER, 1, FREE, "integers"},
    [RG__LABELS] = {"labels", NUMBER, 1, ROWS, "a number a row"},
    [RG__OFFSETS] = {"offsets", RG__H5_INTEGER, 1, FREE, "integers, one more than lists"},
    [RG__GROUP] = {"group", RG__H5_INTEGER, 1, FREE, "integers, the size of each list"},
    [RG__QID] = {"qid", TEXT_OR_INTEGER | RG__H5_FLOAT, 1, ROWS, "an integer or a string a row"},
    [RG__QUERY_IDS] = {"query_ids", TEXT_OR_INTEGER, 1, LISTS, "a string a list"},
    [RG__DOC_IDS] = {"doc_ids", TEXT_OR_INTEGER, 1, ROWS, "a string a row"},
    [RG__FEATURE_NAMES] = {"feature_names", RG__H5_STRING, 1, COLUMNS, "a string a feature"},
    [RG__WEIGHTS] = {"weights", NUMBER, 1, ROWS, "a number a row"},
    [RG__LIST_WEIGHTS] = {"list_weights", NUMBER, 1, LISTS, "a number a list"},
    [RG__POSITIONS] = {"positions", RG__H5_INTEGER, 1, ROWS, "an integer a row"},
    [RG__SUBTOPICS] = {"subtopics", RG__H5_INTEGER | RG__H5_BOOL, 2, ROWS,
                       "integers (rows, subtopics)"},
    [RG__MASK] = {"mask", NUMBER, 1, ROWS, "a bool a row"},
};

const char *rg__field_name(const char *split, enum rg__field field, char text[RG__FIELD_NAME])
{
    snprintf(text, RG__FIELD_NAME, "%s%s/%s", split[0] ? "/" : "", split, fields[field].name);
    return text;
}

/* The shape of a data set in words. */
static const char *shape_text(const struct rg__h5_info *info, char text[RG__SHAPE_TEXT])
{
    rg_tensor shape = {.ndim = info->ndim};
    memcpy(shape.dims, info->dims, sizeof shape.dims);
    return rg__shape_text(&shape, text);
}

/* ---- One field ------------------------------------------------------------------------------- */

/* What has one dimension may also be a column, (n,1): a slice of a table in NumPy and pandas is. */
static rg_status check_field(rg_context *ctx, const char *path, const char *name,
                             enum rg__field field, const struct rg__h5_info *info)
{
    char shape[RG__SHAPE_TEXT];
    bool column = fields[field].ndim == 1 && info->ndim == 2 && info->dims[1] == 1;
    if (field == RG__FEATURES && info->ndim == 1)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: %s has the shape %s; (rows, features) is expected: reshape it, to "
                        "(%lld,1) if there is one feature",
                        path, name, shape_text(info, shape), (long long)info->dims[0]);
    if (info->ndim != fields[field].ndim && !column)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: %s has the shape %s, of %d dimensions; %s %s expected", path, name,
                        shape_text(info, shape), info->ndim, fields[field].expected,
                        fields[field].ndim == 1 ? "in one dimension are" : "are");
    if (!((int)info->class & fields[field].classes))
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s has elements of the wrong type: %s expected",
                        path, name, fields[field].expected);
    return RG_OK;
}

/* Describes a field, where it is there. */
static rg_status find_field(rg_context *ctx, const char *path, struct rg__h5 *file,
                            enum rg__field field, struct rg__layout *layout)
{
    char name[RG__FIELD_NAME];
    enum rg__h5_kind kind;
    rg__field_name(layout->split, field, name);
    rg_status status = rg__h5_kind(file, name, &kind);
    if (status != RG_OK || kind == RG__H5_ABSENT)
        return status;
    if (kind == RG__H5_GROUP && field == RG__FEATURES) {
        layout->sparse = true;
        return RG_OK;
    }
    if (kind != RG__H5_DATASET)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s is no data set; %s expected", path, name,
                        fields[field].expected);
    status = rg__h5_describe(file, name, &layout->info[field]);
    if (status == RG_OK)
        status = check_field(ctx, path, name, field, &layout->info[field]);
    layout->has[field] = status == RG_OK;
    return status;
}

/* ---- Fields together ------------------------------------------------------------------------- */

static rg_status check_sparse(rg_context *ctx, const char *path, struct rg__h5 *file,
                              struct rg__layout *layout)
{
    char group[RG__FIELD_NAME], *encoding = NULL;
    int64_t shape[2];
    bool found = false;
    rg__field_name(layout->split, RG__FEATURES, group);
    rg_status status = rg__h5_read_attribute(file, group, "encoding-type", &encoding);
    if (status != RG_OK)
        return status;
    if (!encoding || strcmp(encoding, "csr_matrix") != 0)
        status = rg__fail(ctx, RG_BAD_DATA,
                          "%s: %s is a group with encoding-type %.40s; csr_matrix is expected "
                          "(sparse rows as AnnData stores them)",
                          path, group, encoding ? encoding : "missing");
    rg__free(ctx, encoding);
    if (status == RG_OK)
        status = rg__h5_read_attribute_i64(file, group, "shape", 2, shape, &found);
    if (status != RG_OK)
        return status;
    for (int field = RG__DATA; field <= RG__INDPTR; field++)
        found &= layout->has[field];
    if (!found)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: %s needs the attribute shape and the data sets data, indices, indptr",
                        path, group);
    if (shape[0] < 0 || shape[1] < 0 || shape[1] > INT32_MAX)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s: shape (%lld,%lld); at most 2^31 - 1 features",
                        path, group, (long long)shape[0], (long long)shape[1]);
    int64_t n_indptr = layout->info[RG__INDPTR].count, n_indices = layout->info[RG__INDICES].count;
    if (n_indptr - 1 != shape[0])
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: %s: indptr has %s, shape says %s; rows + 1 are expected", path, group,
                        rg__counted(n_indptr, "element").text, rg__counted(shape[0], "row").text);
    if (n_indices != layout->info[RG__DATA].count)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s: data has %s, indices %lld", path, group,
                        rg__counted(layout->info[RG__DATA].count, "element").text,
                        (long long)n_indices);
    layout->n_rows = shape[0];
    layout->n_features = shape[1];
    return RG_OK;
}

/* Compares every field of that kind of length with what it must be. */
static rg_status check_lengths(rg_context *ctx, const char *path, const struct rg__layout *layout,
                               enum length length, int64_t expected)
{
    static const char *const what[] = {[ROWS] = "row", [LISTS] = "list", [COLUMNS] = "feature"};
    static const enum rg__field sources[] = {RG__OFFSETS, RG__GROUP, RG__QID};
    char name[RG__FIELD_NAME], other[RG__FIELD_NAME];
    enum rg__field source = RG__FEATURES;
    for (int i = RG__COUNT(sources) - 1; i >= 0 && length == LISTS; i--)
        if (layout->has[sources[i]])
            source = sources[i];
    for (int field = 0; field < RG__N_FIELDS; field++) {
        const struct rg__h5_info *info = &layout->info[field];
        bool table = fields[field].ndim == 2;
        int64_t found = table ? info->dims[0] : info->count;
        if (layout->has[field] && fields[field].length == length && found != expected)
            return rg__fail(ctx, RG_BAD_DATA, "%s: %s has %s, but %s has %s; they must be as many",
                            path, rg__field_name(layout->split, (enum rg__field)field, name),
                            rg__counted(found, table ? "row" : "element").text,
                            rg__field_name(layout->split, source, other),
                            rg__counted(expected, what[length]).text);
    }
    return RG_OK;
}

rg_status rg__hdf5_check_lists(rg_context *ctx, const char *path, const struct rg__layout *layout,
                               int64_t n_lists)
{
    return check_lengths(ctx, path, layout, LISTS, n_lists);
}

/* What the headers say of the number of lists. */
static rg_status count_lists(rg_context *ctx, const char *path, struct rg__layout *layout)
{
    char name[RG__FIELD_NAME], other[RG__FIELD_NAME];
    int64_t by_offsets = layout->has[RG__OFFSETS] ? layout->info[RG__OFFSETS].count - 1 : -1;
    int64_t by_group = layout->has[RG__GROUP] ? layout->info[RG__GROUP].count : -1;
    rg__field_name(layout->split, RG__OFFSETS, name);
    rg__field_name(layout->split, RG__GROUP, other);
    if (layout->has[RG__OFFSETS] && by_offsets < 0)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s is empty; 0 is its first element", path, name);
    if (layout->has[RG__OFFSETS] && layout->has[RG__GROUP] && by_offsets != by_group)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s tells of %s, %s of %lld", path, name,
                        rg__counted(by_offsets, "list").text, other, (long long)by_group);
    layout->n_lists = layout->has[RG__OFFSETS] ? by_offsets : by_group;
    if (layout->n_lists < 0 && !layout->has[RG__QID])
        layout->n_lists = 0;
    return layout->n_lists < 0 ? RG_OK : rg__hdf5_check_lists(ctx, path, layout, layout->n_lists);
}

static rg_status read_layout(rg_context *ctx, const char *path, struct rg__h5 *file,
                             struct rg__layout *layout)
{
    char name[RG__FIELD_NAME], list[CONTENTS];
    rg_status status = RG_OK;
    for (int field = 0; field < RG__N_FIELDS && status == RG_OK; field++)
        if (layout->sparse || field < RG__DATA || field > RG__INDPTR)
            status = find_field(ctx, path, file, (enum rg__field)field, layout);
    if (status != RG_OK)
        return status;
    rg__field_name(layout->split, RG__FEATURES, name);
    if (layout->sparse) {
        status = check_sparse(ctx, path, file, layout);
    } else if (layout->has[RG__FEATURES]) {
        layout->n_rows = layout->info[RG__FEATURES].dims[0];
        layout->n_features = layout->info[RG__FEATURES].dims[1];
    } else {
        char group[RG__FIELD_NAME];
        snprintf(group, sizeof group, "/%s", layout->split);
        status = rg__fail(ctx, RG_BAD_DATA, "%s: %s is missing; %s holds: %s", path, name, group,
                          rg__h5_contents(file, group, list, sizeof list));
    }
    if (status == RG_OK && layout->n_features == 0)
        status = rg__fail(ctx, RG_BAD_DATA, "%s: %s has no features (columns)", path, name);
    if (status == RG_OK)
        status = check_lengths(ctx, path, layout, ROWS, layout->n_rows);
    if (status == RG_OK)
        status = check_lengths(ctx, path, layout, COLUMNS, layout->n_features);
    return status == RG_OK ? count_lists(ctx, path, layout) : status;
}

/* ---- The file -------------------------------------------------------------------------------- */

static rg_status check_version(rg_context *ctx, const char *path, const char *version)
{
    long major = strtol(RG__DATASET_VERSION, NULL, 10);
    char *end;
    long found = strtol(version, &end, 10);
    if (end == version || (*end != '.' && *end != '\0'))
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: format_version is \"%.40s\"; " RG__DATASET_VERSION " is expected",
                        path, version);
    if (found != major)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: written in version %.40s of the format; version %ld is read here: a "
                        "newer Rankgrad reads it",
                        path, version, major);
    return RG_OK;
}

/* Attributes are optional: three lines of h5py write none. */
static rg_status check_format(rg_context *ctx, const char *path, struct rg__h5 *file)
{
    char *format = NULL, *version = NULL;
    rg_status status = rg__h5_read_attribute(file, "/", "format", &format);
    if (status != RG_OK || !format)
        return status;
    if (strcmp(format, "rankgrad-model") == 0)
        status = rg__fail(ctx, RG_BAD_DATA,
                          "%s: is a model, not a data set; are the arguments swapped?", path);
    else if (strcmp(format, RG__DATASET_FORMAT) != 0)
        status = rg__fail(ctx, RG_BAD_DATA, "%s: its format is \"%.40s\"; \"%s\" is expected", path,
                          format, RG__DATASET_FORMAT);
    else
        status = rg__h5_read_attribute(file, "/", "format_version", &version);
    if (status == RG_OK && version)
        status = check_version(ctx, path, version);
    rg__free(ctx, version);
    rg__free(ctx, format);
    return status;
}

/* Finds which splits there are: groups of the three names, or the root. */
static rg_status find_splits(rg_context *ctx, const char *path, struct rg__h5 *file,
                             struct rg__layout *layouts, int *n)
{
    char name[RG__FIELD_NAME], list[CONTENTS];
    enum rg__h5_kind kind;
    *n = 0;
    for (int i = 0; i < RG__MAX_SPLITS; i++) {
        snprintf(name, sizeof name, "/%s", rg__split_names[i]);
        rg_status status = rg__h5_kind(file, name, &kind);
        if (status != RG_OK)
            return status;
        if (kind == RG__H5_DATASET)
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s: %s is a data set; a group with features and "
                            "labels is expected under this name",
                            path, name);
        if (kind == RG__H5_GROUP)
            layouts[(*n)++] = (struct rg__layout){.split = rg__split_names[i]};
    }
    rg__field_name("", RG__FEATURES, name);
    rg_status status = rg__h5_kind(file, name, &kind);
    if (status != RG_OK)
        return status;
    if (kind != RG__H5_ABSENT && *n > 0)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: holds both %s and a group %s; which of them is the "
                        "data?",
                        path, name, layouts[0].split);
    if (kind == RG__H5_ABSENT && *n == 0)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: neither %s nor a group train, vali or test is in this file; it holds: "
                        "%s",
                        path, name, rg__h5_contents(file, "/", list, sizeof list));
    if (*n == 0)
        layouts[(*n)++] = (struct rg__layout){.split = ""};
    return RG_OK;
}

rg_status rg__hdf5_layout(rg_context *ctx, const char *path, struct rg__h5 *file,
                          struct rg__layout *layouts, int *n)
{
    rg_status status = check_format(ctx, path, file);
    if (status == RG_OK)
        status = find_splits(ctx, path, file, layouts, n);
    for (int i = 0; status == RG_OK && i < *n; i++) {
        status = read_layout(ctx, path, file, &layouts[i]);
        bool named = layouts[i].has[RG__FEATURE_NAMES] && layouts[0].has[RG__FEATURE_NAMES];
        if (status == RG_OK && !named && layouts[i].n_features != layouts[0].n_features)
            status = rg__fail(ctx, RG_BAD_DATA,
                              "%s: /%s has %lld features, /%s has %lld; all splits must have as "
                              "many, or feature names to match them by",
                              path, layouts[0].split, (long long)layouts[0].n_features,
                              layouts[i].split, (long long)layouts[i].n_features);
    }
    return status;
}
