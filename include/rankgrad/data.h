/* data.h: ranking data: reading, writing and generating data sets.
 *
 * A split is rows of features in lists of different lengths, separated by offsets and never padded.
 * It is a public struct: rg_dataset_open and rg_dataset_import fill it from files, and a program with
 * its rows in arrays can fill it directly.
 *
 * Files are HDF5 "rankgrad-dataset" 1.0 (docs/file-format.md) or SVMlight / LETOR text, plain or
 * gzip; the format is recognised from the content.
 */
#ifndef RANKGRAD_DATA_H
#define RANKGRAD_DATA_H

#include <rankgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows (N,F) in Q lists. The arrays belong to a data set or to the caller; absent ones are NULL. */
typedef struct rg_split {
    const char *name; /* "train", "vali", "test"; "" for the only split of a file */
    const char *path; /* of the file it was read from, for messages; NULL: none, or several */
    int64_t n_rows;
    int64_t n_features;
    int64_t n_lists;
    rg_tensor features;         /* (N,F) f16, f32 or f64; data NULL when the rows are sparse */
    rg_csr csr;                 /* indptr NULL when the rows are dense */
    const int64_t *columns;     /* (F) for dense rows: the column of `features`, which may have more
                               than F, of each feature; NULL: column j is feature j */
    const double *labels;       /* (N) */
    const int64_t *offsets;     /* (Q+1) first 0, never decreasing, last N */
    const double *weights;      /* (N) multiply the labels in losses */
    const double *list_weights; /* (Q) multiply the losses of lists */
    const int64_t *positions;   /* (N) where an item was shown, from 1 */
    const uint8_t *mask;        /* (N) 0: the row is ignored */
    bool mapped; /* dense features are a read-only file mapping, whose pages may be released */
    const char *const *doc_ids;       /* (N), see rg_id_is_valid; an id of "" or NULL is absent */
    const char *const *query_ids;     /* (Q), likewise */
    const char *const *feature_names; /* (F) */
} rg_split;

typedef struct rg_dataset rg_dataset;

/* The type of features read from text; one type for all features of a split. */
typedef enum rg_text_dtype {
    RG_TEXT_AUTO, /* f32, or f64 if f32 would lose information, with a note in the log */
    RG_TEXT_F32,  /* f32; lost information is a warning, a value beyond its range RG_BAD_DATA */
    RG_TEXT_F64
} rg_text_dtype;

/* "auto", "f32", "f64"; NULL past the last value. */
RG_API const char *rg_text_dtype_name(rg_text_dtype dtype);

typedef struct rg_dataset_options {
    int64_t n_features;     /* text: smallest number of columns; 0: the largest index */
    bool allow_absent;      /* text: most of n_features may be beyond the largest index */
    bool regroup;           /* collect the rows of lists that are not contiguous (stable) */
    bool zero_based;        /* text: index i is column i, not i - 1 */
    bool no_map;            /* read contiguous features into memory instead of mapping them */
    const char *group_path; /* text without qid: list sizes, one per line; NULL: PATH.query */
    bool needs_lists;       /* text without qid and group file is an error; default true */
    rg_text_dtype dtype;    /* text */
    bool sparse;            /* text: always keep rows sparse */
    int64_t memory_limit;   /* text: bytes that rows may take, see below; 0: no limit */
    const char *spool_path; /* with a limit: a path in the directory of the spool files */
} rg_dataset_options;

/* needs_lists is true; everything else is 0. */
RG_API rg_dataset_options rg_dataset_options_default(void);

/* Whether the content of a file is HDF5; false for "-", and for what is no regular file (a pipe is
 * left unread). RG_IO when it is missing or cannot be read. */
RG_API rg_status rg_file_is_hdf5(rg_context *ctx, const char *path, bool *yes);

/* Opens an HDF5 file (all its splits) or a text file (one split named ""). "-" is standard input,
 * text only. Every failure names file, data set and what was expected: RG_IO missing, directory,
 * permission; RG_BAD_DATA wrong ranks, lengths, types, scattered lists, NaN labels; RG_DAMAGED an
 * HDF5 file truncated or inconsistent. What the file holds and the data set does not is named in
 * the log. *out is the caller's. */
RG_API rg_status rg_dataset_open(rg_context *ctx, const char *path,
                                 const rg_dataset_options *options, rg_dataset **out);

/* One text file and the split it belongs to; several files of one split are read in order. */
typedef struct rg_text_source {
    const char *path;
    const char *split; /* "train", "vali", "test" or "" */
} rg_text_source;

/* Reads text files into one data set. A file's end ends its list; the same qid in two files of a
 * split is RG_BAD_DATA unless `regroup`. All splits get the same number of features. What comes out
 * does not depend on the number of threads.
 *
 * Beside a file X are read: X.query or X.group, list sizes, where its rows have no qid; X.weight,
 * one weight a row or one a list, by their number (a row, where there are as many rows as lists);
 * X.position, one a row, from 0 or from 1. RG_BAD_DATA when the number does not fit, or when one
 * file of a split has what another lacks. Files there that are not used are named in the log.
 *
 * Features beyond a split's largest index are 0 in it, which the log tells. RG_BAD_DATA when that
 * is most of them, unless `allow_absent`.
 *
 * f32 loses something where a value becomes 0 or infinite, where an integer up to 2^53 becomes
 * another one, and where the values of a feature that it rounds (64 or more, or those of half of
 * the rows) differ but all lie within 4096 of its steps; the last is found out for the first 65,536
 * features. RG_TEXT_AUTO then reads the text again to keep it in f64; what cannot be read twice,
 * such as a pipe, takes 4 bytes more a value meanwhile.
 *
 * With a memory_limit, features and labels beyond it wait in files beside spool_path that are
 * removed when they are opened, and the splits lead into one that is mapped, of which the system
 * keeps in memory what it can. Lists, doc ids and the text under way (some MiB a thread) stay in
 * memory. RG_IO, told as spool_path's, when such a file cannot be written. */
RG_API rg_status rg_dataset_import(rg_context *ctx, const rg_text_source *sources, int n_sources,
                                   const rg_dataset_options *options, rg_dataset **out);

/* Ends a data set and everything its splits point to. NULL is allowed. */
RG_API void rg_dataset_close(rg_dataset *dataset);

/* The i-th split, NULL past the last; and the one of that name. When there is none, the result is
 * NULL and rg_last_error() lists the names that there are. Owned by the data set. */
RG_API const rg_split *rg_dataset_split_at(const rg_dataset *dataset, int i);
RG_API const rg_split *rg_dataset_find(const rg_dataset *dataset, const char *name);

/* What a call gets in place of a split that is left out on purpose, such as rg_train's `vali`. NULL
 * is an error there, so that a misspelt name given to rg_dataset_find does not silently mean
 * "none". A split without rows. Static. */
RG_API const rg_split *rg_no_split(void);

/* Whether a text may be a document or query id: valid UTF-8 without control characters and line
 * separators. Readers of every format and rg_dataset_write refuse others (RG_BAD_DATA). Without
 * `blanks`, as in a column of a TREC run, white space is not allowed either. False for NULL. */
RG_API bool rg_id_is_valid(const char *id, bool blanks);

/* The path it was opened with, for messages. */
RG_API const char *rg_dataset_path(const rg_dataset *dataset);

/* Compares the stored xxh3 attribute of every data set in an HDF5 file with its bytes; *n_checked
 * (may be NULL) gets how many had one. RG_DAMAGED names the first that differs. */
RG_API rg_status rg_dataset_verify(rg_context *ctx, const char *path, int *n_checked);

typedef struct rg_write_options {
    bool compress; /* ~1 MiB chunks, shuffle + gzip; default: contiguous, page-aligned */
    bool sparse;   /* features as CSR; default: as they are in the split */
    bool force;    /* as in rg_output_options: whatever stands there is replaced */
} rg_write_options;

/* Nothing is set. */
RG_API rg_write_options rg_write_options_default(void);

/* Writes splits as one HDF5 file; rankgrad/output.h says where to, and what is replaced. A single
 * split named "" becomes the root; others become groups. All get the features of the first split
 * that has feature names, matched as by rg_model_score_split. On failure the target is as it was.
 */
RG_API rg_status rg_dataset_write(rg_context *ctx, const char *path, const rg_split *const *splits,
                                  int n_splits, const rg_write_options *options);

typedef struct rg_generate_options {
    int64_t n_lists;    /* of all splits together, 60/20/20; default 2000 */
    int64_t n_features; /* default 46 */
    uint64_t seed;      /* default 1 */
} rg_generate_options;

/* 2,000 lists of 46 features, seed 1. */
RG_API rg_generate_options rg_generate_options_default(void);

/* A made-up data set with a known linear truth plus noise: /train /vali /test, lists of 1 to 200
 * items, labels 0 to 4, feature scales 1e-3 to 1e6, one constant column, some lists without a
 * relevant item. truth (F doubles, the caller's, may be NULL) gets the true weights. Every number
 * depends on the seed alone. */
RG_API rg_status rg_dataset_generate(rg_context *ctx, const rg_generate_options *options,
                                     double *truth, rg_dataset **out);

/* ---- Ranges of columns ----------------------------------------------------------------------- */

/* One end of a column's range. */
struct rg_extreme {
    double value, next; /* the extreme, and the number next to it (NaN: there is none) */
    int64_t n;          /* how often it occurs */
};

/* The numbers of a column; {0} is none yet. */
typedef struct rg_extremes {
    int64_t n; /* that are not NaN */
    struct rg_extreme least, greatest;
} rg_extremes;

/* Magnitudes from here on are no measurements. */
#define RG_ABSURD 1e30

/* Adds x, so many times; NaN is passed over. */
RG_API void rg_extremes_add(rg_extremes *extremes, double x, int64_t count);

/* The extreme that seems to stand for a missing value, such as -999 or 1e30, or NULL: one of at
 * least 1e30 in magnitude; or one, not 0, that is 1 % of the numbers (and more than one of them)
 * and lies 20 times as far from the others as these spread. */
RG_API const struct rg_extreme *rg_extremes_sentinel(const rg_extremes *extremes);

#ifdef __cplusplus
}
#endif
#endif
