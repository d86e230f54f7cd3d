/* side_files.h (internal): the files beside a text file X that belong to it, as LightGBM and
 * XGBoost write them:
 *
 *     X.query or X.group   list sizes, one per line, where the rows have no qid
 *     X.weight             one weight per line: one per row, or one per list
 *     X.position           where an item was shown, one per row
 *
 * Other files that these programs put there (X.init, X.base_margin) are not read, but reported. */
#ifndef RG_DATA_TEXT_SIDE_FILES_H
#define RG_DATA_TEXT_SIDE_FILES_H

#include "data/builder/builder.h"
#include "data/listing.h"

/* What the name of a text file gets for the files that are read beside it; those of list sizes
 * first, in the order in which they are looked for. */
#define RG__GROUP_ENDINGS ".query", ".group"
#define RG__SIDE_ENDINGS  RG__GROUP_ENDINGS, ".weight", ".position"

/* Files that were found beside text: for the log. */
struct rg__found {
    struct rg__listing used, unused;
};

enum rg__side { RG__SIDE_WEIGHTS, RG__SIDE_LIST_WEIGHTS, RG__SIDE_POSITIONS, RG__N_SIDES };

/* The side files of one split. The first four members are set by the caller, the others zeroed. */
struct rg__side_files {
    rg_context *ctx;
    const rg_dataset_options *options;
    struct rg__builder *builder;
    struct rg__found *found; /* gets what is there */
    bool lists_missing;      /* a file had neither qid nor list sizes */
    const char *with[RG__N_SIDES], *without[RG__N_SIDES]; /* text files that have it, or have not */
};

/* Reads what stands beside the text file `path`, whose rows and (with `has_qid`) lists are those
 * added from first_row and first_list on. RG_BAD_DATA: neither qid nor list sizes where lists
 * are needed; a line that is not what is expected; lengths that do not fit; one file of a split has
 * what another lacks. RG_USAGE: list sizes were given, but the rows have qid. */
rg_status rg__side_files_read(struct rg__side_files *side, const char *path, int64_t first_row,
                              int64_t first_list, bool has_qid);

#endif
