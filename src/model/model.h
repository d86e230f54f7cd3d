/* model.h (internal): what a model is.
 *
 * The one idea: a row of the table below knows how many parameters it has, builds a graph from
 * rows, and scores rows without one; everything else (normalisation, saving, memory) is common to
 * all models. */
#ifndef RG_MODEL_MODEL_H
#define RG_MODEL_MODEL_H

#include "data/inputs.h"

#include <rankgrad/model.h>

struct rg_model {
    rg_context *ctx;
    const struct rg__architecture *architecture;
    struct rg__inputs inputs; /* of the data, which are the model's inputs */
    bool bias;
    int n_hidden;
    int64_t hidden[RG_MAX_HIDDEN]; /* (n_hidden) */
    rg_parameters parameters;      /* one block: values, then gradients */
    rg_normalization normalization;
    char **feature_names;  /* (n_features), each allocated; NULL: unknown */
    char *history;         /* JSON; "" when unknown */
    struct rg__wide *wide; /* of wide.h; rg_model_score_split makes it in a model that is const */
};

/* A named run of the parameter block: what a model file holds under /parameters/NAME. */
struct rg__part {
    char name[24];
    int64_t first;
    int ndim;
    int64_t dims[2];
};

enum { RG__MOST_BLOCK = 48 << 10 /* bytes */ };

struct rg__architecture {
    const char *name;
    int most_hidden; /* layers it may have, and 1 at least if any; 0: none */
    /* The i-th part of the block, in order and without gaps; false past the last. */
    bool (*part)(const rg_model *model, int i, struct rg__part *part);
    /* Sets the first parameters, which are all 0; NULL: they stay so. */
    void (*start)(rg_model *model, uint64_t seed);
    rg_node *(*forward)(rg_graph *graph, rg_model *model, rg_node *rows);
    /* Bytes of normalised rows that it likes to score at a time. */
    int64_t block;
    /* Scores n normalised rows (n,inputs) of the model's type, into its type. */
    void (*score[2])(const rg_model *model, const void *rows, int64_t n, void *scores);
    /* The same of sparse rows. `scratch` has room for RG__SPARSE_SLACK numbers more than the rows
     * have. */
    void (*score_sparse[2])(const rg_model *model, const rg_csr *rows, void *scratch, void *scores);
    /* The same of rows as they are stored, with a table of wide.h; NULL: there is no such table. */
    void (*score_wide[2])(const rg_model *model, const void *table, const rg_csr *rows,
                          void *scratch, void *scores);
};

enum { RG__SPARSE_SLACK = 16 };

/* The context of a model, NULL for no model: then rg__require and rg__fail return RG_LIMIT. */
static inline rg_context *rg__model_context(const rg_model *model)
{
    return model ? model->ctx : NULL;
}

/* The architecture of that name; NULL when there is none. */
const struct rg__architecture *rg__architecture_find(const char *name);

/* The elements of a part. */
int64_t rg__part_count(const struct rg__part *part);

/* The elements of all parts. */
int64_t rg__model_parameter_count(const rg_model *outline);

/* Fills in all of a model that decides its parts, without any memory (of the columns only their
 * number): RG_USAGE where an option is out of range. */
rg_status rg__model_outline(rg_context *ctx, int64_t n_features, const rg_model_options *options,
                            rg_model *model);

/* A model of that outline whose parameters are 0; `index`: the columns of its inputs.
 */
rg_status rg__model_allocate(const rg_model *outline, const int32_t *index, rg_dtype dtype,
                             rg_model **out);

/* The i-th part as a variable of the graph; gradients add to the block. */
rg_node *rg__parameter(rg_graph *graph, rg_model *model, int i);

/* Scores n normalised rows (n,inputs) of the model's type, into its type. */
void rg__model_score_rows(const rg_model *model, const void *rows, int64_t n, void *scores);

bool rg__linear_part(const rg_model *model, int i, struct rg__part *part);
rg_node *rg__linear_forward(rg_graph *graph, rg_model *model, rg_node *rows);
void rg__linear_score_f32(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__linear_score_f64(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__linear_score_sparse_f32(const rg_model *model, const rg_csr *rows, void *scratch,
                                 void *scores);
void rg__linear_score_sparse_f64(const rg_model *model, const rg_csr *rows, void *scratch,
                                 void *scores);

void rg__linear_score_wide_f32(const rg_model *model, const void *table, const rg_csr *rows,
                               void *scratch, void *scores);
void rg__linear_score_wide_f64(const rg_model *model, const void *table, const rg_csr *rows,
                               void *scratch, void *scores);

bool rg__mlp_part(const rg_model *model, int i, struct rg__part *part);
void rg__mlp_start(rg_model *model, uint64_t seed);
rg_node *rg__mlp_forward(rg_graph *graph, rg_model *model, rg_node *rows);
void rg__mlp_score_f32(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__mlp_score_f64(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__mlp_score_sparse_f32(const rg_model *model, const rg_csr *rows, void *scratch,
                              void *scores);
void rg__mlp_score_sparse_f64(const rg_model *model, const rg_csr *rows, void *scratch,
                              void *scores);

#endif
