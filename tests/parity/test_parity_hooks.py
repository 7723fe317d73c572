"""Hooks of all modules, and hooks that are always called: what they see and in which order, beside PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")


def net(m: Any) -> Any:
    layers = m.nn.Sequential(m.nn.Linear(2, 3), m.nn.Tanh(), m.nn.Linear(3, 1))
    with m.no_grad():
        for k, p in enumerate(layers.parameters()):
            p.fill_(0.1 * (k + 1))
    return layers


def told(m: Any) -> tuple[list, Any]:
    """What hooks of all modules and a module's own are told, in order, and the gradient that comes of it."""
    seen: list = []

    def hears(what: str, *change: Callable) -> Callable:
        def hook(module: Any, *values: Any) -> Any:
            seen.append((what, type(module).__name__, [[round(t.sum().item(), 5) for t in several(v) if t is not None]
                                                       for v in values]))  # fmt: skip
            return change[0](*values) if change and type(module).__name__ == "Tanh" else None

        return hook

    def several(v: Any) -> tuple:
        return v if isinstance(v, tuple) else (v,)

    g = m.nn.modules.module
    layers = net(m)
    handles = [
        g.register_module_forward_pre_hook(hears("pre", lambda xs: xs[0] * 2)),
        g.register_module_forward_hook(hears("forward", lambda xs, y: y + 1)),
        g.register_module_full_backward_pre_hook(hears("before", lambda gs: (gs[0] * 3,))),
        g.register_module_full_backward_hook(hears("after", lambda gs, _: (gs[0] * 0.5,))),
        layers[1].register_forward_pre_hook(hears("own pre")),
        layers[1].register_forward_hook(hears("own forward")),
        layers[1].register_full_backward_hook(hears("own after")),
    ]
    x = m.ones(2, 2).requires_grad_()
    layers(x).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(seen)
    layers(x)
    assert len(seen) == count
    return seen, x.grad


def test_hooks_of_all_modules() -> None:
    (ours, g), (theirs, h) = told(minigrad), told(torch)
    assert ours == theirs and len(ours) > 15
    np.testing.assert_allclose(g.numpy(), h.numpy(), rtol=1e-6)


@pytest.mark.parametrize("m", [minigrad, torch], ids=["minigrad", "torch"])
def test_registration_hooks(m: Any) -> None:
    seen: list = []
    g = m.nn.modules.module
    handles = [
        g.register_module_parameter_registration_hook(lambda module, name, p: seen.append(("parameter", name))),
        g.register_module_buffer_registration_hook(lambda module, name, b: seen.append(("buffer", name)) or b + 1),
        g.register_module_module_registration_hook(lambda module, name, s: seen.append(("module", name))),
    ]
    try:
        outer = m.nn.Module()
        outer.inner = m.nn.Module()
        outer.inner.weight = m.nn.Parameter(m.ones(2))
        outer.inner.register_parameter("bias", m.nn.Parameter(m.ones(1)))
        outer.register_buffer("count", m.zeros(1))
    finally:
        for handle in handles:
            handle.remove()
    outer.last = m.nn.Identity()
    assert seen == [("module", "inner"), ("parameter", "weight"), ("parameter", "bias"), ("buffer", "count")]
    assert outer.count.tolist() == [1]


@pytest.mark.parametrize("m", [minigrad, torch], ids=["minigrad", "torch"])
def test_hooks_that_are_always_called(m: Any) -> None:
    seen: list = []
    layer = m.nn.Linear(2, 2)
    layer.register_forward_hook(lambda module, args, out: seen.append(("plain", out)))
    layer.register_forward_hook(lambda module, args, out: seen.append(("always", out)), always_call=True)
    with pytest.raises(RuntimeError):
        layer(m.ones(3))
    assert seen == [("always", None)]
    layer(m.ones(2))
    assert [what for what, _ in seen] == ["always", "plain", "always"]
