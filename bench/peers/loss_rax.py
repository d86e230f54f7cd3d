#!/usr/bin/env python3
"""Forward and backward of the losses that rax has, with jit, in f32 on one thread, for bench/loss.c.

Lists are padded to the longest of all, for one compilation; losses with n^2 numbers per list run in
batches, pointwise losses without padding."""
import functools
import sys
import types

import loss as common
import peer

peer.limit_threads(1)
import jax
import jax.numpy as jnp
import numpy as np
import rax

PAIR_BATCH = 50  # lists
if not hasattr(jax, "util"):  # rax 0.4.0 uses a decorator that later versions of JAX removed
    jax.util = types.SimpleNamespace(wraps=lambda function, **_: functools.wraps(function))


def softmax_labels(labels, where, **_):
    return jax.nn.softmax(labels, axis=-1, where=where)


def gumbel(loss):
    draw = rax.gumbel_t12n(loss)
    return lambda *x, **options: draw(*x, **options) / 8


def weighted(weight, **options):
    """rax multiplies by the padded length of a list; the loss here by the number of its items."""
    def by_length(scores, labels, *, where, **others):
        factor = where.sum(-1) / where.shape[-1] if scales else jnp.ones(where.shape[:-1])
        return factor[..., None] * weight(scores, labels, where=where, **others, **options)
    scales = weight is not rax.labeldiff_lambdaweight
    return functools.partial(rax.pairwise_logistic_loss, lambdaweight_fn=by_length)


approx_ndcg = rax.approx_t12n(rax.ndcg_metric)

LISTWISE = {
    "ranking_softmax": rax.softmax_loss,
    "ranking_softmax(label_mode=softmax)": functools.partial(rax.softmax_loss,
                                                             label_fn=softmax_labels),
    "poly1_softmax": rax.poly1_softmax_loss,
    "listmle": rax.listmle_loss,
    "gumbel_softmax": gumbel(rax.softmax_loss),
}

POINTWISE = {"pointwise_sigmoid": rax.pointwise_sigmoid_loss,
             "pointwise_mse": rax.pointwise_mse_loss}

QUADRATIC = {
    "unique_softmax": rax.unique_softmax_loss,
    "approx_ndcg": approx_ndcg,
    "approx_mrr": rax.approx_t12n(rax.mrr_metric),
    "approx_precision": functools.partial(rax.approx_t12n(rax.precision_metric), topn=10),
    "approx_recall": functools.partial(rax.approx_t12n(rax.recall_metric), topn=10),
    "approx_map": rax.approx_t12n(rax.ap_metric),
    "gumbel_approx_ndcg": gumbel(approx_ndcg),
    "pairwise_hinge": rax.pairwise_hinge_loss,
    "pairwise_logistic": rax.pairwise_logistic_loss,
    "pairwise_soft_zero_one": rax.pairwise_soft_zero_one_loss,
    "pairwise_mse": rax.pairwise_mse_loss,
    "pairwise_qr": rax.pairwise_qr_loss,
    "pairwise_logistic(lambda=label_difference)": weighted(rax.labeldiff_lambdaweight),
    "pairwise_logistic(lambda=ndcg)": weighted(rax.dcg_lambdaweight, normalize=True),
    "pairwise_logistic(lambda=ndcg_loss2)": weighted(rax.dcg2_lambdaweight, normalize=True),
}
# Metrics of relevant items take a label from 1 on as relevant.
BINARY = ("approx_mrr", "approx_precision", "approx_recall", "approx_map")


@functools.lru_cache(1)
def batches_of(shape, lists):
    return [[jnp.asarray(x) for x in batch] for batch in common.padded(shape, lists, True)]


@functools.lru_cache(1)
def flat_of(shape):
    scores, labels, _ = common.flat(shape)
    return [[jnp.asarray(scores), jnp.asarray(labels), None]]


def make(shape, way, text):
    loss = {**LISTWISE, **POINTWISE, **QUADRATIC}.get(text)
    if not loss:
        return None
    batches = (flat_of(shape) if text in POINTWISE else
               batches_of(shape, PAIR_BATCH if text in QUADRATIC else 5000))

    def value(scores, labels, mask, key):
        labels = (labels >= 1).astype(jnp.float32) if text in BINARY else labels
        options = {"key": key} if text.startswith("gumbel") else {}
        return loss(scores, labels, where=mask, reduce_fn=jnp.sum, **options)

    step = jax.jit(jax.value_and_grad(value))

    key = jax.random.PRNGKey(0)  # an argument: the numbers of a constant would be compiled in

    def run():
        results = [jax.block_until_ready(step(*batch, key)) for batch in batches]
        return sum(float(v) for v, _ in results), [np.asarray(g) for _, g in results]

    n = sum(int(m.sum()) if m is not None else len(s) for s, _, m in batches)
    return run, n


if __name__ == "__main__":
    peer.limit_memory(float(sys.argv[1]))
    common.serve(make)
