"""vmap: every case on many examples at once against a loop, nesting, in place, random ops, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import minigrad
from minigrad.autograd.vmap import vmap
from minigrad.autograd import grad
from minigrad.core import Tensor

from .cases import CASES, Case, several
from .checks import host

SIZE = 3


def examples(case: Case, which: tuple[bool, ...]) -> list:
    """The case's inputs with SIZE examples of those chosen stacked in front."""
    drawn = [case.tensors(seed=seed) for seed in range(SIZE)]
    return [minigrad.stack([row[k].detach() for row in drawn]) if many else drawn[0][k] for k, many in enumerate(which)]


SHARED = {"assign_", "assign_at_", "add_", "lerp_", "batch_norm-5"}  # what they write must differ between examples, too
UNKNOWN = {"sgd_", "adam_", "nonzero"}  # ops of an optimizer, and one whose shape depends on the numbers


def choices(case: Case) -> list[tuple[bool, ...]]:
    """Which inputs may differ between examples: each alone, and all of them."""
    first, *rest = [case.tensors(seed=seed) for seed in range(SIZE)]
    free = [isinstance(x, Tensor) and all(x.shape == row[k].shape for row in rest) for k, x in enumerate(first)]
    free = [f and not (case.name == "getitem-2" and k) for k, f in enumerate(free)]  # a mask is one for all examples
    alone = [tuple(k == one for k in range(len(free))) for one in range(len(free)) if free[one]]
    if case.name in SHARED:
        return [tuple(free)]
    return [*alone, tuple(free)] if sum(free) > 1 else alone


@pytest.mark.parametrize("case", [case for case in CASES if choices(case) and case.name.split("-")[0] not in UNKNOWN], ids=lambda c: c.name)
def test_every_case(case: Case) -> None:
    for which in choices(case):
        inputs = examples(case, which)
        got = several(vmap(case, in_dims=tuple(0 if many else None for many in which))(*inputs))
        for i in range(SIZE):
            want = several(case(*[x[i] if many else x for x, many in zip(inputs, which, strict=True)]))
            for one, other in zip(got, want, strict=True):
                assert one.dtype is other.dtype
                np.testing.assert_allclose(host(one[i]), host(other), rtol=1e-10, atol=1e-10)
