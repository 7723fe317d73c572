"""Pruning leaves the elements that PyTorch's leaves, under the same names, and refuses what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import minigrad

W = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)


def model(lib: Any) -> Any:
    layers = lib.nn.Sequential(lib.nn.Linear(6, 4), lib.nn.ReLU(), lib.nn.Linear(4, 3))
    with lib.no_grad():
        layers[0].weight.copy_(lib.from_numpy(W))
        layers[2].weight.copy_(lib.from_numpy(W[:3, :4]))
        layers[0].bias.fill_(0.5)
        layers[2].bias.copy_(lib.tensor([0.1, -0.2, 0.05]))
    return layers


def twice(lib: Any, m: Any) -> None:
    lib.nn.utils.prune.l1_unstructured(m[0], "weight", amount=0.25)
    lib.nn.utils.prune.ln_structured(m[0], "weight", amount=0.5, n=2, dim=0)
    lib.nn.utils.prune.l1_unstructured(m[0], name="weight", amount=3)


def everywhere(lib: Any, m: Any) -> None:
    prune = lib.nn.utils.prune
    prune.l1_unstructured(m[2], "weight", 2)
    prune.global_unstructured([(m[0], "weight"), (m[2], "weight")], pruning_method=prune.L1Unstructured, amount=0.4)


WAYS: dict[str, Callable] = {
    "l1": lambda lib, m: lib.nn.utils.prune.l1_unstructured(m[0], name="weight", amount=0.3),
    "l1 of a bias": lambda lib, m: lib.nn.utils.prune.l1_unstructured(m[2], "bias", 1),
    "by scores": lambda lib, m: lib.nn.utils.prune.l1_unstructured(m[0], "weight", 5, lib.arange(24.0).view(4, 6)),
    "rows": lambda lib, m: lib.nn.utils.prune.ln_structured(m[0], "weight", amount=2, n=2, dim=0),
    "columns": lambda lib, m: lib.nn.utils.prune.ln_structured(m[0], "weight", amount=0.5, n=float("inf"), dim=-1),
    "a mask": lambda lib, m: lib.nn.utils.prune.custom_from_mask(m[0], "bias", mask=lib.tensor([0, 1, 0, 1])),
    "nothing": lambda lib, m: lib.nn.utils.prune.identity(m[0], "weight"),
    "twice": twice,
    "everywhere": everywhere,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_left(way: Callable) -> None:
    def told(lib: Any) -> tuple[Any, ...]:
        m = model(lib)
        way(lib, m)
        names = [sorted(name for name, _ in m.named_parameters()), sorted(name for name, _ in m.named_buffers())]
        optimizer = lib.optim.SGD(m.parameters(), lr=0.1)
        m(lib.ones(2, 6)).square().sum().backward()
        optimizer.step()
        grads = {name: p.grad.numpy() for name, p in m.named_parameters()}
        values = {name: t.detach().numpy() for name, t in m.state_dict().items()}
        y = m(lib.ones(1, 6)).detach().numpy()
        pruned = [lib.nn.utils.prune.is_pruned(m)]
        for layer in (m[0], m[2]):
            for name in ("weight", "bias"):
                if hasattr(layer, name + "_mask"):
                    lib.nn.utils.prune.remove(layer, name)
        pruned.append(lib.nn.utils.prune.is_pruned(m))
        last = {name: t.detach().numpy() for name, t in m.state_dict().items()}
        assert sorted(name for name, _ in m.named_parameters()) == ["0.bias", "0.weight", "2.bias", "2.weight"]
        return names, pruned, grads, values, last, {"y": y, "again": m(lib.ones(1, 6)).detach().numpy()}

    for ours, theirs in zip(told(minigrad), told(torch), strict=True):
        if isinstance(theirs, dict):
            assert ours.keys() == theirs.keys()
            for name, value in theirs.items():
                np.testing.assert_allclose(ours[name], value, rtol=1e-5, atol=1e-6)
        else:
            assert ours == theirs


def test_at_random() -> None:
    prune, m = minigrad.nn.utils.prune, model(minigrad)
    prune.random_unstructured(m[0], "weight", amount=0.25)
    assert m[0].weight_mask.sum() == 18
    prune.random_unstructured(m[0], "weight", amount=2)
    assert m[0].weight_mask.sum() == 16
    prune.random_structured(m[2], "weight", amount=1, dim=0)
    assert sorted(m[2].weight_mask.sum(1).tolist()) == [0, 4, 4]


def test_a_method_of_ones_own() -> None:
    def mask(lib: Any) -> list:
        class EveryOther(lib.nn.utils.prune.BasePruningMethod):
            PRUNING_TYPE = "unstructured"

            def compute_mask(self, t: Any, default_mask: Any) -> Any:
                mask = default_mask.clone()
                mask.view(-1)[::2] = 0
                return mask

        m = model(lib)
        EveryOther.apply(m[0], "weight")
        EveryOther.apply(m[0], "weight")
        return m[0].weight_mask.tolist()

    assert mask(minigrad) == mask(torch)


@pytest.mark.parametrize(("kind", "call"), [
    (TypeError, lambda prune, m: prune.l1_unstructured(m[0], "weight", amount="all")),
    (ValueError, lambda prune, m: prune.l1_unstructured(m[0], "weight", amount=1.5)),
    (ValueError, lambda prune, m: prune.l1_unstructured(m[0], "weight", amount=-1)),
    (ValueError, lambda prune, m: prune.l1_unstructured(m[0], "weight", amount=25)),
    (ValueError, lambda prune, m: prune.ln_structured(m[0], "bias", 1, 2, 0)),
    (IndexError, lambda prune, m: prune.ln_structured(m[0], "weight", 1, 2, 2)),
    (AttributeError, lambda prune, m: prune.l1_unstructured(m[0], "weigth", 1)),
    (ValueError, lambda prune, m: prune.remove(m[0], "weight")),
])  # fmt: skip
def test_refusals(kind: type, call: Callable) -> None:
    for lib in (torch, minigrad):
        m = model(lib)
        with pytest.raises(kind):
            call(lib.nn.utils.prune, m)
        assert sorted(m.state_dict()) == ["0.bias", "0.weight", "2.bias", "2.weight"]


def test_random_pruning_leaves_the_same_elements_for_a_seed(torch_stream: None) -> None:
    left = []
    for lib in (minigrad, torch):
        m, prune = model(lib), lib.nn.utils.prune
        lib.manual_seed(3)
        prune.random_unstructured(m[0], "weight", amount=0.3)
        prune.random_unstructured(m[0], "weight", amount=5)
        prune.random_structured(m[2], "weight", amount=1, dim=1)
        left.append([m[0].weight_mask.tolist(), m[2].weight_mask.tolist(), lib.rand(1).tolist()])
    assert left[0] == left[1]
