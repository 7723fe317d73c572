"""Switches that scripts set before they start: accepted, and mostly without effect, since minigrad has one way to compute."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from enum import Enum
from types import ModuleType
from typing import Any

from ..backends import DEFAULT, Device, backend_for, cupy_cudnn, get_num_threads, set_default_dtype
from ..backends.cupy_backend import allow_tf32
from ..backends.determinism import (
    are_deterministic_algorithms_enabled,
    is_deterministic_algorithms_warn_only_enabled,
    use_deterministic_algorithms,
)
from .devices import ABSENT, is_available, nothing

FORMATS = {"strided": "strided", "contiguous_format": "contiguous_format", "preserve_format": "preserve_format",
           "channels_last": "channels_last", "channels_last_3d": "channels_last_3d"}  # fmt: skip


def set_default_tensor_type(t: Any) -> None:
    """`FloatTensor` or `DoubleTensor`: the type of new floating tensors."""
    set_default_dtype(t)


def set_default_device(device: Any) -> None:
    """Where tensors of this thread are made unless told otherwise (None: the CPU). Raises RuntimeError for a device that is
    not there."""
    DEFAULT.set((str(backend_for("cpu" if device is None else device).device), *DEFAULT.get()[1:]))


def get_default_device() -> Device:
    """Where tensors are made unless told otherwise."""
    return backend_for(None).device


def set_float32_matmul_precision(precision: str) -> None:
    """Of float32 products on the GPU: "highest" is float32, "high" and "medium" TF32. Warns for any other, without effect."""
    if precision not in ("highest", "high", "medium"):
        warnings.warn(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}; the call has "
                      "no effect", stacklevel=2)  # fmt: skip
    else:
        allow_tf32(precision != "highest")
        _precision[:] = [precision]


def get_float32_matmul_precision() -> str:
    """What was set last."""
    return _precision[0]


class Matmul(ModuleType):
    """`torch.backends.cuda.matmul`, where `allow_tf32` may be set."""

    @property
    def allow_tf32(self) -> bool:
        return allow_tf32()

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        set_float32_matmul_precision("high" if allowed else "highest")


def switch(name: str) -> property:
    """An attribute of `torch.backends.cudnn` that does something on the GPU."""
    return property(lambda self: cupy_cudnn.SWITCHES[name], lambda self, on: cupy_cudnn.SWITCHES.update({name: bool(on)}))


class Cudnn(ModuleType):
    """`torch.backends.cudnn`: whether cuDNN may serve, may round float32 to TF32, must give the same bits each time."""

    enabled, allow_tf32, deterministic = map(switch, cupy_cudnn.SWITCHES)


_precision = ["high" if allow_tf32() else "highest"]
TORCH = {
    **FORMATS, "use_deterministic_algorithms": use_deterministic_algorithms,
    "set_float32_matmul_precision": set_float32_matmul_precision,
    "are_deterministic_algorithms_enabled": are_deterministic_algorithms_enabled,
    "is_deterministic_algorithms_warn_only_enabled": is_deterministic_algorithms_warn_only_enabled,
    "get_float32_matmul_precision": get_float32_matmul_precision,
    "set_flush_denormal": lambda mode: False, "set_num_interop_threads": nothing, "get_num_interop_threads": get_num_threads,
    "set_default_tensor_type": set_default_tensor_type, "set_default_device": set_default_device,
    "get_default_device": get_default_device,
}  # fmt: skip


def future(name: str) -> dict[str, Any]:
    """The two functions of a switch of `torch.__future__`. It has no effect: `Module.to` keeps its parameters' identity."""
    held = [False]
    return {f"get_{name}": lambda: held[0], f"set_{name}": lambda value: held.__setitem__(0, value)}


FUTURE = future("overwrite_module_params_on_conversion") | future("swap_module_params_on_conversion")


class SDPBackend(Enum):
    """PyTorch's kernels of attention. Here there is one, whatever is chosen."""

    ERROR, MATH, FLASH_ATTENTION, EFFICIENT_ATTENTION, CUDNN_ATTENTION, OVERRIDEABLE = range(-1, 5)


def sdpa_kernel(backends: Any, set_priority: bool = False) -> Any:
    """A block in which PyTorch takes only these kernels of attention; here it changes nothing."""
    return nullcontext()


ATTENTION = {"SDPBackend": SDPBackend, "sdpa_kernel": sdpa_kernel}
CUDNN = {"benchmark": False, "is_available": is_available, "version": nothing, "flags": nullcontext}
MATMUL = {"allow_fp16_reduced_precision_reduction": False}
SDP = dict.fromkeys(("enable_flash_sdp", "enable_mem_efficient_sdp", "enable_math_sdp", "enable_cudnn_sdp"), nothing)
BACKENDS = {
    "cudnn": CUDNN, "cuda": {"is_built": is_available, **SDP}, "cuda.matmul": MATMUL, "mps": ABSENT,
    "mkldnn": {"enabled": True, **ABSENT}, "openmp": ABSENT,
}  # fmt: skip
KINDS = {"backends.cuda.matmul": Matmul, "backends.cudnn": Cudnn}  # modules of which an attribute does something when it is set
