/* model.h: from features to scores.
 *
 * The one idea: a model is a block of parameters and a function that builds its graph from rows;
 * it carries the normalisation it was trained with, so that whoever scores hands in raw features.
 */
#ifndef RANKGRAD_MODEL_H
#define RANKGRAD_MODEL_H

#include <rankgrad/autograd.h>
#include <rankgrad/data.h>
#include <rankgrad/optim.h>
#include <rankgrad/output.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_model rg_model;

/* The hidden layers of an mlp: how many, and of how many units each, at most. */
enum { RG_MAX_HIDDEN = 16, RG_MAX_UNITS = 2048 };

typedef struct rg_model_options {
    const char *name; /* "linear": X w (+ b); "mlp": relu(..relu(X W0 + b0)..) wL (+ bL) */
    rg_dtype dtype;   /* of the parameters: f32 (default) or f64 */
    bool bias;        /* a constant added to all scores; default false: a loss over softmax cannot
                         learn one. Hidden layers always have their biases. */
    const int64_t *hidden;  /* (n_hidden) units of an mlp's hidden layers, first to last; copied */
    int n_hidden;           /* of an mlp: 1 to RG_MAX_HIDDEN; of a linear model 0 (default) */
    uint64_t seed;          /* of an mlp's first weights; default 1 */
    const int32_t *columns; /* (n_columns) ascending: the only columns of the data that have
                               parameters; NULL (default): all; copied */
    int64_t n_columns;
} rg_model_options;

/* A linear model in f32 without a bias. */
RG_API rg_model_options rg_model_options_default(void);

/* The i-th kind of model's name; NULL past the last. Static. */
RG_API const char *rg_model_name_at(int i);

/* A model of n_features inputs. A linear one starts at zero: its loss is convex, so nothing is
 * gained elsewhere. An mlp's weights start uniform with variance 2 / fan-in (He et al. 2015), those
 * of the last layer, which no relu halves, with 1 / fan-in, its biases at zero. RG_USAGE for an
 * option out of range. *out is the caller's. */
RG_API rg_status rg_model_create(rg_context *ctx, int64_t n_features,
                                 const rg_model_options *options, rg_model **out);
/* Ends a model. NULL is allowed. */
RG_API void rg_model_destroy(rg_model *model);

/* "linear" or "mlp", static; the number of features it scores; the units of its hidden layers,
 * their number in *n_hidden (0: none), owned by the model. */
RG_API const char *rg_model_name(const rg_model *model);
RG_API int64_t rg_model_n_features(const rg_model *model);
RG_API const int64_t *rg_model_hidden(const rg_model *model, int *n_hidden);

/* The columns (n) of the data that have parameters, ascending, or NULL where all have; owned by the
 * model. They are the model's inputs. A model that was trained on sparse rows has none for columns
 * that never occurred in these: their weight is 0. n may be NULL. */
RG_API const int32_t *rg_model_columns(const rg_model *model, int64_t *n);

/* The parameter block, layer by layer: weights (inputs,units), row-major, those of the last layer
 * (inputs), then the biases (units) if there are any. Owned by the model. */
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
 * add to the parameter block. */
RG_API rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows);

/* Scores the n rows (n,F) of one list, raw features in, scores (n) out; no graph, no data set. A
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

#ifdef __cplusplus
}
#endif
#endif
