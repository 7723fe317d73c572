"""Names that PyTorch keeps for itself, and that code written for it imports all the same: what they stand for here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from types import GenericAlias
from typing import Any

from .. import io
from ..autograd.hooks import Hook
from ..autograd.modes import set_grad_enabled
from ..core import Tensor
from ..nn import Module
from ..ops import functions
from .devices import nothing
from .extras import FX_REASON, itself, refusal

# -- checks ----------------------------------------------------------------------------------------------------------------


def _assert(condition: Any, message: str) -> None:
    """Raises AssertionError with `message` if `condition` is false; a tensor of one element is a condition, too."""
    if not condition:
        raise AssertionError(message)


def _check(cond: Any, message: Callable[[], str] | None = None) -> None:
    """Raises RuntimeError, with what `message` gives, if `cond` is false."""
    if not cond:
        raise RuntimeError(message() if message else "_check: expected cond to be True, but got False")


CHECKS = {"_assert": _assert, "_check": _check}

# -- for optimizers --------------------------------------------------------------------------------------------------------


def _use_grad_for_differentiable(func: Callable) -> Callable:
    """A method `step` that records no gradient, unless the optimizer's default `differentiable` is true."""

    @functools.wraps(func)
    def step(self: Any, *args: Any, **options: Any) -> Any:
        with set_grad_enabled(bool(self.defaults.get("differentiable"))):
            return func(self, *args, **options)

    return step


def _group_tensors_by_device_and_dtype(tensorlistlist: list[list], with_indices: bool = False) -> dict:
    """{(device, dtype): (lists, places)}: the lists cut into parts of which the first has one device and one type."""
    groups: dict[Any, list[int]] = {}
    for k, x in enumerate(tensorlistlist[0]):
        groups.setdefault((x.device, x.dtype), []).append(k)
    return {key: ([[xs[k] for k in at] if xs else [] for xs in tensorlistlist], at if with_indices else [])
            for key, at in groups.items()}  # fmt: skip


OPTIMIZER = {"ParamsT": Iterable, "params_t": Iterable, "_params_t": Iterable,
             "_use_grad_for_differentiable": _use_grad_for_differentiable,
             "_get_value": lambda x: x.item() if isinstance(x, Tensor) else x, "_stack_if_compiling": functions.stack,
             "_dispatch_sqrt": lambda x: x.sqrt() if isinstance(x, Tensor) else x**0.5,
             "_default_to_fused_or_foreach": lambda *_, **__: (False, False),
             "_disable_dynamo_if_unsupported": lambda *_, **__: itself,
             "_get_capturable_supported_devices": lambda *_, **__: ["cuda"]}  # fmt: skip
OPTIMIZER_METHODS = {"_cuda_graph_capture_health_check": nothing, "_patch_step_function": nothing,
                     "_group_tensors_by_device_and_dtype": staticmethod(_group_tensors_by_device_and_dtype)}  # fmt: skip
FOREACH_UTILS = {"_group_tensors_by_device_and_dtype": _group_tensors_by_device_and_dtype,
                 "_has_foreach_support": lambda tensors, device: all(isinstance(x, Tensor) for x in tensors)}  # fmt: skip

# -- for code that is read or moved about ------------------------------------------------------------------------------------


def absent(name: str, reason: str) -> type:
    """A class to ask `isinstance` of, or to derive from: nothing is one here, and making one raises RuntimeError."""
    methods = {"__init__": refusal(name, reason), "__class_getitem__": classmethod(GenericAlias)}
    return type(name.rpartition(".")[2], (), methods)


FX = {"wrap": itself,
      **{name: absent(f"fx.{name}", FX_REASON) for name in ("Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer")},
      "symbolic_trace": refusal("fx.symbolic_trace", FX_REASON)}  # fmt: skip


class ScriptModule(Module):
    """A module that a compiler would have made: here none is one but those that derive from it."""


SCRIPTED = {"ScriptModule": ScriptModule, "RecursiveScriptModule": type("RecursiveScriptModule", (ScriptModule,), {}),
            "ScriptFunction": absent("jit.ScriptFunction", "minigrad does not compile functions")}  # fmt: skip
ALONE = "nothing runs in the background here. Hint: call the function itself"
FUTURES = {"Future": absent("futures.Future", ALONE),
           **{name: refusal(f"futures.{name}", ALONE) for name in ("collect_all", "wait_all")}}  # fmt: skip
CONFIG = {"show": lambda: "minigrad: see minigrad.backends.report()", "parallel_info": lambda: ""}
SERIALIZATION = {"save": io.save, "load": io.load, "add_safe_globals": nothing, "clear_safe_globals": nothing,
                 "safe_globals": lambda *_: nullcontext()}  # fmt: skip
DEVICE_STATES = {"get_device_states": lambda *_: ([], []), "set_device_states": nothing}  # of GPUs' random numbers
HOOKS = {"RemovableHandle": Hook}
