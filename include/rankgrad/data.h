/* data.h: ranking data: reading, writing and generating data sets.
 *
 * A split is rows of features in lists of different lengths, separated by offsets and never padded.
 * It is a public struct: rg_dataset_open and rg_dataset_import fill it from files, and a program
 * with its rows in arrays can fill it directly.
 *
 * Files are HDF5 "rankgrad-dataset" 1.0 (docs/file-format.md) or SVMlight / LETOR text, plain or
 * gzip; the format is recognised from the content.
 */
#ifndef RANKGRAD_DATA_H
#define RANKGRAD_DATA_H

#include <rankgrad/component.h>
#include <rankgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest position that losses and propensities accept. */
enum { RG_MAX_POSITION = 1 << 20 };

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
    const double *weights;      /* (N) of items, in losses */
    const double *list_weights; /* (Q) multiply the losses of lists */
    const int64_t *positions;   /* (N) where an item was shown, from 1 */
    const uint8_t *subtopics; /* (N,n_subtopics) grades of an item for the subtopics of its list */
    int64_t n_subtopics;
    const uint8_t *mask; /* (N) 0: the row is ignored */
    bool mapped; /* dense features are a read-only file mapping, whose pages may be released */
    const char *const *doc_ids;       /* (N), see rg_id_is_valid; an id of "" or NULL is absent */
    const char *const *query_ids;     /* (Q), likewise */
    const char *const *feature_names; /* (F) */
    const double *scores;             /* (N) of a TREC run, see rg_trec_open */
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

/* The formats that can be read, such as "HDF5" and "SVMlight". Static. The format of a file is
 * recognised from its content; that of text, plain or gzip, from the first line. */
RG_API const rg_registry *rg_formats(void);

/* Opens an HDF5 file (all its splits) or a text file (one split named ""). "-" is standard input,
 * which can only be text, as can a pipe. The caller owns *out. Errors give the file, the HDF5 data
 * set or line, and what was expected: RG_IO for a missing file, a directory or lack of permission;
 * RG_BAD_DATA for wrong ranks, lengths or types, lists that are not contiguous and labels that are
 * not finite; RG_DAMAGED for a truncated or inconsistent HDF5 file. A note in the log names what
 * was ignored. */
RG_API rg_status rg_dataset_open(rg_context *ctx, const char *path,
                                 const rg_dataset_options *options, rg_dataset **out);

/* A file and the split that it belongs to. */
typedef struct rg_data_source {
    const char *path;
    const char *split; /* "train", "vali", "test" or "" */
} rg_data_source;

/* Reads files into one data set with the given splits.
 *
 * From an HDF5 file, the split of that name is read, or its only one; RG_USAGE if there is another
 * file for the same split. Text that is read together with HDF5 has at least its number of
 * features.
 *
 * Text files of one split are read in order. A list does not continue in the next file; the same
 * qid in two files of a split is RG_BAD_DATA unless `regroup`. All splits from text get the same
 * number of features. The result does not depend on the number of threads.
 *
 * These files are read together with a file X: X.query or else X.group, list sizes, if its rows
 * have no qid; X.weight, one weight per row or one per list, depending on their number (per row if
 * there are as many rows as lists); X.position, one per row, from 0 or from 1. RG_BAD_DATA when
 * their number is wrong, or when only some files of a split have one. A note in the log names such
 * files that are not used.
 *
 * Features beyond a split's largest index are 0 in it, with a note in the log. RG_BAD_DATA when
 * these are most of the features, unless `allow_absent`.
 *
 * f32 loses information if a value becomes 0 or infinite; if an integer up to 2^53 changes; or if
 * the values of a feature that are rounded (64 or more, or those of half of the rows) differ, but
 * all lie within 4096 f32 steps (detected for the first 65,536 features). RG_TEXT_AUTO then reads
 * the text again and stores it as f64; input that cannot be read twice, such as a pipe, needs 4
 * more bytes per value while it is read.
 *
 * With a memory_limit, features and labels beyond it are written to temporary files, already
 * unlinked, in the directory of spool_path. The splits then point into one of them, which is
 * mapped. Lists, doc ids and text buffers (a few MiB per thread) stay in memory. RG_IO, with
 * spool_path in the message, when such a file cannot be written. */
RG_API rg_status rg_dataset_import(rg_context *ctx, const rg_data_source *sources, int n_sources,
                                   const rg_dataset_options *options, rg_dataset **out);

/* Destroys a data set and everything its splits point to. NULL is allowed. */
RG_API void rg_dataset_close(rg_dataset *dataset);

/* The i-th split, owned by the data set; NULL past the last. */
RG_API const rg_split *rg_dataset_split_at(const rg_dataset *dataset, int i);

/* The split of that name, owned by the data set. If there is none, NULL, and rg_last_error() lists
 * the names of the existing splits. */
RG_API const rg_split *rg_dataset_find(const rg_dataset *dataset, const char *name);

/* A static split without rows, which means "none" where a split is optional, as in rg_train. NULL
 * is an error there, so that a misspelt name passed to rg_dataset_find does not go unnoticed. */
RG_API const rg_split *rg_no_split(void);

/* Reads the scores of a split's rows (n_rows, of the caller) from text, plain or gzip: one number
 * per line, in the order of the rows, as LightGBM and XGBoost write them; or TSV with a line of
 * column names, one of which is score or RawFormulaVal (CatBoost). Columns called query and
 * document, if they are there, must be the ids of the rows, or their numbers from 1. nan is a row
 * without a score. RG_BAD_DATA, with the line, for anything else, and when there are not n_rows
 * scores. */
RG_API rg_status rg_scores_read(rg_context *ctx, const char *path, const rg_split *split,
                                double *scores);

/* Reads a TREC run (query Q0 document rank score tag) and relevance judgements, qrels (query
 * iteration document relevance), plain or gzip, as one split without features. Q0, rank, tag and
 * iteration are not used. rg_metric_like has trec_eval's conventions of metrics.
 *
 * The lists are the queries of the qrels, in the order of their ids. A list has the documents that
 * the run has for the query, in the order of the file, and then the judged documents that it lacks,
 * which are not ranked: their score is -inf. Documents without a judgement have label -1. The rows
 * of a query that the run lacks are masked, so that metrics leave the list out, unless `complete`:
 * then it counts as one in which nothing is retrieved. Notes in the log give the number of such
 * queries, and of queries that only the run has, which are ignored.
 *
 * RG_BAD_DATA, with the line: too few or too many words, a score or relevance that is no number, a
 * document that a query has twice. RG_BAD_DATA, too, for an empty file, and if no query is in both
 * (unless `complete`). Read the split by rg_dataset_split_at(*out, 0). */
RG_API rg_status rg_trec_open(rg_context *ctx, const char *run, const char *qrels, bool complete,
                              rg_dataset **out);

/* Whether a string is a valid document or query id: UTF-8 without control characters and line
 * separators and, unless `blanks`, without white space (as TREC runs require). False for NULL.
 * Reading and writing other ids is RG_BAD_DATA. */
RG_API bool rg_id_is_valid(const char *id, bool blanks);

/* The path that the data set was opened with (the first of several), for messages. */
RG_API const char *rg_dataset_path(const rg_dataset *dataset);

/* The name of the data set's format in rg_formats(). */
RG_API const char *rg_dataset_format(const rg_dataset *dataset);

/* Verifies the checksum (xxh3 attribute) of every HDF5 data set in a file; *n_checked (may be NULL)
 * gets the number of those that have one. RG_DAMAGED, naming it, for the first that differs. */
RG_API rg_status rg_dataset_verify(rg_context *ctx, const char *path, int *n_checked);

typedef struct rg_write_options {
    bool compress; /* ~1 MiB chunks, shuffle + gzip; default: contiguous, page-aligned */
    bool sparse;   /* write features as CSR; default: as they are in the split */
    bool force;    /* as in rg_output_options: any existing file is replaced */
} rg_write_options;

/* All false. */
RG_API rg_write_options rg_write_options_default(void);

/* Writes splits to an HDF5 file, replacing an existing one as output.h describes; on failure the
 * existing file is unchanged. A single split named "" becomes the root, others become groups. All
 * get the features of the first split that has feature names, matched by name as in
 * rg_model_score_split. */
RG_API rg_status rg_dataset_write(rg_context *ctx, const char *path, const rg_split *const *splits,
                                  int n_splits, const rg_write_options *options);

typedef struct rg_generate_options {
    int64_t n_lists;    /* in all splits: 60 % train, 20 % vali, 20 % test; default 2000 */
    int64_t n_features; /* default 46 */
    uint64_t seed;      /* default 1 */
} rg_generate_options;

/* 2,000 lists of 46 features, seed 1. */
RG_API rg_generate_options rg_generate_options_default(void);

/* Generates a synthetic data set with splits train, vali and test: relevance is a linear function
 * of the features plus noise, cut into labels 0 to 4; lists of 1 to 200 items, feature scales 1e-3
 * to 1e6, one constant column, some lists without a relevant item. `truth` (n_features doubles of
 * the caller, may be NULL) gets the weights of the linear function. The same options give the same
 * bits. */
RG_API rg_status rg_dataset_generate(rg_context *ctx, const rg_generate_options *options,
                                     double *truth, rg_dataset **out);

/* ---- Ranges of columns ----------------------------------------------------------------------- */

/* The minimum or maximum of a column. */
struct rg_extreme {
    double value, next; /* the extreme and the value closest to it (NaN: there is none) */
    int64_t n;          /* how often it occurs */
};

/* The range of a column's values; start with {0}. */
typedef struct rg_extremes {
    int64_t n; /* number of values, without NaN */
    struct rg_extreme least, greatest;
} rg_extremes;

/* Values of at least this magnitude are assumed not to be measurements. */
#define RG_ABSURD 1e30

/* Adds x, `count` times; NaN is ignored. */
RG_API void rg_extremes_add(rg_extremes *extremes, double x, int64_t count);

/* The extreme that seems to stand for a missing value, such as -999 or 1e30; NULL if there is none.
 * That is an extreme of at least 1e30 in magnitude, or one, not 0, that makes up at least 1 % of
 * the values (and more than one of them) and is at least 20 times as far from the others as their
 * spread. */
RG_API const struct rg_extreme *rg_extremes_sentinel(const rg_extremes *extremes);

#ifdef __cplusplus
}
#endif
#endif
