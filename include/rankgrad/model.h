/* model.h: scoring models: creating, scoring, saving and loading, and custom models.
 *
 * A model is a block of parameters and a function that builds a graph from rows to scores. It
 * includes the normalisation that it was trained with, so callers score raw features.
 */
#ifndef RANKGRAD_MODEL_H
#define RANKGRAD_MODEL_H

#include <rankgrad/autograd.h>
#include <rankgrad/component.h>
#include <rankgrad/data.h>
#include <rankgrad/normalize.h>
#include <rankgrad/optim.h>
#include <rankgrad/output.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_model rg_model;

typedef struct rg_model_options {
    const char *name;     /* one of rg_models(), perhaps with parameters: "mlp(hidden=[64, 32])" */
    const rg_choice *own; /* used instead of `name` if not NULL: a choice of an rg_architecture;
                             copied, but the architecture must outlive the model */
    rg_dtype dtype;       /* of the parameters: f32 (default) or f64 */
    uint64_t seed;        /* of the random initial values; default 1 */
    int64_t outputs;      /* scores per row, for a loss that takes several: sets the parameter
                             `outputs` of the architecture; 0 (default): as in `name` */
    const int32_t *columns; /* (n_columns) ascending: the columns of the data that are inputs; NULL
                               (default): all; copied */
    int64_t n_columns;
} rg_model_options;

/* A linear model in f32 without a bias. */
RG_API rg_model_options rg_model_options_default(void);

/* The models, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_models(void);

/* Creates a model for data of n_features features, with the initial parameters of its architecture.
 * NULL options mean the defaults. RG_USAGE for an option or parameter out of range. The caller owns
 * *out. */
RG_API rg_status rg_model_create(rg_context *ctx, int64_t n_features,
                                 const rg_model_options *options, rg_model **out);

/* Destroys a model. NULL is allowed. */
RG_API void rg_model_destroy(rg_model *model);

/* The model's architecture with the values of its options, such as `hidden`; owned by the model. */
RG_API const rg_choice *rg_model_choice(const rg_model *model);

/* The name of the model's architecture, such as "linear"; owned by the architecture. */
RG_API const char *rg_model_name(const rg_model *model);

/* The number of features of the rows that the model scores. */
RG_API int64_t rg_model_n_features(const rg_model *model);

/* The scores per row that rg_model_forward gives, usually 1: the value of the integer parameter
 * `outputs` of the architecture, if it has one. */
RG_API int64_t rg_model_n_outputs(const rg_model *model);

/* The columns (*n) of the data that are inputs, ascending, owned by the model; NULL: all columns
 * are. A model that was trained on sparse rows has no parameters for columns that never occurred in
 * them, as if their weight were 0. n may be NULL. */
RG_API const int32_t *rg_model_columns(const rg_model *model, int64_t *n);

/* The block of all parameters, one after another; owned by the model. */
RG_API const rg_parameters *rg_model_parameters(const rg_model *model);

/* The feature names (F) of the training data, owned by the model, or NULL; set copies them. */
RG_API const char *const *rg_model_feature_names(const rg_model *model);
RG_API rg_status rg_model_set_feature_names(rg_model *model, const char *const *names);

/* The normalisation that is applied to the inputs when scoring, owned by the model; set copies
 * it. */
RG_API const rg_normalization *rg_model_normalization(const rg_model *model);
RG_API rg_status rg_model_set_normalization(rg_model *model, const rg_normalization *normalization);

/* A record of the training as JSON text, stored in the model file; "" if there is none. set copies
 * it; RG_USAGE when the text is neither a JSON object or array nor "". */
RG_API const char *rg_model_history(const rg_model *model);
RG_API rg_status rg_model_set_history(rg_model *model, const char *json);

/* Whether the score of a row depends on the other rows of its list, because of the architecture or
 * the normalisation, so that data without lists cannot be scored. */
RG_API bool rg_model_needs_lists(const rg_model *model);

/* Builds the scores (N) of normalised rows (N,n_inputs), of the model's type, in a graph; with
 * several outputs, (N,outputs). Backward adds to the gradients of the parameter block. List q is
 * the rows offsets[q] up to offsets[q+1] - 1; with NULL, all rows are one list. */
RG_API rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows,
                                 const int64_t *offsets, int64_t n_lists);

/* Scores the n rows (n,F) of one list from raw features; writes n scores. With several outputs, the
 * score of a row is the sum of their sigmoids, the expected label under cumulative logits (loss
 * `ordinal`). The score of a row
 * depends on that row alone unless rg_model_needs_lists(). The model is not modified, so threads
 * may share it if the context's allocator is thread-safe (the default is); a call that fails sets
 * the context's error message without a lock. RG_LIMIT when out of memory. */
RG_API rg_status rg_model_score(const rg_model *model, const float *rows, int64_t n, float *scores);

/* Scores all rows of a split, list by list; writes n_rows scores. They are computed in the model's
 * type: for dense f32 rows, the bits are those of rg_model_score. Sparse rows are scored without
 * making them dense, with the same scores up to rounding. A masked row and a row with a NaN feature
 * get NaN.
 *
 * If both the model and the split have feature names, features are matched by name: they may be in
 * another order, and features unknown to the model are ignored, with a note in the log. RG_BAD_DATA
 * when a feature of the model is missing, or when a name occurs twice in either and the orders
 * differ. If one side has no names (none, or only empty ones), the numbers of features must be
 * equal.
 *
 * A linear model that was trained on sparse rows may cache its weights over all columns, in at most
 * 64 MiB, after scoring many rows; the cache is rebuilt when the parameters change. Unlike
 * rg_model_score, do not call this for one model from several threads at a time. */
RG_API rg_status rg_model_score_split(const rg_model *model, const rg_split *split, double *scores);

/* Writes a model to an output (output.h), which the caller then commits, perhaps with others. The
 * format is "rankgrad-model" (docs/file-format.md): HDF5, or binary if the path ends in ".bin". The
 * same model gives the same bytes. */
RG_API rg_status rg_model_write(const rg_model *model, rg_output *out);

/* Writes a model to a file: rg_output_check, rg_output_begin, rg_model_write and rg_output_commit.
 * With `force` any existing file is replaced. */
RG_API rg_status rg_model_save(const rg_model *model, const char *path, bool force);

/* Loads a model from a file of either format and verifies the checksums. The caller owns *out. */
RG_API rg_status rg_model_load(rg_context *ctx, const char *path, rg_model **out);

/* Whether a model is written to this path in the binary format: the path ends in ".bin". */
RG_API bool rg_model_path_is_binary(const char *path);

/* *yes: whether a regular file begins like a binary model, even a damaged one. RG_IO if it cannot
 * be read. */
RG_API rg_status rg_model_file_is_binary(rg_context *ctx, const char *path, bool *yes);

/* ---- Custom models --------------------------------------------------------------------------- */

/* The arguments of an architecture's forward function. */
typedef struct rg_forward {
    const void *params; /* the architecture's struct of parameters */
    int64_t n_inputs;
    rg_node *rows;          /* (N,n_inputs), normalised */
    const int64_t *offsets; /* (n_lists + 1): list q is the rows offsets[q] to offsets[q+1] - 1 */
    int64_t n_lists;
    rg_node *const *parameters; /* variables, as numbered by rg_architecture.parameter */
} rg_forward;

/* A kind of model: its parameters and a function that builds scores from rows. To use it, set
 * rg_model_options.own to a choice made with rg_choice_make(ctx, &architecture.component, ..).
 * Training, threads, saving and scoring work as for built-in models. */
typedef struct rg_architecture {
    rg_component component; /* name, formula, options such as `hidden` */
    /* Describes the i-th parameter of a model with n_inputs inputs; false past the last one. */
    bool (*parameter)(const void *params, int64_t n_inputs, int i, rg_parameter *out);
    rg_node *(*forward)(rg_graph *graph, const rg_forward *in); /* builds the scores (N), or
                                                                   (N,outputs) if there is a
                                                                   parameter `outputs` above 1 */
    bool sees_lists; /* a score depends on the other rows of the list */
    bool is_linear;  /* scores are rows times parameter 0 (n_inputs), plus perhaps a bias */
    const struct rg_scoring *scoring; /* internal: scores without a graph; NULL in a custom model */
} rg_architecture;

/* Loads a model that is built-in or has one of the n_own architectures `own`. */
RG_API rg_status rg_model_load_own(rg_context *ctx, const char *path,
                                   const rg_architecture *const *own, int n_own, rg_model **out);

/* Loads a model from the contents of a binary model file in memory, which may be freed after the
 * call. RG_DAMAGED when they are truncated or changed. */
RG_API rg_status rg_model_load_memory(rg_context *ctx, const void *data, size_t size,
                                      const rg_architecture *const *own, int n_own, rg_model **out);

#ifdef __cplusplus
}
#endif
#endif
