"""JAX: the whole training step, update included, is one jitted function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .numpy_like import chain, cross_entropy, nets, start, update

conv = partial(jax.lax.conv_general_dilated, window_strides=(1, 1), padding=[(1, 1), (1, 1)])


def training(model: Callable, drawn: list, rule: Callable, batch: tuple) -> Callable[[], float]:
    x, target = map(jnp.asarray, batch)
    parameters = [jnp.asarray(w) for w in drawn]
    states = [start(p, rule) for p in parameters]

    @jax.jit
    def stepped(parameters: list, states: list) -> tuple:
        loss, gradients = jax.value_and_grad(lambda p: cross_entropy(jnp, model(p, x), target))(parameters)
        return loss, *update(rule, parameters, gradients, states)

    def step() -> float:
        nonlocal parameters, states
        loss, parameters, states = stepped(parameters, states)
        return float(loss)

    return step


def scalar_chain() -> Any:
    """Compiled into one program: no bookkeeping for each op is left, so this is no measure of an engine's."""
    slope = jax.jit(jax.grad(partial(chain, jnp)))
    return lambda: float(slope(jnp.float32(0.5), jnp.float32(0.25)))


STEPS = {"scalar_chain": scalar_chain, **nets(jnp, conv, training)}
