/* dataset.h (internal): what a data set is made of, whoever fills it.
 *
 * A data set owns a list of blocks and frees them all when it is closed; the splits
 * only point into them (or into the mapped file). A reader that fails half way leaves everything
 * to rg_dataset_close.
 */
#ifndef RG_DATA_DATASET_H
#define RG_DATA_DATASET_H

#include "base/base.h"

#include <rankgrad/data.h>

enum { RG__MAX_SPLITS = 3 };

struct rg_dataset {
    rg_context *ctx;
    char *path;         /* as it was given to open; for messages */
    const char *format; /* of the file that was read last: its name in rg_formats() */
    int n_splits;
    rg_split splits[RG__MAX_SPLITS]; /* in the order of rg__split_names, or the one named "" */
    void **blocks;                   /* owned memory, see rg__own */
    int64_t n_blocks, room;
    void *map; /* the file, mapped, while splits point into it; else NULL */
    size_t map_size;
    rg_dataset *parts[RG__MAX_SPLITS]; /* data sets that splits were taken from */
    int n_parts;
};

/* "train", "vali", "test", NULL. */
extern const char *const rg__split_names[RG__MAX_SPLITS + 1];

/* An empty data set (n_splits 0), ended by rg_dataset_close; NULL: error recorded. */
rg_dataset *rg__dataset_new(rg_context *ctx, const char *path);

/* Hands a block of rg__alloc or rg__grow to the data set and gives it back. NULL in gives NULL
 * out; when there is no memory to remember it, the block is freed and NULL returned. Once owned, a
 * block may not be grown or freed by others. */
void *rg__own(rg_dataset *dataset, void *block);

/* rg__own(rg__alloc(...)): zeroed memory that lives as long as the data set. */
void *rg__own_new(rg_dataset *dataset, int64_t count, size_t size, const char *what);

#endif
