/* scope.c: libhdf5 kept quiet, and its complaints put into our words.
 *
 * Whether and how HDF5 prints its errors is a setting of the calling program; it is
 * switched off only while we are inside. */
#include "hdf5/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVE = 4 << 20 }; /* bytes: what libhdf5 needs for a data set, and some more */

void rg__h5_version(char *text, size_t size)
{
    unsigned v[3] = {0};
    H5get_libversion(&v[0], &v[1], &v[2]);
    snprintf(text, size, "HDF5 %u.%u.%u", v[0], v[1], v[2]);
}

rg_status rg__h5_check_support(rg_context *ctx, const char *path)
{
    (void)ctx, (void)path;
    return RG_OK;
}

struct rg__h5_scope rg__h5_enter(void)
{
    struct rg__h5_scope scope = {.is_v2 = 1};
    H5dont_atexit(); /* of no effect once HDF5 has been used, by us or by the calling program */
    H5Eauto_is_v2(H5E_DEFAULT, &scope.is_v2);
    if (scope.is_v2) {
        H5Eget_auto2(H5E_DEFAULT, &scope.print2, &scope.user);
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    } else {
        H5Eget_auto1(&scope.print1, &scope.user);
        H5Eset_auto1(NULL, NULL);
    }
    return scope;
}

rg_status rg__h5_reserve(rg_context *ctx)
{
    /* Not the context's allocator: libhdf5 has this one. Without volatile a compiler may drop the
     * pair of calls, as clang does. */
    void *volatile block = malloc(RESERVE);
    if (!block)
        return rg__fail_memory(ctx, RESERVE, "HDF5");
    free(block);
    return RG_OK;
}

void rg__h5_leave(const struct rg__h5_scope *scope)
{
    if (scope->is_v2)
        H5Eset_auto2(H5E_DEFAULT, scope->print2, scope->user);
    else
        H5Eset_auto1(scope->print1, scope->user);
}

void rg__h5_drop(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}

struct complaint {
    char *text;
    bool no_memory;
};

/* The innermost message is taken; but that memory was refused may be said further out only. A
 * function further out says CANTALLOC of other failures, too. */
static herr_t take(unsigned n, const H5E_error2_t *error, void *user)
{
    struct complaint *complaint = user;
    complaint->no_memory |=
        error->min_num == H5E_NOSPACE || (n == 0 && error->min_num == H5E_CANTALLOC);
    if (n > 0)
        return 0;
    snprintf(complaint->text, RG__H5_TEXT, "%s (%s)", error->desc ? error->desc : "no message",
             error->func_name ? error->func_name : "?");
    return 0;
}

const char *rg__h5_complaint(char text[RG__H5_TEXT], bool *no_memory)
{
    struct complaint complaint = {text, H5Eget_num(H5E_DEFAULT) <= 0}; /* not even for a message */
    snprintf(text, RG__H5_TEXT, "no reason is given");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &complaint);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    *no_memory = complaint.no_memory;
    return text;
}
