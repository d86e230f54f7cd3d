/* import.h (internal): SVMlight / LETOR text. */
#ifndef RG_DATA_TEXT_IMPORT_H
#define RG_DATA_TEXT_IMPORT_H

#include "data/dataset.h"

/* Reads one text file, plain or gzip, "-" for standard input, as the only split (named "") of an
 * empty data set. Failures as told at rg_dataset_import. */
rg_status rg__text_open(rg_context *ctx, const char *path, const rg_dataset_options *options,
                        rg_dataset *dataset);

#endif
