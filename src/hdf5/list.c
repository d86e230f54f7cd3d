/* list.c: the names in a group, and those of an object's attributes. */
#include "hdf5/private.h"

#include <stdio.h>
#include <string.h>

struct listing {
    rg__h5_see *see;
    void *user;
    char last[256];  /* the link before, as far as it fits */
    bool disordered; /* libhdf5 lists links by name, unless one of the names has changed */
};

static herr_t see_link(hid_t group, const char *name, const H5L_info_t *link, void *user)
{
    (void)group;
    struct listing *listing = user;
    const size_t most = sizeof listing->last - 1;
    int order = strncmp(name, listing->last, most);
    listing->disordered |= order < 0 || (order == 0 && strlen(name) < most);
    snprintf(listing->last, sizeof listing->last, "%s", name);
    listing->see(listing->user, name, link->type == H5L_TYPE_HARD ? link->u.address : 0);
    return 0;
}

static herr_t see_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user)
{
    (void)object, (void)info;
    const struct listing *listing = user;
    listing->see(listing->user, name, 0);
    return 0;
}

uint64_t rg__h5_address(struct rg__h5 *file, const char *name)
{
    H5O_info_t info = {.addr = 0};
    struct rg__h5_scope scope = rg__h5_enter();
    herr_t done = H5Oget_info_by_name(file->file, name, &info, H5P_DEFAULT);
    rg__h5_leave(&scope);
    return done < 0 ? 0 : info.addr;
}

rg_status rg__h5_list_links(struct rg__h5 *file, const char *group, rg__h5_see *see, void *user)
{
    struct listing listing = {.see = see, .user = user};
    struct rg__h5_scope scope = rg__h5_enter();
    herr_t done = H5Literate_by_name(file->file, group, H5_INDEX_NAME, H5_ITER_INC, NULL, see_link,
                                     &listing, H5P_DEFAULT);
    rg_status status = done < 0 ? rg__h5_fail(file, group, "list what it holds") : RG_OK;
    rg__h5_leave(&scope);
    if (status == RG_OK && listing.disordered)
        status = rg__fail(file->ctx, RG_DAMAGED,
                          "%s: %s: the names in this group are not in order; the file is damaged",
                          file->path, group);
    return status;
}

rg_status rg__h5_list_attributes(struct rg__h5 *file, const char *object, rg__h5_see *see,
                                 void *user)
{
    struct listing listing = {.see = see, .user = user};
    struct rg__h5_scope scope = rg__h5_enter();
    herr_t done = H5Aiterate_by_name(file->file, object, H5_INDEX_NAME, H5_ITER_INC, NULL,
                                     see_attribute, &listing, H5P_DEFAULT);
    rg_status status = done < 0 ? rg__h5_fail(file, object, "list its attributes") : RG_OK;
    rg__h5_leave(&scope);
    return status;
}
