/* layout.h (internal): data sets in HDF5, format "rankgrad-dataset" 1.0 (docs/file-format.md).
 *
 * Reading has two halves. The layout (names, shapes, types, lengths that must fit) is
 * read and checked first, from the file's headers alone; the numbers are read afterwards, by a
 * layout that is known to be sound. */
#ifndef RG_DATA_HDF5_LAYOUT_H
#define RG_DATA_HDF5_LAYOUT_H

#include "data/dataset.h"
#include "hdf5/h5.h"

#define RG__DATASET_FORMAT  "rankgrad-dataset"
#define RG__DATASET_VERSION "1.0"

/* Fills the data set from the file at its path. */
rg_status rg__hdf5_open(rg_dataset *dataset, const rg_dataset_options *options);

/* What a split may hold. */
enum rg__field {
    RG__FEATURES, /* dense */
    RG__DATA,     /* sparse: three arrays in the group features */
    RG__INDICES,
    RG__INDPTR,
    RG__LABELS,
    RG__OFFSETS, /* lists are given by offsets, by list sizes, or by an id per row */
    RG__GROUP,
    RG__QID,
    RG__QUERY_IDS,
    RG__DOC_IDS,
    RG__FEATURE_NAMES,
    RG__WEIGHTS,
    RG__LIST_WEIGHTS,
    RG__POSITIONS,
    RG__SUBTOPICS,
    RG__MASK,
    RG__N_FIELDS
};

struct rg__layout {
    const char *split; /* "train", ... or "": the root */
    bool sparse;
    int64_t n_rows, n_features;
    int64_t n_lists; /* -1: only the qids themselves tell */
    bool has[RG__N_FIELDS];
    struct rg__h5_info info[RG__N_FIELDS];
};

/* Reads the layout of all splits of a file, at most RG__MAX_SPLITS. */
rg_status rg__hdf5_layout(rg_context *ctx, const char *path, struct rg__h5 *file,
                          struct rg__layout *layouts, int *n);

/* Names in the log what the file holds beside these splits. */
rg_status rg__hdf5_log_unused(rg_context *ctx, const char *path, struct rg__h5 *file,
                              const struct rg__layout *layouts, int n);

/* Whether what has one element a list fits n_lists. */
rg_status rg__hdf5_check_lists(rg_context *ctx, const char *path, const struct rg__layout *layout,
                               int64_t n_lists);

/* The name of a field, "/train/labels", in a buffer that the caller gives; returns it. */
enum { RG__FIELD_NAME = 64 };
const char *rg__field_name(const char *split, enum rg__field field, char text[RG__FIELD_NAME]);

#endif
