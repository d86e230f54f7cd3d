/* model.h (internal): what a model has beside its architecture: parameters, inputs, normalisation,
 * names and history, and how built-in models score without a graph. */
#ifndef RG_MODEL_MODEL_H
#define RG_MODEL_MODEL_H

#include "normalize/inputs.h"
#include "optim/parameters.h"

#include <rankgrad/model.h>

struct rg_model {
    rg_context *ctx;
    rg_choice choice;         /* of an architecture and its parameters' values */
    int64_t n_outputs;        /* scores per row before they are made one */
    struct rg__inputs inputs; /* of the data, which are the model's inputs */
    rg_parameters parameters; /* one block: values, then gradients */
    rg_normalization normalization;
    char **feature_names;  /* (n_features), each allocated; NULL: unknown */
    char *history;         /* JSON; "" when unknown */
    struct rg__wide *wide; /* of wide.h; rg_model_score_split makes it in a model that is const */
};

enum { RG__MOST_BLOCK = 48 << 10 /* bytes */ };

/* Scoring without a graph: faster, and a score depends on its row alone, to the bit. A test
 * compares it with forward. */
struct rg_scoring {
    /* Bytes of normalised rows that it likes to score at a time. */
    int64_t block;
    /* Scores n normalised rows (n,inputs) of the model's type, into its type. */
    void (*rows[2])(const rg_model *model, const void *rows, int64_t n, void *scores);
    /* The same of sparse rows. `scratch` has room for RG__SPARSE_SLACK numbers more than the rows
     * have. */
    void (*sparse[2])(const rg_model *model, const rg_csr *rows, void *scratch, void *scores);
    /* The same of rows as they are stored, with a table of wide.h; NULL: there is no such table. */
    void (*wide[2])(const rg_model *model, const void *table, const rg_csr *rows, void *scratch,
                    void *scores);
};

enum { RG__SPARSE_SLACK = 16 };

/* The context of a model, NULL for no model: then rg__require and rg__fail return RG_LIMIT. */
static inline rg_context *rg__model_context(const rg_model *model)
{
    return model ? model->ctx : NULL;
}

static inline const rg_architecture *rg__architecture(const rg_model *model)
{
    return (const void *)model->choice.component;
}

/* The i-th parameter, and where it begins in the block; false past the last one. */
bool rg__model_parameter(const rg_model *model, int i, rg_parameter *out, int64_t *first);

/* The elements of all parameters. */
int64_t rg__model_parameter_count(const rg_model *outline);

/* Fills in all of a model that decides its parameters, without any memory (of the columns only
 * their number): RG_USAGE where an option is out of range. */
rg_status rg__model_outline(rg_context *ctx, int64_t n_features, const rg_model_options *options,
                            rg_model *model);

/* The scores (n) by which rows rank, of type `dtype`, from what forward gives: (n), or (n,outputs),
 * whose sigmoids are summed. */
void rg__scores_of(const rg_tensor *outputs, rg_dtype dtype, void *scores);

/* A model of that outline whose parameters are 0; `index`: the columns of its inputs. */
rg_status rg__model_allocate(const rg_model *outline, const int32_t *index, rg_dtype dtype,
                             rg_model **out);

#define RG_MODEL(id, passes) extern const rg_architecture rg__architecture_##id;
#include "model/models.def"
#undef RG_MODEL

#endif
