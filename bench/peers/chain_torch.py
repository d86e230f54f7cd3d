#!/usr/bin/env python3
"""PyTorch's ns an operator: chain_torch.py REPETITIONS. The chain of bench/chain.c: 10,000
additions, products and scalings in turn on 4 elements, forward and backward, one thread."""
import sys

import peer

peer.limit_threads(1)
import torch

OPERATORS = 10000


def once():
    x = torch.tensor([1.0, 2, 3, 4], requires_grad=True)
    shift, factor = torch.tensor([0.5, 0.25, -0.5, -0.25]), torch.tensor([1.0, -1, 1, -1])
    y = x
    for i in range(OPERATORS):
        y = y + shift if i % 3 == 0 else y * factor if i % 3 == 1 else y * 0.999
    y.backward(torch.ones(4))


def main():
    torch.set_num_threads(1)
    times = [peer.timed(once) / OPERATORS * 1e9 for _ in range(int(sys.argv[1]) + 1)]
    peer.report("chain", times[1:])


if __name__ == "__main__":
    main()
