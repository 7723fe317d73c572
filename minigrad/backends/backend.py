"""A backend: an array namespace `xp`, a device, and a table of kernels; and the list of those in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .device import DEFAULT, Device
from .dtypes import DType, dtype


@dataclass(frozen=True, eq=False)
class Backend:
    """Arrays and kernels of one device. `b.xp` is the array namespace; `b.conv2d(x, w, ...)` runs a kernel.

    `to_host` and `from_host` move an array to and from NumPy; `owns(array)` is true when no other array shares its
    memory; `shares(view, array)` whether what a view op returned lies in the memory it was taken from; `as_array(y)` makes an
    array of what a kernel returned, which may be one of NumPy's scalars; `room()` is how many bytes of the device's memory are
    free, and how many there are, or None if that is not known.
    """

    name: str
    xp: Any
    device: Device
    array_type: type
    kernels: Mapping[str, Callable]
    to_host: Callable[[Any], Any]
    from_host: Callable[[Any], Any]
    owns: Callable[[Any], bool] = lambda array: False
    shares: Callable[[Any, Any], bool] = lambda view, array: True
    as_array: Callable[[Any], Any] = lambda y: y
    room: Callable[[], tuple[int, int] | None] = lambda: None

    _natives: dict[DType, Any] = field(default_factory=dict, init=False, repr=False)

    def __getattr__(self, kernel: str) -> Callable:
        """The first use of a kernel binds it to this backend and keeps it as a plain attribute."""
        try:
            bound = partial(self.kernels[kernel], self)
        except KeyError:
            raise AttributeError(f"backend {self.name!r} has no kernel {kernel!r}") from None
        object.__setattr__(self, kernel, bound)
        return bound

    def replace_kernels(self, kernels: Mapping[str, Callable]) -> None:
        """Put other kernels in the place of those in use."""
        for name in {*self.kernels, *kernels}:
            self.__dict__.pop(name, None)
        object.__setattr__(self, "kernels", dict(kernels))

    def native(self, d: DType) -> Any:
        """The namespace's own object for an element type. Raises TypeError where it has none."""
        try:
            return self._natives[d]
        except KeyError:
            pass
        found = getattr(self.xp, d.name, None)
        if found is None and d.name in self.kernels:  # a type that another package brings
            found = getattr(self, d.name)()
        if found is None:
            raise TypeError(f"backend {self.name!r} has no {d!r}. Hint: use minigrad.float32")
        self._natives[d] = self.xp.empty(0, dtype=found).dtype
        return self._natives[d]

    def __repr__(self) -> str:
        return f"Backend({self.name!r}, device={str(self.device)!r})"


BACKENDS: dict[str, Backend] = {}  # by device name
_by_type: dict[type, Backend] = {}  # by the type of an array
_finders: dict[str, Callable[[], Backend]] = {}  # devices that are looked for when first asked for


def register(backend: Backend, *array_types: type) -> Backend:
    """Put a backend on the list; `array_types` are further types (NumPy's scalars) that it answers for."""
    BACKENDS[str(backend.device)] = backend
    return claim(backend, *array_types)


def claim(backend: Backend, *array_types: type) -> Backend:
    """Let a backend answer for its type of array, without being on the list."""
    for kind in (backend.array_type, *array_types):
        _by_type[kind] = backend
    return backend


def register_finder(device: str, find: Callable[[], Backend]) -> None:
    """Let `find()` build the backend of `device` when it is first asked for; it raises what is missing."""
    _finders[device] = find


def backend_of(array: Any) -> Backend:
    """The backend whose array this is. Raises TypeError for anything that is no array."""
    kind = type(array)
    found = _by_type.get(kind)
    if found is None:
        found = next((_by_type[base] for base in kind.__mro__ if base in _by_type), None)
        if found is None:
            raise TypeError(f"expected a tensor or an array, got {kind.__name__}. Hint: minigrad.tensor(...)")
        _by_type[kind] = found
    return found


def is_array(x: Any) -> bool:
    """Whether `x` is an array (or array scalar) of a known backend."""
    return type(x) in _by_type or any(base in _by_type for base in type(x).__mro__)


def backend_for(device: Any = None) -> Backend:
    """The backend of a device (the default one if None). Raises RuntimeError that says what is missing."""
    if device is None:
        device = DEFAULT.get()[-1]
        if device in BACKENDS:
            return BACKENDS[device]
    wanted = device if isinstance(device, Device) else Device(device)
    names = {str(wanted)} | ({wanted.type, f"{wanted.type}:0"} if not wanted.index else set())  # "cuda" is "cuda:0"
    if wanted.type in _finders and not names & BACKENDS.keys():
        register(_finders[wanted.type]())
    found = next((BACKENDS[name] for name in names & BACKENDS.keys()), None)
    if found is None:
        known = ", ".join(sorted({*BACKENDS, *_finders}))
        raise RuntimeError(f"device: expected one of {known}, got {str(wanted)!r}. Hint: device='cpu'")
    return found


def dtype_of(array: Any) -> DType:
    """The DType of an array."""
    return dtype(array.dtype)
