"""Parametrizations: a parameter or buffer becomes the output of modules, computed anew whenever it is read."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...backends import ShapeError
from ...core import Tensor, mode
from ...ops.update import assign_
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

_CACHE: ContextVar[dict | None] = ContextVar("minigrad_parametrizations", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """A block in which each parametrized tensor is computed once, when it is first read."""
    token = _CACHE.set({} if _CACHE.get() is None else _CACHE.get())
    try:
        yield
    finally:
        _CACHE.reset(token)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor in the order they are applied, and what they start from: `original`, or
    `original0`, `original1` ... if the first one's `right_inverse` gives several tensors."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList: requires one or more parametrizations")
        super().__init__(modules)
        self.unsafe = unsafe
        try:
            start = self._undone(original)
        except NotImplementedError:  # it can't be assigned to: the tensor itself is what it starts from
            start = original
        self.ntensors = 1 if isinstance(start, Tensor) else len(start)
        self.is_tensor = isinstance(start, Tensor)
        if self.is_tensor and start.dtype is not original.dtype and not unsafe:
            raise ValueError("ParametrizationList: right_inverse must keep the dtype of the tensor, "
                             f"expected {original.dtype!r}, got {start.dtype!r}")  # fmt: skip
        for name, part in zip(self._names(), [start] if self.is_tensor else start, strict=True):
            if isinstance(original, Parameter):
                self.register_parameter(name, Parameter(part.detach(), original.requires_grad))
            else:
                self.register_buffer(name, part.detach())
        if unsafe:
            return
        value = self.forward()
        if not isinstance(value, Tensor):
            raise ValueError(f"A parametrization must return a tensor, got {type(value).__name__}")
        if value.dtype is not original.dtype or value.shape != original.shape:
            raise ValueError(
                f"A parametrization may not change the tensor's dtype and shape unless `unsafe` is True, expected "
                f"{original.dtype!r} {tuple(original.shape)}, got {value.dtype!r} {tuple(value.shape)}"
            )

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{k}" for k in range(self.ntensors)]

    def _undone(self, value: Any) -> Any:
        """What the parametrizations would have to start from to give `value`; those without `right_inverse` pass it on."""
        with mode(grad=False):
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        return value if isinstance(value, Tensor) else list(value)

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that `forward` gives `value`.

        Raises RuntimeError if a parametrization has no right_inverse, ValueError for one that misfits.
        """
        for module in self:
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse. "
                                   "Hint: define it, or write the originals")  # fmt: skip
        start = self._undone(value)
        parts = [start] if isinstance(start, Tensor) else start
        if len(parts) != self.ntensors:
            raise ValueError(f"right_inverse must give {self.ntensors} tensors as at the registration, got {len(parts)}")
        with mode(grad=False):
            for name, part in zip(self._names(), parts, strict=True):
                old = getattr(self, name)
                if part.shape != old.shape:
                    raise ShapeError(f"right_inverse: expected shape {tuple(old.shape)} for {name}, got {tuple(part.shape)}")
                assign_(old, part.detach().to(old.dtype))

    def forward(self) -> Tensor:
        first, *rest = self
        value = first(*(getattr(self, name) for name in self._names()))
        for module in rest:
            value = module(value)
        return value


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Let `module.tensor_name` be `parametrization(original)`; another one is applied to the result of those before.

    The original is `module.parametrizations.<tensor_name>.original`. A parametrization with a method `right_inverse` can
    be assigned to: it gives the original for a value. Unless `unsafe` it must keep shape and dtype.
    Raises ValueError for a tensor that is not there or a parametrization that changes its shape or dtype.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        if not unsafe:
            _check_next(parametrization, getattr(module, tensor_name))
        held.append(parametrization)
        held.unsafe = held.unsafe or unsafe
        return module
    if tensor_name not in {**module._parameters, **module._buffers}:
        raise ValueError(f"Module '{type(module).__name__}' does not have a parameter, a buffer, or a parametrized element "
                         f"with name '{tensor_name}'")  # fmt: skip
    original = getattr(module, tensor_name)
    held = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _change_class(module)
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = held
    return module


def _check_next(parametrization: Any, value: Tensor) -> None:
    """Raise ValueError unless a further parametrization and its inverse keep the dtype and shape of `value`."""
    with mode(grad=False):
        found = {"A parametrization": parametrization(value)}
        try:
            if hasattr(parametrization, "right_inverse"):
                found["right_inverse"] = parametrization.right_inverse(found["A parametrization"])
        except NotImplementedError:
            pass
    for who, new in found.items():
        if not isinstance(new, Tensor) or new.shape != value.shape or new.dtype is not value.dtype:
            got = f"{new.dtype!r} {tuple(new.shape)}" if isinstance(new, Tensor) else type(new).__name__
            raise ValueError(f"{who} may not change the tensor's dtype and shape unless `unsafe` is True, "
                             f"expected {value.dtype!r} {tuple(value.shape)}, got {got}")  # fmt: skip


def _change_class(module: Module) -> None:
    """Give the module a class of its own, where properties can stand in for its tensors."""
    base = type(module)

    def refused(self: Module) -> Any:
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict(). "
                           "Hint: save(model.state_dict(), path)")  # fmt: skip

    def copied(self: Any, memo: dict) -> Any:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        _own_class(new)
        return new

    module.__class__ = type(f"Parametrized{base.__name__}", (base,), {"__getstate__": refused, "__deepcopy__": copied})


def _own_class(module: Any) -> None:
    """A copy's class, apart from the one it was copied from."""
    kind = type(module)
    module.__class__ = type(kind.__name__, kind.__bases__, dict(vars(kind)))


def _property(name: str) -> property:
    def read(self: Module) -> Tensor:
        held, cache = self.parametrizations[name], _CACHE.get()
        if cache is None:
            return held()
        key = (id(self), name)
        if key not in cache:
            cache[key] = held()
        return cache[key]

    def write(self: Module, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module has parametrizations, or one of this tensor."""
    held = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make the tensor plain again: with its present value, or with its original if `leave_parametrized` is False.

    Raises ValueError if it is not parametrized, or if an original of several tensors is asked for.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {type(module).__name__} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if not leave_parametrized and not held.is_tensor:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
                         "of a sequence of tensors.")  # fmt: skip
    originals = [getattr(held, name) for name in held._names()]
    with mode(grad=False):
        value = getattr(module, tensor_name) if leave_parametrized else originals[0]
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(originals[0], Parameter):
        if held.is_tensor and value.shape == originals[0].shape:  # the same object, so that an optimizer still knows it
            originals[0].data = value.detach()  # type: ignore[attr-defined]
            module.register_parameter(tensor_name, originals[0])
        else:
            module.register_parameter(tensor_name, Parameter(value.detach(), originals[0].requires_grad))
    else:
        module.register_buffer(tensor_name, value.detach())
    if not len(module.parametrizations):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class as it was before any parametrization."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)
