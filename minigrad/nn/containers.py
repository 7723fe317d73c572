"""Modules that hold other modules or parameters: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from operator import index
from typing import Any

from ..core import MODE, Tensor
from .activation import ReLU
from .conv import Conv1d, Conv2d, Conv3d
from .linear import Linear
from .module import Module, tree
from .norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, LayerNorm
from .parameter import Parameter


class _Numbered(Module):
    """Modules under the names "0", "1", ...: what Sequential and ModuleList have in common."""

    def _refill(self, modules: Iterable[Module]) -> None:
        """Name the modules anew, in this order."""
        new = list(modules)
        for i, module in enumerate(new):
            if not isinstance(module, Module):
                raise TypeError(f"{type(self).__name__}: item {i} must be a Module, got {type(module).__name__}")
        self._modules.clear()
        self._modules.update({str(i): module for i, module in enumerate(new)})

    def _key(self, idx: Any) -> str:
        i, n = index(idx), len(self)
        if not -n <= i < n:
            raise IndexError(f"{type(self).__name__}: index {i} is out of range for {n} modules")
        return list(self._modules)[i]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, idx: Any) -> Any:
        if not isinstance(idx, slice):
            return self._modules[self._key(idx)]
        part = type(self)()
        part._modules.update(list(self._modules.items())[idx])
        return part

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._key(idx), module)

    def __delitem__(self, idx: Any) -> None:
        gone = set(list(self._modules)[idx]) if isinstance(idx, slice) else {self._key(idx)}
        self._refill([module for name, module in self._modules.items() if name not in gone])

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add several modules at the end."""
        for module in list(modules):
            self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._refill(modules)
        return self

    def pop(self, key: int = -1) -> Module:
        """Take out a module and return it."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self, other: Iterable[Module]) -> Any:
        return self.extend(other)

    def __add__(self, other: Iterable[Module]) -> Any:
        return type(self)().extend(self).extend(other)


class Sequential(_Numbered):
    """Modules that follow one another: `Sequential(Linear(4, 8), ReLU())` or a dictionary of named modules.

    y = f_n(... f_2(f_1(x)))
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], Mapping) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def __mul__(self, times: int) -> Sequential:
        """The same modules `times` over, one after the other."""
        return type(self)().extend([*self] * at_least_once(times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        return self.extend([*self] * (at_least_once(times) - 1))

    def forward(self, input: Any) -> Any:
        modules = [*self._modules.values()]
        k = 0
        while k < len(modules):
            rectified = pair(*modules[k : k + 2])
            input = rectified(input) if rectified else modules[k](input)
            k += 2 if rectified else 1
        return input


def at_least_once(times: Any) -> int:
    """Raises TypeError unless it is an integer, ValueError below 1."""
    if isinstance(times, bool) or not isinstance(times, int):
        raise TypeError(f"Sequential: can be multiplied by an integer, got {type(times).__name__}")
    if times < 1:
        raise ValueError(f"Sequential: can be multiplied by 1 or more, got {times}")
    return times


def pair(module: Module, following: Module | None = None) -> Callable | None:
    """One function for a layer and the ReLU that follows it; None where there is none, or where hooks or listeners
    want to see both."""
    if type(following) is not ReLU or type(module) not in RECTIFIED or MODE.get().listeners:
        return None
    return None if module.is_hooked() or following.is_hooked() else module.rectified


RECTIFIED = (BatchNorm1d, BatchNorm2d, BatchNorm3d, Conv1d, Conv2d, Conv3d, GroupNorm, LayerNorm, Linear)


class ModuleList(_Numbered):
    """A list of modules, all registered. It has no `forward`: the owner says how they are used."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __repr__(self) -> str:
        """As PyTorch's: neighbours that look the same are one line."""
        rows, start = [], 0
        for text, group in groupby(map(repr, self)):
            n = len(list(group))
            rows.append((str(start), text) if n == 1 else (f"{start}-{start + n - 1}", f"{n} x {text}"))
            start += n
        return tree(type(self).__name__, self.extra_repr(), rows)


class ModuleDict(Module):
    """A dictionary of modules, all registered, in the order they came."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take out every module."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take out a module and return it."""
        return self._modules.pop(key)

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """(name, module) pairs."""
        return self._modules.items()

    def update(self, modules: Any) -> None:
        """Add the modules of a dictionary, or of (name, module) pairs."""
        for key, module in modules.items() if hasattr(modules, "items") else modules:
            self[key] = module


class _Values(Module):
    """Values under names, in the order they came, tensors among them as parameters: what ParameterList and ParameterDict
    have in common."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}

    def _put(self, key: str, value: Any) -> None:
        """Keep a value as the attribute `key`."""
        self._check_name("parameter", key, self._keys)
        setattr(self, key, Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value)
        self._keys[key] = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{type(self).__name__} should not be called")

    def __len__(self) -> int:
        return len(self._keys)

    def extra_repr(self) -> str:
        return "\n".join(f"  ({key}): {described(getattr(self, key))}" for key in self._keys)


def described(value: Any) -> str:
    """A kept value in a line."""
    if not isinstance(value, Tensor):
        return f"Object of type: {type(value).__name__}"
    return f"{type(value).__name__} containing: [{value.dtype!r} of size {'x'.join(map(str, value.shape))}]"


class ParameterList(_Values):
    """A list of parameters, all registered. Tensors that are put in become parameters; other values are kept as they are."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def _key(self, idx: Any) -> str:
        i, n = index(idx), len(self)
        if not -n <= i < n:
            raise IndexError(f"ParameterList: index {i} is out of range for {n} parameters")
        return str(i % n)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, key) for key in self._keys)

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return getattr(self, self._key(idx))

    def __setitem__(self, idx: int, param: Any) -> None:
        self._put(self._key(idx), param)

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several values at the end."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)


class ParameterDict(_Values):
    """A dictionary of parameters, all registered, in the order they came (those of a plain dict in that of their names).
    Tensors that are put in become parameters; other values are kept as they are."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update({} if parameters is None else parameters)

    def _kept(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self._keys}

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(key, value)

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def keys(self) -> Any:
        """The names."""
        return self._keys.keys()

    def values(self) -> Any:
        """The values."""
        return self._kept().values()

    def items(self) -> Any:
        """(name, value) pairs."""
        return self._kept().items()

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that name, or `default`."""
        return self._kept().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of that name, which is `default` if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take out a value and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take out the last (name, value) and return it."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take out every value."""
        for key in list(self):
            del self[key]

    def copy(self) -> ParameterDict:
        """Another dictionary of the same values."""
        return type(self)(self)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another dictionary, with `default` under each key."""
        return type(self)(OrderedDict.fromkeys(keys, default))

    def __or__(self, other: Any) -> ParameterDict:
        return self.copy().__ior__(other)

    def __ror__(self, other: Any) -> Any:
        return other.copy() | self._kept()

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def update(self, parameters: Any) -> None:
        """Add the values of a dictionary, or of (name, value) pairs."""
        pairs = parameters.items() if hasattr(parameters, "items") else parameters
        ordered = not isinstance(parameters, Mapping) or isinstance(parameters, OrderedDict)
        for key, value in pairs if ordered else sorted(pairs, key=lambda pair: pair[0]):
            self[key] = value
