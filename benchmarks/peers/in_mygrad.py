"""MyGrad: NumPy with `backward()`, eagerly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mygrad
from mygrad.nnet.layers import conv_nd

from .numpy_like import chain, cross_entropy, nets, start, update

conv = partial(conv_nd, stride=1, padding=1)


def training(model: Callable, drawn: list, rule: Callable, batch: tuple) -> Callable[[], float]:
    x, target = batch
    parameters = [mygrad.tensor(w) for w in drawn]
    states = [start(w, rule) for w in drawn]

    def step() -> float:
        nonlocal states
        loss = cross_entropy(mygrad, model(parameters, mygrad.tensor(x, constant=True)), target)
        loss.backward()
        stepped, states = update(rule, [p.data for p in parameters], [p.grad for p in parameters], states)
        for p, new in zip(parameters, stepped, strict=True):
            p.data = new
        return loss.item()

    return step


def scalar_chain() -> Any:
    w, c = mygrad.tensor(0.5), mygrad.tensor(0.25)

    def step() -> float:
        chain(mygrad, w, c).backward()
        return w.grad.item()

    return step


STEPS = {"scalar_chain": scalar_chain, **nets(mygrad, conv, training)}
