/* hdf5.c: data sets in HDF5 as a format, see data/hdf5/ and docs/file-format.md. */
#include "data/formats.h"

#include "data/hdf5/layout.h"

const struct rg__format rg__format_hdf5 = {
    .component = {.name = "HDF5", .formula = "an HDF5 file, docs/file-format.md"},
    .detect_file = rg__h5_recognise,
    .open = rg__hdf5_open};

rg_status rg_dataset_verify(rg_context *ctx, const char *path, int *n_checked)
{
    struct rg__h5 *file;
    int n = 0;
    rg_status status = rg__require(ctx, "rg_dataset_verify", "path", path, NULL);
    if (status != RG_OK)
        return status;
    status = rg__h5_open(ctx, path, &file);
    if (status == RG_OK)
        status = rg__h5_verify(file, &n);
    if (status == RG_OK && n_checked)
        *n_checked = n;
    rg__h5_close(file);
    return status;
}
