"""Bad input drawn for every op of the case table, beside PyTorch: where both take it they agree."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad

from ..bad_draws import outcome, spoiled
from ..checks import host
from .beside import torch
from .test_parity_ops import as_torch_options

# What PyTorch refuses for its type alone, and minigrad takes: integers where it computes with floats, a default given as
# None, other types of index.
BY_TYPE = re.compile(
    "not implemented for|expected scalar type|[Ee]xpected.*dtype|dtype|must be (int|bool|float|Tensor|tuple)|invalid comb|"
    "should be the same|does not support bool|Boolean inputs|different dtypes|mixed dtype|cannot be broadcast|NoneType|"
    "received an invalid|implicitly|unsupported operand|is not iterable|expected.*(Long|Float|Double)|can't be cast|not float|"
    "result type|for tensors with|incompatible function|object has no|attribute|expects a float|same type|"
    # and a few values: a variance with nothing added, NaN as a matrix, no dimension at all, booleans as numbers
    "eps must be positive|not positive-definite|broadcast shape|Boolean alpha|positional argument"
)
# Where both answer and differ, for a reason.
DIFFER = {
    "attention": "PyTorch's kernel multiplies its mask by the scale, and drops NaN",
    "sum_pool": "PyTorch cuts off the means of integers",
    "det_sign": "PyTorch's sign of NaN is 0",
    "searchsorted": "a sequence with NaN is not sorted",
    "move": "True is no device",
    "det": "what rounding leaves of 0 grows with the matrix",
    "zeta": "PyTorch has NaN for orders beyond all bounds",
}


@given(st.integers(0, 1 << 40))
@settings(max_examples=1500, deadline=None)
def test_a_spoiled_call_agrees_or_is_refused(seed: int) -> None:
    case, arrays, options, what = spoiled(seed)
    if case.name.startswith("complex_eigen") and isinstance(arrays[0], np.ndarray) and not np.isfinite(arrays[0]).all():
        return  # which ends PyTorch's process
    ours = outcome(minigrad, case, arrays, options)
    theirs = outcome(torch, case, arrays, as_torch_options(options))
    if isinstance(ours, Exception) or case.name.split("-")[0] in DIFFER:
        return
    says = f"{case.name}, {what}"
    if isinstance(theirs, Exception):
        assert BY_TYPE.search(str(theirs)), f"{says}: PyTorch refuses: {theirs}"
        return
    assert len(ours) == len(theirs), says
    for y, z in zip(ours, theirs, strict=True):
        if not hasattr(y, "shape"):
            assert y == z, says
            continue
        got, want = host(y), z.detach().resolve_conj().numpy()
        assert (got.shape, got.dtype) == (want.shape, want.dtype), says
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=says)
