/* loss.c: `rankgrad loss`: losses and gradients of operands given as JSON lines. A line becomes the
 * leaves of a graph, a loss node and one backward pass.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"loss",      "dtype",     "logits",           "labels",
                                   "where",     "weights",   "list_weights",     "offsets",
                                   "reduction", "positions", "position_factors", NULL};

static void explain(FILE *to)
{
    fprintf(to, "Keys of a line:\n"
                "  loss        its name, listed below, perhaps with parameters:\n"
                "              \"ranking_softmax(label_mode=normalized)\"; a parameter may\n"
                "              also be a key of its own; or a sum of losses with factors:\n"
                "              \"0.7*ranking_softmax + 0.3*NAME\"\n"
                "  dtype       f64 (default), f32: the type it is computed in\n"
                "  logits      [..]: one list; [[..],[..]]: the last axis is a list; with a loss\n"
                "              that takes several scores per item (ordinal), one more axis\n"
                "  labels      broadcast to the logits as in NumPy; integers or true and false\n"
                "              alone get no gradient\n"
                "  where       false where there is no item; broadcast\n"
                "  weights     of the items, >= 0; a number or lists, broadcast\n"
                "  list_weights\n"
                "              multiply the losses of the lists: one number, or one per list\n"
                "  offsets     [0,..,N]: logits are flat, list q is [offsets[q], offsets[q+1])\n"
                "  reduction   mean (default; by list weight), sum, none\n"
                "  positions   where items were shown, from 1, in the shape of logits; for losses\n"
                "              that correct for position bias\n"
                "  position_factors\n"
                "              with positions: the factors of each position, [[..],..]; if not\n"
                "              given, those before the first pass\n"
                "NaN and infinities are the strings \"NaN\", \"Infinity\", \"-Infinity\".\n\n"
                "The answer: value, grad_logits, and, where the operands are given,\n"
                "grad_labels, grad_weights and grad_list_weights; each gradient has its\n"
                "operand's shape. With reduction none, value has one number per list, and the\n"
                "gradients are those of their sum. With positions, position_factors are those\n"
                "after the pass. A line that cannot be answered gives\n"
                "{\"error\": ..} and, at the end, exit status 3.\n\n"
                "Losses:\n");
    const rg_component *loss;
    for (int i = 0; (loss = rg_registry_at(rg_losses(), i)) != NULL; i++)
        cli_show_component(to, loss);
    cli_show_aliases(to, rg_losses());
    fprintf(to, "\nExample:\n"
                "  echo '{\"loss\":\"ranking_softmax\",\"logits\":[0,0],\"labels\":[1,0]}' |\n"
                "    rankgrad loss\n"
                "  {\"value\": 0.69314718055994529, \"grad_logits\": [-0.5, 0.5]}\n");
}

/* One line, read. Tensors without data: not given. */
struct request {
    rg_objective loss;
    rg_reduction reduction;
    rg_tensor logits, labels, where, weights, list_weights, offsets, positions, factors;
    rg_position_bias bias; /* with positions */
};

static void release(rg_context *ctx, struct request *r)
{
    rg_position_bias_free(ctx, &r->bias);
    free(r->logits.data);
    free(r->labels.data);
    free(r->where.data);
    free(r->weights.data);
    free(r->list_weights.data);
    free(r->offsets.data);
    free(r->positions.data);
    free(r->factors.data);
}

static const char *reduction_at(int i)
{
    return rg_reduction_name((rg_reduction)i);
}

static double number_at(const rg_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case RG_F32: return (double)((const float *)t->data)[i];
    case RG_F64: return ((const double *)t->data)[i];
    case RG_I64: return (double)((const int64_t *)t->data)[i];
    default: return ((const uint8_t *)t->data)[i]; /* true or false */
    }
}

/* Whether no weight is below 0. Masked items may hold anything, a NaN is left to the loss, and
 * weights of another size than the mask, which are broadcast, are not looked at. */
static bool check_weights(const char *key, const rg_tensor *weights, const rg_tensor *where,
                          struct cli_json_error *error)
{
    int64_t n = weights->data ? rg_tensor_count(weights) : 0;
    if (where->data && rg_tensor_count(where) != n)
        return true;
    for (int64_t i = 0; i < n; i++)
        if ((!where->data || number_at(where, i) != 0) && number_at(weights, i) < 0)
            return cli_json_fail(error, RG_BAD_DATA,
                                 "%s: number %lld (from 1) is %g; expected >= 0", key,
                                 (long long)i + 1, number_at(weights, i));
    return true;
}

/* Positions, and the state of the loss that uses them. */
static bool read_positions(rg_context *ctx, const json_t *input, struct request *r,
                           struct cli_json_error *error)
{
    const rg_choice *loss = &r->loss.terms[0].loss;
    int64_t n = rg_tensor_count(&r->logits), most = 0;
    if (!cli_json_tensor(input, "positions", CLI_JSON_AS_WRITTEN, RG_F64, &r->positions, error) ||
        !cli_json_tensor(input, "position_factors", CLI_JSON_REAL, RG_F64, &r->factors, error))
        return false;
    if (!r->positions.data)
        return true;
    if (r->loss.n_terms != 1 || !rg_loss_properties_of(loss).positions)
        return cli_json_fail(error, RG_USAGE,
                             "positions are given; expected one loss that corrects for position "
                             "bias, such as pairwise_debiasing");
    if (r->positions.dtype != RG_I64 || rg_tensor_count(&r->positions) != n)
        return cli_json_fail(error, RG_BAD_DATA,
                             "positions %s; expected a whole number for each of logits %s",
                             cli_json_shape(&r->positions).text, cli_json_shape(&r->logits).text);
    for (int64_t i = 0; i < n; i++) {
        int64_t position = ((const int64_t *)r->positions.data)[i];
        most = position > most && position <= RG_MAX_POSITION ? position : most;
    }
    if (r->factors.data)
        most = r->factors.ndim > 0 ? r->factors.dims[0] : 0;
    if (rg_position_bias_create(ctx, loss, most, &r->bias) != RG_OK)
        return cli_json_fail_last(error, ctx);
    int64_t n_factors = most * r->bias.n_factors;
    if (r->factors.data && rg_tensor_count(&r->factors) != n_factors)
        return cli_json_fail(error, RG_BAD_DATA, "position_factors %s; expected (positions,%d)",
                             cli_json_shape(&r->factors).text, r->bias.n_factors);
    for (int64_t i = 0; r->factors.data && i < n_factors; i++)
        r->bias.factors[i] = ((const double *)r->factors.data)[i];
    return true;
}

static bool read_request(rg_context *ctx, const json_t *input, struct request *r,
                         struct cli_json_error *error)
{
    int dtype = RG_F64, reduction = RG_REDUCE_MEAN;
    if (!cli_json_objective(ctx, input, "loss", &r->loss, error) ||
        !cli_json_name(input, "dtype", cli_dtype_at, &dtype, error) ||
        !cli_json_name(input, "reduction", reduction_at, &reduction, error))
        return false;
    r->reduction = (rg_reduction)reduction;
    rg_dtype type = (rg_dtype)dtype;
    if (!cli_json_tensor(input, "logits", CLI_JSON_REAL, type, &r->logits, error) ||
        !cli_json_tensor(input, "labels", CLI_JSON_AS_WRITTEN, type, &r->labels, error) ||
        !cli_json_tensor(input, "where", CLI_JSON_AS_WRITTEN, type, &r->where, error) ||
        !cli_json_tensor(input, "weights", CLI_JSON_REAL, type, &r->weights, error) ||
        !cli_json_tensor(input, "list_weights", CLI_JSON_REAL, type, &r->list_weights, error) ||
        !cli_json_offsets(input, &r->offsets, error))
        return false;
    if (!r->logits.data || !r->labels.data)
        return cli_json_fail(error, RG_BAD_DATA, "%s is missing",
                             r->logits.data ? "labels" : "logits");
    return check_weights("weights", &r->weights, &r->where, error) &&
           check_weights("list_weights", &r->list_weights, &(rg_tensor){0}, error) &&
           read_positions(ctx, input, r, error);
}

/* A node over an operand: a variable where it can have a gradient; NULL where it is not given. */
static rg_node *operand(rg_graph *graph, const rg_tensor *tensor)
{
    if (!tensor->data)
        return NULL;
    return rg_dtype_computes(tensor->dtype) ? rg_variable(graph, tensor, NULL)
                                            : rg_leaf(graph, tensor);
}

/* Adds the gradient of a variable to the answer; zeros where backward did not reach it. */
static bool add_gradient(json_t *answer, const char *key, const rg_node *node)
{
    if (!node || !rg_dtype_computes(rg_node_value(node)->dtype))
        return true;
    rg_tensor zeros = *rg_node_value(node);
    zeros.data = NULL;
    const rg_tensor *grad = rg_node_grad(node);
    return json_object_set_new(answer, key, cli_json_of_tensor(grad ? grad : &zeros)) == 0;
}

/* Value and gradients; NULL: the graph has failed, or out of memory. */
static json_t *compute(rg_graph *graph, struct request *r)
{
    rg_loss_options options = rg_loss_options_default();
    rg_node *logits = operand(graph, &r->logits), *labels = operand(graph, &r->labels);
    options.weights = operand(graph, &r->weights);
    options.list_weights = operand(graph, &r->list_weights);
    options.where = r->where.data ? rg_leaf(graph, &r->where) : NULL;
    options.offsets = r->offsets.data;
    options.n_lists = r->offsets.data ? r->offsets.dims[0] - 1 : 0;
    options.reduction = r->reduction;
    options.positions = r->positions.data;
    options.position_bias = r->positions.data ? &r->bias : NULL;
    rg_node *loss = rg_objective_apply(graph, &r->loss, logits, labels, &options);
    rg_node *root = r->reduction == RG_REDUCE_NONE ? rg_sum(graph, loss, rg_all_axes()) : loss;
    if (rg_backward(graph, root, NULL) != RG_OK)
        return NULL;
    rg_position_bias_update(&r->loss.terms[0].loss, &r->bias);
    const rg_tensor factors = {
        RG_F64, 2, {r->bias.n_positions, r->bias.n_factors}, r->bias.factors};
    json_t *answer = json_object();
    if (json_object_set_new(answer, "value", cli_json_of_tensor(rg_node_value(loss))) == 0 &&
        add_gradient(answer, "grad_logits", logits) &&
        add_gradient(answer, "grad_labels", labels) &&
        add_gradient(answer, "grad_weights", options.weights) &&
        add_gradient(answer, "grad_list_weights", options.list_weights) &&
        (!r->positions.data ||
         json_object_set_new(answer, "position_factors", cli_json_of_tensor(&factors)) == 0))
        return answer;
    json_decref(answer);
    return NULL;
}

static json_t *answer(rg_context *ctx, const json_t *input, struct cli_json_error *error)
{
    struct request r = {0};
    json_t *json = NULL;
    rg_graph *graph = rg_graph_create(ctx);
    if (graph && read_request(ctx, input, &r, error)) {
        json = compute(graph, &r);
        if (rg_graph_status(graph) != RG_OK)
            cli_json_fail_last(error, ctx);
    }
    rg_graph_destroy(graph);
    release(ctx, &r);
    return json;
}

static rg_status run(rg_context *ctx, void *values)
{
    static const struct cli_json_protocol protocol = {
        .keys = keys, .registry = rg_losses, .answer = answer};
    return cli_json_run(ctx, values, &protocol);
}

const struct cli_command cli_command_loss = {
    .name = "loss",
    .summary = "losses and their gradients of JSON lines",
    .aliases = "losses",
    .arguments = "[FILE...]",
    .most = CLI_MANY,
    .size = sizeof(struct cli_list),
    .doc = "Read JSON objects, one per line, from FILEs or standard input, and answer each with "
           "a loss and its gradients.",
    .more = explain,
    .run = run};
