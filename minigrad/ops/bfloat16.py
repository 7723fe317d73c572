"""bfloat16, which NumPy's functions know little of: every op computes in float32 and rounds its result once, as PyTorch does.

The kernels are wrapped when the first tensor of that type is made, so nobody else pays for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import DTYPES, WHEN_BFLOAT16, dtype_of
from ..core import OPS, Op


def rounded(op: Op) -> Callable:
    """The kernel of an op, on float32 copies of bfloat16 arrays, its output rounded; what it writes is written back."""
    kernel = op.kernel
    writes = (0,) if op.kind == "update" else op.writes

    @wraps(kernel)
    def call(b: Any, *arrays: Any, **options: Any) -> Any:
        coarse = [hasattr(a, "dtype") and dtype_of(a) is DTYPES["bfloat16"] for a in arrays]
        if True not in coarse:
            return kernel(b, *arrays, **options)
        narrow = b.native(DTYPES["bfloat16"])
        wide = [b.xp.astype(a, b.xp.float32) if is_coarse else a for a, is_coarse in zip(arrays, coarse, strict=True)]
        y = kernel(b, *wide, **options)
        for k in writes:
            if coarse[k]:
                arrays[k][...] = b.xp.astype(wide[k], narrow)
        if op.kind == "update":
            return arrays[0]
        if op.saves:
            return (fitted(b, y[0], narrow), *y[1:])
        return fitted(b, y, narrow)

    return call


def fitted(b: Any, y: Any, narrow: Any) -> Any:
    """A float32 result in bfloat16; indices and truths as they are."""
    return b.xp.astype(b.xp.asarray(y), narrow) if y.dtype == b.xp.float32 else y


def wrap_all() -> None:
    """Wrap every op that computes: not views, and none whose options name the type of its result."""
    for op in OPS.values():
        if op.kind not in ("view", "create") and "dtype" not in op.defaults and op.name not in ("move", "detach"):
            op.kernel = rounded(op)


WHEN_BFLOAT16.append(wrap_all)
