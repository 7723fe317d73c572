"""`cuda`, `mps`, `accelerator` and `amp` under PyTorch's names: what scripts ask about the machine, for NumPy and CuPy."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from ..amp import GradScaler, autocast, casting, custom_bwd, custom_fwd, is_autocast_available
from ..backends import DTYPES, Device, OutOfMemoryError, backend_for
from ..ops.random import default_generator, get_rng_state, manual_seed, set_rng_state
from .typed import typed


@cache
def is_available() -> bool:
    """Whether device "cuda" can be used: CuPy is installed and finds a GPU."""
    try:
        backend_for("cuda")
    except RuntimeError:
        return False
    return True


def runtime() -> Any:
    """CuPy. Raises RuntimeError that says what is missing."""
    backend_for("cuda")
    return importlib.import_module("cupy")


def device_count() -> int:
    """The number of GPUs in use: one or none."""
    return int(is_available())


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has done all it was asked for; nothing without one."""
    if is_available():
        runtime().cuda.Device().synchronize()


def empty_cache() -> None:
    """Give free GPU memory back; nothing without a GPU."""
    if is_available():
        runtime().get_default_memory_pool().free_all_blocks()


def memory_allocated(device: Any = None) -> int:
    """Bytes of GPU memory in use; 0 without a GPU."""
    return runtime().get_default_memory_pool().used_bytes() if is_available() else 0


def memory_reserved(device: Any = None) -> int:
    """Bytes that the pool of GPU memory holds, and so the most that were in use since it was last emptied."""
    return runtime().get_default_memory_pool().total_bytes() if is_available() else 0


def set_device(device: Any) -> None:
    """Choose the GPU; there is one, so anything but it is an error."""
    backend_for(Device(device))


def get_device_name(device: Any = None) -> str:
    """The name of the GPU. Raises RuntimeError without one."""
    return get_device_properties(device).name


def get_device_properties(device: Any = None) -> SimpleNamespace:
    """What is known of the GPU: its name, total_memory in bytes, major and minor (the compute capability),
    multi_processor_count. Raises RuntimeError without one."""
    found = runtime().cuda.runtime.getDeviceProperties(0)
    return SimpleNamespace(name=found["name"].decode(), total_memory=found["totalGlobalMem"], major=found["major"],
                           minor=found["minor"], multi_processor_count=found["multiProcessorCount"])  # fmt: skip


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of the GPU, as (9, 0). Raises RuntimeError without one."""
    found = get_device_properties(device)
    return found.major, found.minor


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(free, total) memory of the GPU in bytes. Raises RuntimeError without one."""
    return runtime().cuda.runtime.memGetInfo()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The GPU as a device; None without one."""
    return Device("cuda") if is_available() else None


def nothing(*_: Any, **__: Any) -> None:
    """Accepted, and without effect here."""


class CudaAutocast(autocast):
    """`autocast("cuda")`, as `torch.cuda.amp` has it."""

    def __init__(self, enabled: bool = True, dtype: Any = DTYPES["float16"], cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class CpuAutocast(autocast):
    """`autocast("cpu")`, as `torch.cpu.amp` has it."""

    def __init__(self, enabled: bool = True, dtype: Any = DTYPES["bfloat16"], cache_enabled: bool = True) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)


class CudaScaler(GradScaler):
    """`GradScaler("cuda")`, as `torch.cuda.amp` has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cuda", *args, **kwargs)


class CpuScaler(GradScaler):
    """`GradScaler("cpu")`, as `torch.cpu.amp` has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu", *args, **kwargs)


AMP = {"autocast": autocast, "GradScaler": GradScaler, "custom_fwd": custom_fwd, "custom_bwd": custom_bwd,
       "is_autocast_available": is_autocast_available}  # fmt: skip
CUDA_AMP = {"autocast": CudaAutocast, "GradScaler": CudaScaler,
            "custom_fwd": partial(custom_fwd, device_type="cuda"),
            "custom_bwd": partial(custom_bwd, device_type="cuda")}  # fmt: skip
CPU_AMP = {"autocast": CpuAutocast, "GradScaler": CpuScaler}
AUTOCAST = {
    "GradScaler": GradScaler, "autocast": autocast, "is_autocast_available": is_autocast_available,
    "is_autocast_enabled": casting.is_autocast_enabled,
    "get_autocast_dtype": casting.get_autocast_dtype, "set_autocast_dtype": casting.set_autocast_dtype,
    "is_autocast_cache_enabled": casting.is_autocast_cache_enabled,
    "set_autocast_cache_enabled": casting.set_autocast_cache_enabled, "clear_autocast_cache": casting.clear_autocast_cache,
}  # fmt: skip
SEEDING = {"manual_seed": manual_seed, "manual_seed_all": manual_seed,
           "seed": default_generator.seed, "seed_all": default_generator.seed,
           "initial_seed": default_generator.initial_seed, "synchronize": synchronize, "empty_cache": empty_cache,
           "device_count": device_count}  # fmt: skip
CUDA = {
    **SEEDING, **typed("cuda"), "is_available": is_available, "is_initialized": is_available, "_initialized": False,
    "init": nothing,
    "current_device": lambda: 0, "set_device": set_device, "get_device_name": get_device_name,
    "get_device_properties": get_device_properties, "get_device_capability": get_device_capability,
    "mem_get_info": mem_get_info,
    "device": lambda device: nullcontext(backend_for(device)), "is_bf16_supported": is_available, "ipc_collect": nothing,
    "memory_allocated": memory_allocated, "max_memory_allocated": memory_reserved, "memory_reserved": memory_reserved,
    "max_memory_reserved": memory_reserved, "reset_peak_memory_stats": nothing, "reset_max_memory_allocated": nothing,
    "get_rng_state": lambda device="cuda": get_rng_state(), "get_rng_state_all": lambda: [get_rng_state()],
    "set_rng_state": lambda new_state, device="cuda": set_rng_state(new_state),
    "set_rng_state_all": lambda new_states: set_rng_state(new_states[0]), "OutOfMemoryError": OutOfMemoryError,
    "memory_cached": memory_reserved, "max_memory_cached": memory_reserved, "reset_max_memory_cached": nothing,
    "reset_accumulated_memory_stats": nothing, "set_per_process_memory_fraction": nothing,
    "can_device_access_peer": lambda device, peer_device: False, "default_generators": (default_generator,),
}  # fmt: skip
ACCELERATOR = {
    "is_available": is_available, "current_accelerator": current_accelerator, "device_count": device_count,
    "synchronize": synchronize, "set_device_index": set_device, "current_device_index": lambda: 0,
    "set_device_idx": set_device, "current_device_idx": lambda: 0, "empty_cache": empty_cache,
    "memory_allocated": memory_allocated, "max_memory_allocated": memory_reserved, "memory_reserved": memory_reserved,
    "max_memory_reserved": memory_reserved, "reset_peak_memory_stats": nothing, "get_memory_info": mem_get_info,
}  # fmt: skip
ABSENT = {"is_available": lambda: False, "is_built": lambda: False, "device_count": lambda: 0,
          "current_allocated_memory": lambda: 0, "driver_allocated_memory": lambda: 0, "recommended_max_memory": lambda: 0,
          "set_per_process_memory_fraction": nothing, "memory_allocated": lambda device=None: 0}  # fmt: skip
CPU = {"is_available": lambda: True, "is_initialized": lambda: True, "device_count": lambda: 1, "current_device": lambda: "cpu",
       "synchronize": nothing, "set_device": nothing}  # fmt: skip
