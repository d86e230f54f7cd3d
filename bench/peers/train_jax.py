#!/usr/bin/env python3
"""An epoch of JAX: train_jax.py FILE MODEL BATCH_LISTS THREADS EPOCHS

Lists sorted by length into buckets, padded to the longest of their bucket; each step takes lists of
one bucket, the steps in a new order each epoch. The loss of rax and that of optax, both compiled
with the optimizer of optax in one function a bucket; both are printed, the driver takes the faster.

NumPy picks the lists of a step; XLA's own gather was not tried.
"""
import sys

import peer

peer.limit_threads(int(sys.argv[4]))
import jax
import jax.numpy as jnp
import numpy as np
import optax
import rax

WIDTH = 32  # buckets of lists up to 32, 64, 96, ... items


class Bucket:
    """Lists of about one length: x (Q,n,F), y (Q,n), where (Q,n)."""

    def __init__(self, x, y, offsets, lists, width):
        self.x = np.zeros((len(lists), width, x.shape[1]), "float32")
        self.y = np.zeros((len(lists), width), "float32")
        self.where = np.zeros((len(lists), width), bool)
        for i, q in enumerate(lists):
            n = offsets[q + 1] - offsets[q]
            self.x[i, :n] = x[offsets[q]:offsets[q + 1]]
            self.y[i, :n] = y[offsets[q]:offsets[q + 1]]
            self.where[i, :n] = True


def buckets_of(x, y, offsets):
    length = np.diff(offsets)
    kind = np.maximum((length + WIDTH - 1) // WIDTH, 1)
    for k in np.unique(kind):
        lists = np.flatnonzero(kind == k)
        yield Bucket(x, y, offsets, lists, min(k * WIDTH, length.max()))


def forward(layers, x):
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    return (x @ layers[-1][0])[..., 0]


def rax_loss(scores, labels, where):
    return rax.softmax_loss(scores, labels, where=where, reduce_fn=jnp.mean)


def optax_loss(scores, labels, where):
    return optax.losses.ranking_softmax_loss(scores, labels, where=where)


def make_step(loss, optimizer):
    @jax.jit
    def step(layers, state, x, y, where):
        gradient = jax.grad(lambda p: loss(forward(p, x), y, where))(layers)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(layers, updates), state
    return step


def epoch(step, model, buckets, batch, rng):
    """A step's lists come from one bucket; the last step of a bucket is filled with lists drawn
    again, so that no other shape is compiled."""
    steps = []
    for bucket in buckets:
        order = rng.permutation(len(bucket.x))
        size = min(batch, len(order))
        steps += [(bucket, np.resize(order[i:i + size], size)) for i in range(0, len(order), size)]
    for i in rng.permutation(len(steps)):
        bucket, lists = steps[i]
        model[:] = step(*model, bucket.x[lists], bucket.y[lists], bucket.where[lists])
    jax.block_until_ready(model)


def main():
    path, name, batch, _, epochs = sys.argv[1:]
    x, y, offsets = peer.load(path)
    buckets = list(buckets_of(x, y, offsets))
    layers = peer.weights(np.random.default_rng(1), x.shape[1])
    if name == "linear":
        layers = [np.zeros((x.shape[1], 1), "float32")]
    layers = [(jnp.array(w), jnp.zeros(w.shape[1])) for w in layers]
    optimizer = optax.chain(optax.clip_by_global_norm(1.0),
                            optax.sgd(0.1) if name == "linear" else optax.adam(1e-3))
    for loss in (rax_loss, optax_loss):
        step, rng = make_step(loss, optimizer), np.random.default_rng(1)
        model = [layers, optimizer.init(layers)]
        times = [peer.timed(epoch, step, model, buckets, int(batch), rng)
                 for _ in range(int(epochs))]
        peer.report(loss.__name__, times[1:])  # the first one compiles


if __name__ == "__main__":
    main()
