"""Generates the calls of test_misuse.c: every public function with every bad value of each argument.

    misuse_calls.py INCLUDE_FOLDER misuse_calls.inc

The functions and their parameters are read from the headers. A parameter gets its valid value from
VALID below, by function and name, by type, or by name; a parameter without one stops the generator,
so a new function cannot be left out. Each call has one bad argument: NULL for a pointer, -1, the
least and the largest value for a number, a value that does not exist for an enum. One more call of
each function has only valid arguments and must succeed."""

import pathlib
import re
import sys

# Valid arguments, as expressions over the fixture `v` of test_misuse.c.
VALID = {
    "rg_context_destroy.ctx": "rg_context_create(NULL)",
    "rg_csr_matmul.a": "v->sparse", "rg_csr_matmul.b": "v->column",
    "rg_matmul.b": "v->weights", "rg_linear.w": "rg_transpose(v->graph, v->node, 0, 1)", "rg_linear.b": "v->logits", "rg_batch_norm.gamma": "v->weights", "rg_batch_norm.beta": "v->weights", "running_mean": "v->numbers_out", "running_var": "v->numbers_out + 8", "momentum": "0.1", "training": "true", "rg_embedding.ids": "v->index_node", "transpose_a": "false", "transpose_b": "true", "rg_backward.root": "v->sum", "rg_backward.cotangent": "&v->one",
    "rg_model_forward.rows": "v->floating", "rg_model_forward.offsets": "NULL",
    "rg_model_forward.n_lists": "0", "rg_model_load_own.path": "v->model_path",
    "rg_model_load_own.own": "NULL", "rg_model_load_own.n_own": "0", "rg_model_score.rows": "v->floats",
    "rg_tensor_cast.to": "&v->tensor_out", "rg_normalization_apply.out": "&v->tensor_out",
    "rg_normalization_fit.out": "&v->normalization_out", "method": '"zscore"',
    "rg_gradcheck.inputs": "&v->tensor",
    "rg_normalization_free.normalization": "&v->normalization_out",
    "rg_output_check.path": '"test_misuse.new"', "rg_output_begin.path": '"test_misuse.out"',
    "rg_output_same.a": "v->model_path", "rg_output_same.b": "v->text_path", "same": "&v->flag",
    "rg_model_write.out": "v->output", "rg_output_commit.outs": "&v->output", "from": "v->buffer",
    "rg_choice_parse.text": '"adam(beta1=0.5)"', "rg_choice_set.name": '"beta1"',
    "rg_choice_set.value": '"0.5"', "rg_metric_parse.text": '"ndcg@10"', "rg_metric_like.text": '"ndcg@10"', "tool": '"rax"',
    "rg_dataset_open.path": "v->text_path", "rg_dataset_write.path": '"test_misuse.out"',
    "rg_model_save.path": '"test_misuse.out"', "rg_model_load.path": "v->model_path",
    "rg_registry_find.name": '"adam"', "word": '"gro"', "rg_name_at *": "misuse_name_at", "of": "NULL", "rg_loss_apply.loss": "&v->loss", "rg_objective_parse.losses": "rg_losses()", "rg_objective_parse.text": '"ranking_softmax"', "rg_objective *": "&v->objective",
    "rg_objective_of.loss": "&v->loss", "rg_loss_named.loss": '"ranking_softmax"', "rg_loss_properties_of.loss": "&v->loss",
    "rg_loss_set_pair_weights.loss": "&v->pairwise", "rg_weigh_pairs *": "NULL",
    "rg_model_columns.n": "&v->offsets[2]", "rg_schedule_factor.schedule": "&v->schedule",
    "rg_dataset_find.name": '""', "id": '"d1"', "blanks": "true", "rg_gradcheck_builtin.name": '"add"',
    "rg_ranking_softmax_loss.logits": "v->logits", "rg_ranking_softmax_loss.labels": "v->logits",
    "rg_reshape.ndim": "2", "rg_axes": "rg_axis(0)",
    "rg_graph_destroy.graph": "rg_graph_create(v->ctx)",
    "rg_output_commit.n": "1", "n_features": "3", "n_rows": "2", "n": "2", "n_inputs": "1", "n_operands": "1", "i": "0",
    "n_sources": "1", "n_metrics": "1", "n_splits": "1", "step": "1", "n_steps": "10", "ndim": "2",
    "attributes_size": "4", "size": "64", "path": "v->model_path", "json": '"{}"',
    "text": "v->buffer", "format": '"a format"', "user": "NULL", "saved": "v->buffer",
    "attributes": "v->buffer", "params": "NULL", "grad": "v->gradient", "rg_model_score.scores": "v->values", "scores": "v->numbers_out",
    "per_list": "v->numbers_out", "truth": "v->numbers_out", "force": "true", "dims": "v->dims",
    "yes": "&v->flag", "n_checked": "&v->count", "n_hidden": "&v->count", "names": "v->names",
    "rg_apply.operands": "v->operands", "axis": "0", "rg_transpose.a": "0", "rg_transpose.b": "0", "n_axes": "2", "axes": "(int[]){0, 1}", "begin": "0", "end": "1",
    "rg_slice.step": "1", "n_parts": "1", "sizes": "(int64_t[]){2}", "parts": "&(rg_node *){NULL}", "before": "1", "after": "1", "value": "1.0",
    "rg_concat.x": "&v->node", "rg_stack.x": "&v->node", "rg_squeeze.x": "rg_expand(v->graph, v->node, 0)",
    "rg_where.condition": "rg_equal(v->graph, v->node, v->node)", "rg_concat.n": "1", "rg_stack.n": "1",
    "rg_broadcast_to.dims": "(int64_t[]){2, 3}",
    **{f"rg_{op}.index": "v->index_node" for op in ("index_select", "gather", "scatter_add", "one_hot")}, "depth": "4", "rg_recompute.inputs": "&v->node", "rg_recompute.n": "1", "rg_backward_all.roots": "&v->sum", "rg_backward_all.n": "1", "cotangents": "NULL", "rg_gradients.root": "v->sum", "rg_gradients.cotangent": "NULL", "rg_gradients.nodes": "&v->node", "rg_gradients.n": "1", "grads": "&v->tensor_out", "enabled": "true", "hook": "NULL", "rg_softmax_cross_entropy.logits": "v->node", "rg_softmax_cross_entropy.labels": "v->node", "gamma": "NULL", "beta": "NULL", "rg_layer_norm.gamma": "v->weights", "rg_layer_norm.beta": "v->weights", "rg_rms_norm.gamma": "v->weights", "epsilon": "1e-5", "p": "0.5", "call": "1", "descending": "true", "source": "v->node", "c": "2.0", "low": "-1.0", "high": "1.0",
    "offsets": "(int64_t[]){0, 2, 2}", "n_lists": "2", # of segment_...
    "n_heads": "1", "recompute": "true",
    "lr_factor": "0.5", "function": "v->function", "visit": "NULL", "report": "&v->report",
    "rg_dataset_write.splits": "v->splits",
    "rg_selection *": "&v->selection", "rg_tensor *": "&v->tensor", "rg_operator *": "&v->operator",
    "rg_context *": "v->ctx", "rg_graph *": "v->graph", "rg_node *": "v->node",
    "rg_model *": "v->model", "rg_model **": "&v->model_out", "rg_dataset *": "v->dataset",
    "rg_dataset **": "&v->dataset_out", "rg_split *": "&v->split", "rg_metric *": "&v->metric",
    "rg_ranking *": "&v->ranking", "complete": "true", "qrels": "v->text_path", "rg_trec_open.run": "v->text_path", "rg_interval *": "&v->interval", "rg_test *": "&v->test",
    "rg_comparison *": "&v->comparison", "values": "v->numbers", "differences": "v->numbers", "weights": "NULL",
    "rg_compare.a": "v->numbers", "rg_compare.b": "v->numbers", "t": "1.0", "df": "1.0", "rg_metric_result *": "&v->metric_result",
    "rg_extremes *": "&v->extremes", "x": "1.0", "count": "1",
    "rg_train_result *": "&v->train_result", "rg_optimizer *": "v->optimizer",
    "rg_optimizer **": "&v->optimizer_out", "rg_output *": "v->output",
    "rg_output **": "&v->output_out", "rg_parameters *": "&v->parameters",
    "rg_registry *": "rg_optimizers()", "rg_choice *": "&v->choice",
    "rg_component *": "v->choice.component", "rg_param *": "v->choice.component->params",
    "rg_model_load_memory.data": "v->buffer", "rg_model_load_memory.own": "NULL",
    "rg_model_load_memory.n_own": "0",
    "rg_normalization *": "&v->normalization", "rg_batches *": "v->batches",
    "rg_batches **": "&v->batches_out", "batch": "&v->batch",
    "rg_propensities_estimate.split": "&v->clicks", "rg_propensity_weights.split": "&v->clicks",
    "rg_propensities_write.propensities": "&v->propensities", "rg_propensities_write.out": "v->output",
    "rg_propensity_weights.propensities": "&v->propensities", "rg_propensity_weights.weights": "v->numbers_out",
    "rg_propensities_read.path": "v->table_path", "rg_propensities *": "&v->propensities_out",
    "rg_position_bias_create.loss": "&v->loss", "rg_position_bias_update.loss": "&v->loss",
    "rg_position_bias *": "&v->bias", "n_positions": "3", "most_weight": "10.0", "n_clipped": "&v->offsets[2]",
    "rg_parameter *": "&v->parameter", "rg_parameters_create.n": "1",
    "rg_parameters_create.out": "&v->parameters_out",
    "rg_parameters_free.parameters": "&v->parameters_out",
    "seed": "1", "stream": "1", "a": "1", "b": "1", "rg_shuffle.array": "v->offsets", "batch_lists": "1", "epoch": "1", "rg_data_source *": "&v->source",
}
VALID.update({f"rg_logical_{name}.{operand}": "v->truths"
              for name in ("and", "or", "xor", "not") for operand in "abx"})

# Bad values that a call may accept: documented as allowed, or nothing that can be checked.
ACCEPTED = re.compile(r"""
    \w+\.(options|user|visit|saved|result|truth|per_list|n_checked|n_hidden|params|grad)=NULL
    | rg_propensity_weights\.(n_clipped=NULL|most_weight=INFINITY) | rg_clicks_simulate\.scores=NULL
    | rg_backward\.cotangent=NULL            # one, for a root of one element: the fixture's is that
    | rg_gradcheck_builtin\.name=NULL        # all
    | rg_(scores_read|trec_open)\.=         # the file has no scores, is no run
    | rg_model_columns\.(n=NULL|=)           # NULL: all
    | rg_model_set_feature_names\.names=NULL # none
    | rg_reject\..* | rg_last_status\.ctx=NULL | rg_last_error\.ctx=NULL | rg_graph_status\.graph=NULL
    | rg_context_create\.options=NULL
    | rg_batches_create\.normalization=NULL # the features as they are
    | rg_(bootstrap_mean|compare)\.weights=NULL # all 1
    | rg_(scale|add_scalar|pow_scalar|leaky_relu|elu|huber|var|std|norm)\.c=.*  # any number
    | rg_\w+\.axis=-1 | rg_transpose\.[ab]=-1 # counted from the end
    | rg_(layer|rms|batch)_norm\.(gamma=NULL|beta=NULL|epsilon=INFINITY) | rg_linear\.b=NULL
    | rg_list_normalize\.epsilon=INFINITY
    | rg_set_hook\..* | rg_graph_(set_gradients|find_anomalies)\.graph=NULL
    | rg_backward_all\.cotangents=NULL | rg_gradients\.cotangent=NULL # one, for roots of one element
    | rg_slice\.(begin|end)=.* | rg_slice\.step=(-1|INT64_MAX) # as in Python
    | rg_pad\.value=.*                      # any number
    | rg_clip\.(low|high)=.*                # any number
    | rg_nearest_name\.(of|n)=.*            # belongs to name_at; at most so many
    | rg_loss_set_pair_weights\.weigh=NULL  # removes it
    | rg_model_forward\.(offsets|n_lists)=.* # NULL: one list, whatever n_lists is
    | rg_model_load_(own|memory)\.own=NULL   # none
    | rg_metric_like\.tool=NULL             # Rankgrad's conventions
    | rg_model_load_memory\.=                # the buffer holds no model
    | rg_(choice|param)_\w+\.size=SIZE_MAX                     # more than is written
    """, re.X)
# Counts of the caller's array, which a call must believe.
BELIEVED = {"rg_dataset_import.n_sources", "rg_dataset_write.n_splits", "rg_output_commit.n",
            "rg_parameters_create.n", "rg_shuffle.n", "rg_metrics_evaluate.n_metrics", "rg_paired_t_test.n",
            "rg_wilcoxon_test.n", "rg_randomization_test.n", "rg_backward_all.n", "rg_gradients.n"}

HANDLES = {"rg_batches *", "rg_output *", "rg_context *", "rg_graph *", "rg_model *", "rg_optimizer *", "rg_dataset *"}
# Functions that have nowhere to leave a message when these arguments are bad.
WITHOUT_CONTEXT = {"rg_output_commit"}
ENUMS = re.compile(r"rg_(dtype|status|reduction|label_mode|gain|ties|no_relevant|"
                   r"negatives|negative_labels|schedule|propensity_method|param_type|log_level|text_dtype)$")
BAD_NUMBERS = {"int": ["-1", "INT_MIN", "INT_MAX"], "int64_t": ["-1", "INT64_MIN", "INT64_MAX"],
               "size_t": ["SIZE_MAX"], "double": ["NAN", "-1.0", "INFINITY"], "bool": [],
               "uint64_t": [],
               "rg_axes": ["rg_axis(99)", "rg_axis(INT_MIN)", "(rg_axes){-1, {0}, false, false}",
                           "(rg_axes){INT_MAX, {0}, false, false}",
                           "(rg_axes){2, {0, 0}, false, false}"]}


def prototypes(folder):
    """(return type, name, [(type, name)]) of every RG_API function in the headers."""
    for header in sorted(pathlib.Path(folder).glob("rankgrad/*.h")):
        text = re.sub(r"/\*.*?\*/|^ *#.*?(?<!\\)$", "", header.read_text(), flags=re.S | re.M)
        for result, name, inside in re.findall(r"\bRG_API\b([^;{(]*?)(\w+)\s*\(([^;)]*)\)", text):
            parameters = []
            for parameter in inside.split(","):
                parameter = " ".join(parameter.replace("const", "").split())
                if parameter not in ("void", "..."):
                    kind, argument = re.fullmatch(r"(.*?)(\w+)", parameter).groups()
                    parameters.append((kind.strip(), argument))
            yield " ".join(result.replace("const", "").split()), name, parameters


def valid(function, kind, name):
    if ENUMS.match(kind):
        return f"({kind})0"
    if name == "options":
        return "NULL"
    for key in (f"{function}.{name}", kind, name):
        if key in VALID:
            return VALID[key]
    sys.exit(f"{function}: no valid value for parameter \"{kind} {name}\"; add one to VALID")


def bad(kind):
    if kind.endswith("*") or kind == "rg_function *":
        return ["NULL"]
    if ENUMS.match(kind):
        return [f"({kind})-1", f"({kind})99"]
    if kind not in BAD_NUMBERS:
        sys.exit(f"no bad values are known for the type \"{kind}\"")
    return BAD_NUMBERS[kind]


def outcome(result):
    """The macro of test_misuse.c that judges what a function returned."""
    if result == "rg_status":
        return "STATUS"
    if result == "rg_node *":
        return "NODE"
    return "POINTER" if result.endswith("*") else "VALUE"


def calls(result, name, parameters):
    """(parameter, value, expectation, arguments) of each call of a function."""
    good = [valid(name, kind, parameter) for kind, parameter in parameters]
    yield "", "", "ANY" if ACCEPTED.fullmatch(f"{name}.=") else "SUCCESS", good
    for i, (kind, parameter) in enumerate(parameters):
        for value in bad(kind):
            if f"{name}.{parameter}" in BELIEVED and value.endswith("MAX"):
                continue
            accepted = ACCEPTED.fullmatch(f"{name}.{parameter}={value}")
            silent = kind in HANDLES or name in WITHOUT_CONTEXT
            expected = "ANY" if accepted else "NO_MESSAGE" if silent else "REFUSAL"
            yield parameter, value, expected, good[:i] + [value] + good[i + 1:]


def main():
    lines = [f'CALL({outcome(result)}, "{name}", "{parameter}", "{value}", {expected}, '
             f'{name}({", ".join(arguments)}))\n'
             for result, name, parameters in prototypes(sys.argv[1])
             for parameter, value, expected, arguments in calls(result, name, parameters)]
    pathlib.Path(sys.argv[2]).write_text("".join(lines))


if __name__ == "__main__":
    main()
