"""autocast: inside its block products run in half precision, and what needs the range of float32 runs in that.

Ops are replaced by themselves with cast operands (`Mode.instead`). Losses and other functions that are made of several ops are
wrapped, so that they cast before the first. Casts are ops, so gradients come back in the type of each parameter.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial, wraps
from types import FunctionType
from typing import Any

from ..autograd.modes import switched
from ..backends import DTYPES, Device, DType, backend_for, dtype
from ..core import MODE, Op, Tensor, mode, written
from ..ops.arithmetic import cast
from .lists import AS_THEY_ARE, FLOAT32, LOWER, NORMALIZATIONS, WIDEST

SINGLE, HALVES = DTYPES["float32"], (DTYPES["bfloat16"], DTYPES["float16"])
_usual = {"cpu": DTYPES["bfloat16"], "cuda": DTYPES["float16"]}  # the type of an autocast that names none
_cache_enabled = [True]


class Casting:
    """What the autocast blocks around a call ask for: a type for each kind of device, and the weights cast so far.

    stage   the rule of backpropagation that runs as the block is entered: gradients are computed in the types that the forward
            pass left, so elsewhere in backpropagation nothing is cast
    """

    def __init__(self, types: dict[str, DType], caches: bool, within: Casting | None) -> None:
        now = MODE.get()
        self.types, self.caches, self.stage = types, caches, now.rule
        self.cache: dict = within.cache if within else {}
        self.outer = within.outer if within else now.instead

    def fresh(self) -> Callable:
        """The same, with weights of its own: for a part that runs twice and is to record the same both times."""
        other = copy(self)
        other.cache = {}
        return other.instead

    def active(self, args: Iterable) -> str | None:
        """The kind of device of the first tensor, if autocast is on for it."""
        first = next((a for a in args if isinstance(a, Tensor)), None)
        kind = first.device.type if first is not None and MODE.get().rule == self.stage else ""
        return kind if kind in self.types else None

    def instead(self, op: Op, args: tuple) -> Callable:
        """The op with cast operands, if the lists ask for it and an operand has another type; else the op."""
        kind = self.active(args) if op.kind not in ("update", "view", "create") and op.name != "cast" else None
        if kind is not None:
            goal = self.goal(op.name, kind, args)
            if goal is not None and any(eligible(a) and a.dtype is not goal for a in args):
                return partial(self.call, op, goal)
            if goal is None and op.name in NORMALIZATIONS and isinstance(args[0], Tensor) and args[0].dtype in HALVES:
                return partial(normalized, op)
        return self.outer(op, args) if self.outer else op

    def goal(self, name: str, kind: str, args: Iterable) -> DType | None:
        """The type that the operands of an op or function are to have; None where they stay as they are."""
        if name in LOWER[kind]:
            return self.types[kind]
        if name in FLOAT32[kind]:
            return SINGLE
        if name in WIDEST[kind]:
            return SINGLE if any(eligible(a) and a.dtype is SINGLE for a in flat(args)) else None
        return None

    def call(self, function: Callable, goal: DType, *args: Any, **options: Any) -> Any:
        """`function` with its operands cast to `goal`."""
        return function(
            *[self.fit(a, goal) for a in args],
            **{key: self.fit(a, goal) for key, a in options.items()},
        )

    def fit(self, a: Any, goal: DType) -> Any:
        """An operand in the type `goal`: tensors of floats, and those in lists; float64 stays, as in PyTorch."""
        if isinstance(a, (list, tuple)) and any(isinstance(x, Tensor) for x in a):
            return type(a)([self.fit(x, goal) for x in a])
        if not eligible(a) or a.dtype is goal:
            return a
        leaf = a.requires_grad and a.node is None and a.base is None and a.dtype is SINGLE
        if not (leaf and self.caches and MODE.get().grad):
            return cast(a, dtype=goal)
        version = written(a)[0]
        key = (id(a), goal)
        if key not in self.cache or self.cache[key][1] != version:
            self.cache[key] = (a, version, cast(a, dtype=goal))  # the tensor too: its id must not be given to another
        return self.cache[key][2]


def eligible(a: Any) -> bool:
    return isinstance(a, Tensor) and (a.dtype is SINGLE or a.dtype in HALVES)


def flat(args: Iterable) -> list:
    """The operands, with those in lists."""
    return [x for a in args for x in (a if isinstance(a, (list, tuple)) else [a])]


def normalized(op: Op, x: Tensor, *others: Any, **options: Any) -> Tensor:
    """A normalization of half numbers with weights in float32: computed in float32, its result in the type of x."""
    wide = [cast(a, dtype=SINGLE) if eligible(a) and a.dtype is not SINGLE else a for a in (x, *others)]
    return cast(op(*wide, **options), dtype=x.dtype)


def casting() -> Casting | None:
    """The autocast around the call."""
    found = getattr(MODE.get().instead, "__self__", None)
    return found if isinstance(found, Casting) else None


class autocast(switched):
    """Mixed precision, as a `with` block and as a decorator: convolutions, linear layers, products and attention run in `dtype`
    (bfloat16 on the CPU, float16 on the GPU unless given), losses and others that need the range in float32; everything else in
    the types that come. Parameters stay in float32, and so do their gradients. float64 is left alone.

    `enabled=False` switches it off inside of another. `cache_enabled` keeps the cast weights until the outermost block ends.
    With float16 use `GradScaler`. Raises ValueError or RuntimeError for an unknown device type; where there is no such device,
    or the type is none that autocast knows, it warns and does nothing.
    Source: Micikevicius et al. 2018, Mixed precision training.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.given = (device_type, dtype, enabled, cache_enabled)
        self.device, self.fast_dtype = device_kind(device_type), type_for(device_type, dtype)
        self.enabled = enabled and usable(self.device, self.fast_dtype)
        self.caches = _cache_enabled[0] if cache_enabled is None else cache_enabled

    def __enter__(self) -> Any:
        within = casting()
        types = dict(within.types) if within else {}
        types.pop(self.device, None)
        if self.enabled:
            types[self.device] = self.fast_dtype
        self.changes = {"instead": Casting(types, self.caches, within).instead}
        return super().__enter__()

    def _recreate_cm(self) -> autocast:
        return autocast(*self.given)


def device_kind(device_type: Any) -> str:
    """ "cpu" or "cuda". Raises ValueError for no string, RuntimeError for another device."""
    if not isinstance(device_type, str):
        raise ValueError(f"autocast: Expected `device_type` of type `str`, got: `{type(device_type)}`")
    kind = Device(device_type).type
    if kind not in LOWER:
        raise RuntimeError(
            f"autocast: User specified an unsupported autocast device_type {device_type!r}. Hint: 'cpu' or 'cuda'"
        )
    return kind


def type_for(device_type: str, given: Any) -> DType:
    return _usual[device_kind(device_type)] if given is None else dtype(given)


def usable(kind: str, wanted: DType) -> bool:
    """Whether autocast can work there in that type; warns why not."""
    if not is_autocast_available(kind):
        warnings.warn("autocast: User provided device_type of 'cuda', but CUDA is not available. Disabling", stacklevel=3)
        return False
    if wanted not in HALVES:
        warnings.warn(f"autocast: In {kind.upper()} autocast, but the target dtype is not supported. Disabling autocast. It "
                      f"supports bfloat16 and float16, got {wanted!r}", stacklevel=3)  # fmt: skip
        return False
    return True


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast has lists for a kind of device, and the device is there."""
    try:
        backend_for(device_kind(device_type))
    except RuntimeError:
        return False
    return True


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on, for a kind of device."""
    found = casting()
    return found is not None and device_kind(device_type) in found.types


def get_autocast_dtype(device_type: str) -> DType:
    """The type that autocast casts to, or would."""
    found, kind = casting(), device_kind(device_type)
    return found.types.get(kind, _usual[kind]) if found else _usual[kind]


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """The type of later autocasts that name none."""
    _usual[device_kind(device_type)] = type_for(device_type, dtype)


def is_autocast_cache_enabled() -> bool:
    """Whether autocast keeps the weights that it has cast."""
    found = casting()
    return found.caches if found else _cache_enabled[0]


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Whether later autocasts keep the weights that they have cast, unless they say otherwise."""
    _cache_enabled[0] = bool(enabled)


def clear_autocast_cache() -> None:
    """Forget the weights that have been cast."""
    found = casting()
    if found is not None:
        found.cache.clear()


# -- functions made of several ops ---------------------------------------------------------------------------------------


def casting_first(name: str, function: Callable) -> Callable:
    """`function` with its operands cast as the lists ask, where autocast is on."""

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        if MODE.get().instead is None:
            return function(*args, **options)
        found = casting()
        kind = found and found.active(flat((*args, *options.values())))
        if not found or not kind:
            return function(*args, **options)
        if name in AS_THEY_ARE[kind]:
            with mode(instead=found.outer):
                return function(*args, **options)
        goal = found.goal(name, kind, (*args, *options.values()))
        return function(*args, **options) if goal is None else found.call(function, goal, *args, **options)

    return called


def wrap_functions(top: str) -> None:
    """Let the functions on the lists, and Tensor's methods of their names, cast first; ops do it by themselves."""
    listed = {name for table in (LOWER, FLOAT32, WIDEST, AS_THEY_ARE) for names in table.values() for name in names}
    for module in (sys.modules[f"{top}{part}"] for part in (".nn.functional", ".linalg", "")):
        for name in sorted(listed):
            function = vars(module).get(name)
            if isinstance(function, FunctionType) and not hasattr(function, "op"):
                wrapped, own_name = casting_first(name, function), function.__name__
                setattr(module, name, wrapped)
                home = sys.modules.get(str(function.__module__))
                if home is not None and vars(home).get(own_name) is function:  # so that it can be pickled
                    vars(home)[own_name] = wrapped
    for name in sorted(listed):
        method = vars(Tensor).get(name)
        if isinstance(method, FunctionType) and not hasattr(method, "op"):
            setattr(Tensor, name, casting_first(name, method))
