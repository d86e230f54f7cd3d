/* model.h: from features to scores.
 *
 * The one idea: a model is a block of parameters and a function that builds its graph from rows;
 * it carries the normalisation it was trained with, so that whoever scores hands in raw features.
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
    const rg_choice *own; /* takes its place where not NULL: a model of your own, an rg_architecture
                             with its parameters; copied, the architecture must outlive the model */
    rg_dtype dtype;       /* of the parameters: f32 (default) or f64 */
    uint64_t seed;        /* of parameters that start at random; default 1 */
    const int32_t *columns; /* (n_columns) ascending: the only columns of the data that have
                               parameters; NULL (default): all; copied */
    int64_t n_columns;
} rg_model_options;

/* A linear model in f32 without a bias. */
RG_API rg_model_options rg_model_options_default(void);

/* The models, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_models(void);

/* A model of n_features inputs; its parameters start as its architecture says. RG_USAGE for an
 * option or parameter out of range. The caller owns *out. */
RG_API rg_status rg_model_create(rg_context *ctx, int64_t n_features,
                                 const rg_model_options *options, rg_model **out);
/* Destroys a model. NULL is allowed. */
RG_API void rg_model_destroy(rg_model *model);

/* The model's architecture and its parameters' values; owned by the model. */
RG_API const rg_choice *rg_model_choice(const rg_model *model);

/* Its name, such as "linear", static; the number of features it scores. */
RG_API const char *rg_model_name(const rg_model *model);
RG_API int64_t rg_model_n_features(const rg_model *model);

/* The columns (n) of the data that have parameters, ascending, or NULL where all have; owned by the
 * model. They are the model's inputs. A model that was trained on sparse rows has none for columns
 * that never occurred in these: their weight is 0. n may be NULL. */
RG_API const int32_t *rg_model_columns(const rg_model *model, int64_t *n);

/* The parameter block, one parameter after another. Owned by the model. */
RG_API const rg_parameters *rg_model_parameters(const rg_model *model);

/* Names (F) kept from the training data, or NULL. */
RG_API const char *const *rg_model_feature_names(const rg_model *model);
RG_API rg_status rg_model_set_feature_names(rg_model *model, const char *const *names);

/* The normalisation that it applies to its inputs when scoring; set copies. */
RG_API const rg_normalization *rg_model_normalization(const rg_model *model);
RG_API rg_status rg_model_set_normalization(rg_model *model, const rg_normalization *normalization);

/* What was trained on what, kept as JSON text in the file; "" when unknown. set copies; RG_USAGE
 * when the text is neither a JSON object or array nor "". */
RG_API const char *rg_model_history(const rg_model *model);
RG_API rg_status rg_model_set_history(rg_model *model, const char *json);

/* Builds the scores (N) of normalised rows (N,inputs), of the model's type, in a graph; gradients
 * add to the parameter block. List q is the rows offsets[q] .. offsets[q + 1]; NULL: all rows are
 * one list. */
RG_API rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows,
                                 const int64_t *offsets, int64_t n_lists);

/* Scores the n rows (n,F) of one list, raw features in, scores (n) out. A
 * row's score depends on that row alone unless the normalisation is by list. Reads the model only:
 * threads may share it where the context's memory hook may be called from each of them (the default
 * may). RG_LIMIT when out of memory. */
RG_API rg_status rg_model_score(const rg_model *model, const float *rows, int64_t n, float *scores);

/* Scores all rows of a split, in double (the model's own type underneath), list by list: the same
 * bits as rg_model_score on dense f32 rows; sparse rows are scored without making them dense, to
 * the same up to rounding. A masked row and one with a NaN feature get NaN.
 *
 * When the model and the split both have feature names, features are matched by name: they may be
 * in another order, and features that the model does not have are ignored, each with a note to the
 * log. RG_BAD_DATA: a feature of the model is missing, or a name occurs twice in either and the
 * orders differ. When one side has no names (none, or only empty ones), the numbers of features
 * must be equal.
 *
 * A linear model that was trained on sparse rows may keep a table of its weights over all columns,
 * of at most 64 MiB, once it has scored many of them; it notices when its parameters change. So one
 * model is for one thread at a time here, as its context is. */
RG_API rg_status rg_model_score_split(const rg_model *model, const rg_split *split, double *scores);

/* HDF5 "rankgrad-model" 1.0; the same model gives the same bytes. rankgrad/output.h says where it
 * is written and what is replaced; `force`: whatever stands there. Write leaves the output to be
 * committed, perhaps together with others; save is check, begin, write and commit. Loading verifies
 * the checksums. */
RG_API rg_status rg_model_write(const rg_model *model, rg_output *out);
RG_API rg_status rg_model_save(const rg_model *model, const char *path, bool force);
RG_API rg_status rg_model_load(rg_context *ctx, const char *path, rg_model **out);

/* ---- A model of your own --------------------------------------------------------------------- */

/* What a model builds its scores from. */
typedef struct rg_forward {
    const void *params; /* the architecture's struct of parameters */
    int64_t n_inputs;
    rg_node *rows;          /* (N,n_inputs), normalised */
    const int64_t *offsets; /* (n_lists + 1) of the lists of rows */
    int64_t n_lists;
    rg_node *const *parameters; /* variables, in the order of `parameter` */
} rg_forward;

/* A kind of model: its parameters, and one function that builds scores from rows. The choice
 * {&architecture.component, params} of one (rg_choice_make) is rg_model_options.own; training,
 * threads, saving and scoring are as for a built-in model. */
typedef struct rg_architecture {
    rg_component component; /* name, formula, parameters */
    /* Fills in the i-th parameter of a model of so many inputs; false past the last one. */
    bool (*parameter)(const void *params, int64_t n_inputs, int i, rg_parameter *out);
    rg_node *(*forward)(rg_graph *graph, const rg_forward *in);
    bool sees_lists;                  /* a score depends on the other rows of its list */
    const struct rg_scoring *scoring; /* built-in models score without a graph; NULL: with one */
} rg_architecture;

/* rg_model_load for files of models of your own, whose architectures (n_own) are given. */
RG_API rg_status rg_model_load_own(rg_context *ctx, const char *path,
                                   const rg_architecture *const *own, int n_own, rg_model **out);

#ifdef __cplusplus
}
#endif
#endif
