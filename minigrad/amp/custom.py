"""Decorators for the forward and backward of your own `autograd.Function` under autocast."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ..core import Tensor
from ..ops.arithmetic import cast
from .casting import autocast, device_kind, eligible, get_autocast_dtype, is_autocast_enabled


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: Any = None) -> Callable:
    """Decorates `forward`. With `cast_inputs`, a type, floating inputs are cast to it and autocast is off inside, if it is on
    outside; without, forward runs as it is called. Use `custom_bwd` on `backward`.
    """
    device_kind(device_type)
    if fwd is None:
        return partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._dtype, enabled = get_autocast_dtype(device_type), is_autocast_enabled(device_type)
        ctx._fwd_used_autocast = enabled and cast_inputs is None
        if cast_inputs is None or not enabled:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(ctx, *changed(args, cast_inputs), **changed(kwargs, cast_inputs))

    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """Decorates `backward`: it runs under autocast, in the same type, if `forward` did."""
    device_kind(device_type)
    if bwd is None:
        return partial(custom_bwd, device_type=device_type)

    @wraps(bwd)
    def backward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(ctx, *args, **kwargs)

    return backward


def changed(value: Any, wanted: Any) -> Any:
    """Tensors of floats, in lists and dicts too, in the type wanted."""
    if isinstance(value, Tensor):
        return cast(value, dtype=wanted) if eligible(value) and value.dtype is not wanted else value
    if isinstance(value, dict):
        return {key: changed(v, wanted) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([changed(v, wanted) for v in value])
    return value
