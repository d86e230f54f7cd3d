/* unused.c: what a data set file holds that is not read: data sets, groups and attributes with
 * other names than those of the format. They are named in the log, since a misspelt "weight" would
 * otherwise be ignored silently. Unknown groups are not looked into. */
#include "data/hdf5/layout.h"

#include "data/listing.h"

#include <stdio.h>
#include <string.h>

/* Attributes that are read, that say how something is stored, or that HDF5's own tools write. */
static const char *const known_attributes[] = {
    "format", "format_version", "encoding-type",  "encoding-version",
    "shape",  "xxh3",           "xxh3_text",      "CLASS",
    "NAME",   "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS",
    NULL};

/* A group or data set under way. */
struct visit {
    struct rg__h5 *file;
    const struct rg__layout *layouts;
    int n;
    const char *object;
    uint64_t used[RG__MAX_SPLITS * RG__N_FIELDS]; /* addresses of what is read */
    int n_used;
    struct rg__listing unused;
};

/* Whether `name` is one of the format's in the split. */
static bool is_of_split(const struct rg__layout *layout, const char *name)
{
    char known[RG__FIELD_NAME];
    for (int field = 0; field < RG__N_FIELDS; field++)
        if (strcmp(name, rg__field_name(layout->split, (enum rg__field)field, known)) == 0)
            return true;
    snprintf(known, sizeof known, "/%s", layout->split);
    return strcmp(name, known) == 0;
}

/* Finds what is read, which may have other names too: a link leads to it. */
static void find_used(struct visit *v)
{
    char name[RG__FIELD_NAME];
    for (int i = 0; i < v->n; i++)
        for (int field = 0; field < RG__N_FIELDS; field++)
            if (v->layouts[i].has[field])
                v->used[v->n_used++] = rg__h5_address(
                    v->file, rg__field_name(v->layouts[i].split, (enum rg__field)field, name));
}

static void see_link(void *user, const char *name, uint64_t address)
{
    struct visit *v = user;
    char whole[512];
    for (int i = 0; i < v->n_used; i++)
        if (address && address == v->used[i])
            return;
    snprintf(whole, sizeof whole, "%s/%s", v->object, name);
    for (int i = 0; i < v->n; i++)
        if (is_of_split(&v->layouts[i], whole))
            return;
    rg__listing_add(&v->unused, "%.100s", whole);
}

static void see_attribute(void *user, const char *name, uint64_t address)
{
    (void)address;
    struct visit *v = user;
    if (rg__find_name(known_attributes, name) < 0)
        rg__listing_add(&v->unused, "attribute %.80s of %s", name, *v->object ? v->object : "/");
}

/* The attributes of an object, and with `is_group` what it holds. */
static rg_status visit(struct visit *v, const char *object, bool is_group)
{
    v->object = strcmp(object, "/") == 0 ? "" : object;
    rg_status status = is_group ? rg__h5_list_links(v->file, object, see_link, v) : RG_OK;
    return status == RG_OK ? rg__h5_list_attributes(v->file, object, see_attribute, v) : status;
}

static rg_status visit_split(struct visit *v, const struct rg__layout *layout)
{
    char name[RG__FIELD_NAME];
    rg_status status = RG_OK;
    snprintf(name, sizeof name, "/%s", layout->split);
    if (*layout->split)
        status = visit(v, name, true);
    for (int field = 0; field < RG__N_FIELDS && status == RG_OK; field++) {
        bool is_group = field == RG__FEATURES && layout->sparse;
        if (is_group || layout->has[field])
            status = visit(v, rg__field_name(layout->split, (enum rg__field)field, name), is_group);
    }
    return status;
}

rg_status rg__hdf5_log_unused(rg_context *ctx, const char *path, struct rg__h5 *file,
                              const struct rg__layout *layouts, int n)
{
    struct visit v = {.file = file, .layouts = layouts, .n = n};
    find_used(&v);
    rg_status status = visit(&v, "/", true);
    for (int i = 0; i < n && status == RG_OK; i++)
        status = visit_split(&v, &layouts[i]);
    if (status == RG_OK && v.unused.n > 0)
        rg__log(ctx, RG_LOG_INFO, "%.300s: found but not used: %s", path,
                rg__listing_end(&v.unused));
    return status;
}
