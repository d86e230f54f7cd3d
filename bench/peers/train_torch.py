#!/usr/bin/env python3
"""An epoch of PyTorch: train_torch.py FILE MODEL BATCH_LISTS THREADS EPOCHS

Two ways, both over lists in a new order each epoch, both printed; the driver takes the faster.

ragged: the rows of a step are gathered one after the other, and scatter_reduce, index_add and
    index_select bring maxima and sums of the lists to their items. No item is computed in vain.
padded: as allRank does it, each list padded to the longest, with a mask. The padded tensor is made
    once, before the clock starts, where allRank pads in its data loader: this is the faster choice.

Not tried: torch.cat over slices of lists instead of one index_select, and torch.compile.
"""
import math
import sys

import peer

THREADS = int(sys.argv[4])
peer.limit_threads(THREADS)
import numpy as np
import torch


def make_model(name, n_features):
    if name == "linear":
        model = torch.nn.Linear(n_features, 1, bias=False)
        return model, torch.optim.SGD(model.parameters(), lr=0.1)
    a, b = peer.HIDDEN
    model = torch.nn.Sequential(torch.nn.Linear(n_features, a), torch.nn.ReLU(),
                                torch.nn.Linear(a, b), torch.nn.ReLU(), torch.nn.Linear(b, 1))
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def step(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 1.0)
    optimizer.step()


def ragged_loss(scores, labels, segment, n_lists):
    """Mean over lists of -sum y (s - logsumexp s)."""
    top = torch.full((n_lists,), -torch.inf).scatter_reduce(0, segment, scores.detach(), "amax")
    shifted = scores - top.index_select(0, segment)
    total = torch.zeros(n_lists).index_add(0, segment, shifted.exp())
    mass = torch.zeros(n_lists).index_add(0, segment, labels)
    return ((mass * total.log()).sum() - (labels * shifted).sum()) / n_lists


class Gathering:
    buffer = torch.empty(0)

    def gather(self, x, index):
        """x[index], in memory that is kept from step to step."""
        shape = (len(index), *x.shape[1:])
        if self.buffer.numel() < math.prod(shape):
            self.buffer = torch.empty(2 * math.prod(shape))
        out = self.buffer[:math.prod(shape)].view(shape)
        return torch.index_select(x, 0, index, out=out)


class Ragged(Gathering):
    def __init__(self, x, y, offsets):
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.first, self.length = torch.from_numpy(offsets[:-1]), torch.from_numpy(np.diff(offsets))
        self.n_lists = len(offsets) - 1

    def loss(self, model, lists):
        length = self.length[lists]
        segment = torch.repeat_interleave(torch.arange(len(lists)), length)
        start = torch.cumsum(length, 0) - length
        rows = torch.arange(len(segment)) + (self.first[lists] - start)[segment]
        scores = model(self.gather(self.x, rows)).squeeze(1)
        return ragged_loss(scores, self.y.index_select(0, rows), segment, len(lists))


class Padded(Gathering):
    def __init__(self, x, y, offsets):
        length = np.diff(offsets)
        self.n_lists, most = len(length), length.max()
        self.x = torch.zeros(self.n_lists, most, x.shape[1])
        self.y = torch.zeros(self.n_lists, most)
        self.gone = torch.from_numpy(np.arange(most)[None, :] >= length[:, None])
        self.x[~self.gone] = torch.from_numpy(x)
        self.y[~self.gone] = torch.from_numpy(y)

    def loss(self, model, lists):
        scores = model(self.gather(self.x, lists)).squeeze(2)
        gone = self.gone.index_select(0, lists)
        log_p = torch.log_softmax(scores.masked_fill(gone, -torch.inf), 1)
        return -(self.y.index_select(0, lists) * log_p.masked_fill(gone, 0)).sum(1).mean()


def epoch(data, model, optimizer, batch):
    for lists in torch.randperm(data.n_lists).split(batch):
        step(optimizer, data.loss(model, lists))


def main():
    path, name, batch, _, epochs = sys.argv[1:]
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    arrays = peer.load(path)
    for way in (Ragged, Padded):
        data = way(*arrays)
        model, optimizer = make_model(name, arrays[0].shape[1])
        times = [peer.timed(epoch, data, model, optimizer, int(batch)) for _ in range(int(epochs))]
        peer.report(way.__name__.lower(), times[1:])  # the first one warms up


if __name__ == "__main__":
    main()
