/* regression.c: propensities by regression EM: relevance is gamma = 1 / (1 + exp(-(w x + b))), x
 * the features by zscore.
 *
 * Given the expectations r_i = P(R) of the items shown, maximisation is a logistic regression on
 * targets r_i. It need not be solved in every iteration; it is enough that the likelihood grows.
 * The curvature of the logistic loss is at most 1/4, so that with the gradient g = X' W (r - gamma)
 *
 *     Q(w + d) >= Q(w) + g'd - d'H d / 2,   H = X' W X / 4       (Boehning & Lindsay 1988)
 *
 * and a few steps of conjugate gradients from d = 0, which maximise the right side over growing
 * subspaces, never lower Q. They need products of H with a vector alone, so that sparse rows stay
 * sparse, and neither a step size nor a matrix of features times features.
 *
 * A pass over the rows is the forward and backward pass of the linear model, shard by shard, as in
 * training; shards are added in a fixed order. */
#include "clicks/clicks.h"
#include "data/split.h"
#include "model/model.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"
#include "train/check.h"
#include "train/shard.h"

#include <math.h>
#include <string.h>

enum { BUCKETS = 64, CONJUGATE_STEPS = 5 };

struct regression {
    rg_context *ctx;
    const rg_split *split;
    struct rg__inputs inputs;
    rg_model *model; /* linear with a bias, f64; its parameters are w and b */
    struct rg__rows rows;
    struct rg__workers workers;
    int64_t n_shards, n_buckets, n_parameters;
    int64_t *lists;
    struct rg__shard *shards;
    struct rg__shown *shown;                       /* (rows) */
    double *examined, *score;                      /* (rows) P(E); the scores of the last pass */
    double *likelihood;                            /* (shards) */
    double *buckets;                               /* (n_buckets, parameters) */
    double *gradient, *direction, *product, *step; /* (parameters) */
};

/* A pass: scores X v, and X' of a number for each row. */
struct pass {
    struct regression *r;
    double *v;
    const struct rg__maximisation *m; /* the numbers are W (r - gamma); NULL: they are W s / 4 */
};

/* The numbers of a shard's rows, at `cotangent`, from the scores. */
static void fill_cotangent(const struct pass *pass, int64_t shard, double *cotangent)
{
    struct regression *r = pass->r;
    int64_t begin = r->rows.offsets[r->shards[shard].lists[0]], n = r->shards[shard].n_rows;
    double likelihood = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct rg__shown *shown = &r->shown[begin + i];
        double score = r->score[begin + i];
        if (!pass->m) {
            cotangent[i] = shown->shown * score / 4;
            continue;
        }
        double gamma = 1 / (1 + exp(-score));
        struct rg__expected e = rg__expect(shown, pass->m->theta[shown->position - 1], gamma);
        cotangent[i] = e.relevant - shown->shown * gamma;
        r->examined[begin + i] = e.examined;
        likelihood += e.log_likelihood;
    }
    r->likelihood[shard] = likelihood;
}

static rg_status run_shard(rg_graph *g, rg_model *model, const struct pass *pass, int64_t i)
{
    struct regression *r = pass->r;
    const struct rg__shard *shard = &r->shards[i];
    rg_graph_reset(g);
    const int64_t *offsets = rg__shard_offsets(g, &r->rows, shard);
    rg_node *x = offsets ? rg__shard_features(g, &r->rows, shard) : NULL;
    rg_node *scores = x ? rg_model_forward(g, model, x, offsets, shard->n_lists) : NULL;
    double *cotangent = rg_graph_alloc(g, (size_t)shard->n_rows * sizeof *cotangent);
    if (!scores || !cotangent)
        return rg_graph_status(g);
    if (!rg__all_finite(rg_node_value(scores)))
        return rg__explain_scores(model->ctx, r->split, "clicked");
    memcpy(r->score + r->rows.offsets[shard->lists[0]], rg_node_value(scores)->data,
           (size_t)shard->n_rows * sizeof *cotangent);
    fill_cotangent(pass, i, cotangent);
    return rg_backward(g, scores, &(rg_tensor){RG_F64, 1, {shard->n_rows}, cotangent});
}

/* Task i: the shards of bucket i, in order. */
static rg_status run_bucket(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct pass *pass = user;
    struct regression *r = pass->r;
    rg_model model = *r->model;
    model.ctx = ctx;
    model.parameters.value = pass->v;
    model.parameters.grad =
        memset(r->buckets + i * r->n_parameters, 0, (size_t)r->n_parameters * sizeof *r->buckets);
    rg_status status = RG_OK;
    for (int64_t k = i * r->n_shards / r->n_buckets;
         k < (i + 1) * r->n_shards / r->n_buckets && status == RG_OK; k++)
        status = run_shard(r->workers.graph[worker], &model, pass, k);
    return status;
}

/* Runs a pass with parameters v; the sums go to `out`. */
static rg_status run_pass(struct regression *r, double *v, const struct rg__maximisation *m,
                          double *out)
{
    struct pass pass = {r, v, m};
    rg_status status = rg__pool_run(r->workers.pool, r->n_buckets, run_bucket, &pass);
    memset(out, 0, (size_t)r->n_parameters * sizeof *out);
    for (int64_t b = 0; status == RG_OK && b < r->n_buckets; b++)
        rg__add(RG_F64, out, RG_F64, r->buckets + b * r->n_parameters, r->n_parameters);
    return status;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Steps of conjugate gradients for H d = g, which are added to the parameters. Overwrites the
 * gradient with the residual. */
static rg_status improve(struct regression *r)
{
    int64_t n = r->n_parameters;
    double *g = r->gradient, *d = r->direction, norm = dot(g, g, n), first = norm;
    memcpy(d, g, (size_t)n * sizeof *d);
    memset(r->step, 0, (size_t)n * sizeof *r->step);
    for (int i = 0; i < CONJUGATE_STEPS && norm > 1e-20 * first; i++) {
        rg_status status = run_pass(r, d, NULL, r->product);
        double curvature = dot(d, r->product, n), before = norm;
        if (status != RG_OK)
            return status;
        if (!(curvature > 0))
            break;
        for (int64_t k = 0; k < n; k++) {
            r->step[k] += norm / curvature * d[k];
            g[k] -= norm / curvature * r->product[k];
        }
        norm = dot(g, g, n);
        for (int64_t k = 0; k < n; k++)
            d[k] = g[k] + norm / before * d[k];
    }
    rg__add(RG_F64, r->model->parameters.value, RG_F64, r->step, n);
    return RG_OK;
}

static rg_status step(void *user, struct rg__maximisation *m)
{
    struct regression *r = user;
    rg_status status = run_pass(r, r->model->parameters.value, m, r->gradient);
    if (status != RG_OK)
        return status;
    for (int64_t i = 0; i < r->rows.n_rows; i++)
        m->examined[r->shown[i].position - 1] += r->examined[i];
    for (int64_t i = 0; i < r->n_shards; i++)
        m->log_likelihood += r->likelihood[i];
    return improve(r);
}

/* ---- Open and close -------------------------------------------------------------------------- */

/* The model with its normalisation, and its rows. */
static rg_status open_model(struct regression *r)
{
    rg_context *ctx = r->ctx;
    rg_normalization fitted;
    rg_choice zscore;
    rg_model_options options = rg_model_options_default();
    rg_status status = rg__inputs_that_occur(ctx, r->split, &r->inputs);
    if (status != RG_OK)
        return status;
    options.name = "linear(bias=true)";
    options.dtype = RG_F64;
    options.columns = r->inputs.index;
    options.n_columns = r->inputs.n;
    status = rg_model_create(ctx, r->split->n_features, &options, &r->model);
    if (status == RG_OK)
        status = rg_choice_parse(ctx, rg_normalizations(), "zscore", &zscore);
    if (status == RG_OK)
        status = rg__normalization_fit(ctx, &zscore, r->split, &r->inputs, &fitted);
    if (status != RG_OK)
        return status;
    status = rg_model_set_normalization(r->model, &fitted);
    rg_normalization_free(ctx, &fitted);
    if (status == RG_OK)
        status = rg__rows_open(ctx, r->split, &r->inputs, &r->model->normalization, RG_F64, NULL,
                               &r->rows);
    return status == RG_OK ? rg__workers_open(ctx, &r->workers) : status;
}

static double *numbers(struct regression *r, int64_t n)
{
    return rg__alloc(r->ctx, n, sizeof(double), "regression EM");
}

/* What was shown, and the shards of lists that have a row. */
static rg_status open_shards(struct regression *r)
{
    const rg_split *split = r->split;
    int64_t n_rows = r->rows.n_rows, n_lists = 0, n = 0;
    r->lists = rg__alloc(r->ctx, split->n_lists, sizeof *r->lists, "the lists");
    r->shards = rg__alloc(r->ctx, split->n_lists, sizeof *r->shards, "the shards");
    r->shown = rg__alloc(r->ctx, n_rows, sizeof *r->shown, "the clicks");
    r->examined = numbers(r, n_rows);
    r->score = numbers(r, n_rows);
    r->likelihood = numbers(r, split->n_lists);
    if (!r->lists || !r->shards || !r->shown || !r->examined || !r->score || !r->likelihood)
        return RG_LIMIT;
    for (int64_t q = 0; q < split->n_lists; q++) {
        double weight = rg__list_weight(split, q);
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++)
            if (rg__row_is_there(split, row))
                r->shown[n++] =
                    (struct rg__shown){split->positions[row], weight, weight * split->labels[row]};
        if (r->rows.offsets[q + 1] > r->rows.offsets[q])
            r->lists[n_lists++] = q;
    }
    r->n_shards = rg__cut_shards(&r->rows, r->lists, n_lists, r->shards);
    r->n_buckets = r->n_shards < BUCKETS ? r->n_shards : BUCKETS;
    return RG_OK;
}

static rg_status open_regression(struct regression *r)
{
    rg_status status = open_model(r);
    if (status == RG_OK)
        status = open_shards(r);
    if (status != RG_OK)
        return status;
    int64_t n = r->n_parameters = r->model->parameters.count;
    r->buckets = numbers(r, r->n_buckets * n);
    r->gradient = numbers(r, n);
    r->direction = numbers(r, n);
    r->product = numbers(r, n);
    r->step = numbers(r, n);
    return r->buckets && r->gradient && r->direction && r->product && r->step ? RG_OK : RG_LIMIT;
}

static void close_regression(struct regression *r)
{
    void *const blocks[] = {r->lists,     r->shards,     r->shown,   r->examined,
                            r->score,     r->likelihood, r->buckets, r->gradient,
                            r->direction, r->product,    r->step};
    for (int i = 0; i < RG__COUNT(blocks); i++)
        rg__free(r->ctx, blocks[i]);
    rg__workers_close(&r->workers);
    rg__rows_close(&r->rows);
    rg_model_destroy(r->model);
    rg__inputs_free(r->ctx, &r->inputs);
}

rg_status rg__estimate_by_features(rg_context *ctx, const rg_split *split,
                                   const rg_propensity_options *options, rg_propensities *out)
{
    struct regression r = {.ctx = ctx, .split = split};
    rg_status status = open_regression(&r);
    if (status == RG_OK)
        status = rg__em(ctx, options, step, &r, out);
    close_regression(&r);
    return status;
}
