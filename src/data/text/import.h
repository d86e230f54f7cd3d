/* import.h (internal): text files to splits. */
#ifndef RG_DATA_TEXT_IMPORT_H
#define RG_DATA_TEXT_IMPORT_H

#include "data/dataset.h"

/* That a feature may have, from 0 or 1. */
#define RG__LARGEST_INDEX (((int64_t)1 << 31) - 2)

/* Reads text files, plain or gzip, "-" for standard input, and adds their splits to a data set.
 * width_of: the file whose number of features options->n_features is, NULL: it is an option.
 * Failures are those of rg_dataset_import. */
rg_status rg__import_text(const rg_data_source *sources, int n_sources,
                          const rg_dataset_options *options, const char *width_of,
                          rg_dataset *dataset);

#endif
