"""Names that PyTorch has retired but still answers to, each with a warning that says what to write instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..backends import advise
from ..core import Tensor
from ..nn import Module, functional, init, utils
from ..ops.create import as_tensor
from .testing import assert_close

RETIRED = (
    "uniform normal constant eye dirac xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal sparse".split()
)


def retired(old: str, new: str, function: Callable) -> Callable:
    """`function` under its old name."""

    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        advise(f"{old} is now deprecated in favor of {new}.", FutureWarning)
        return function(*args, **options)

    return called


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "nearest"."""
    return functional.interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "bilinear" and aligned corners."""
    return functional.interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def skip_init(module_cls: type[Module], *args: Any, **options: Any) -> Module:
    """A module whose first values don't matter: here it is made as always."""
    return module_cls(*args, **options)


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None,
                    equal_nan: bool = True, msg: str = "") -> None:  # fmt: skip
    """`assert_close`, whatever the element types."""
    advise("testing.assert_allclose is now deprecated in favor of testing.assert_close.", FutureWarning)
    assert_close(as_tensor(actual), as_tensor(expected), rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
                 msg=msg or None)  # fmt: skip


def factor_first(name: str, operands: int) -> Callable:
    """The method that also takes its factor before its operands, as `x.add_(alpha, other)` and `x.addcmul_(value, a, b)` do."""
    method, factor = getattr(Tensor, name), "value" if name.startswith("addc") else "alpha"

    @functools.wraps(method)
    def called(self: Tensor, *args: Any, **options: Any) -> Tensor:
        if len(args) == operands + 1:
            advise(f"This overload of {name} is deprecated: write {factor}= after the other arguments.")
            args, options = args[1:], {factor: args[0], **options}
        return method(self, *args, **options)

    return called


METHODS = {f"{name}{end}": factor_first(f"{name}{end}", operands)
           for name, operands in {"add": 1, "sub": 1, "addcmul": 2, "addcdiv": 2}.items() for end in ("", "_")}  # fmt: skip
INITS = {name: retired(f"nn.init.{name}", f"nn.init.{name}_", getattr(init, f"{name}_")) for name in RETIRED}
INTERPOLATE = "nn.functional.interpolate"
FUNCTIONS = {f.__name__: retired(f"nn.functional.{f.__name__}", INTERPOLATE, f) for f in (upsample_nearest, upsample_bilinear)}
POOLS = [f"{kind}max_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)] + [
    "fractional_max_pool2d",
    "fractional_max_pool3d",
]
FUNCTIONS["native_channel_shuffle"] = functional.channel_shuffle
FUNCTIONS |= {f"{name}_with_indices": functools.partial(getattr(functional, name), return_indices=True) for name in POOLS}
UTILS = {"skip_init": skip_init,
         "clip_grad_norm": retired("nn.utils.clip_grad_norm", "nn.utils.clip_grad_norm_", utils.clip_grad_norm_)}  # fmt: skip
TESTING = {"assert_allclose": assert_allclose}
