"""A module's state as a flat dictionary of tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..core import Tensor, mode
from ..ops.arithmetic import cast
from ..ops.create import tensor
from ..ops.update import assign_
from .parameter import Parameter


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` passed over: keys of the module not found, and keys it does not have."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def state_of(module: Any, prefix: str = "") -> dict[str, tuple[Any, str, Tensor]]:
    """For every key of the state: the module that owns the tensor, the attribute's name, the tensor."""
    found = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        lead = f"{prefix}{path}." if path else prefix
        kept = {k: v for k, v in owner._buffers.items() if k not in owner._non_persistent_buffers_set}
        for name, value in {**owner._parameters, **kept}.items():
            if value is not None:
                found[lead + name] = (owner, name, value)
    return found


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Write the tensors of `state_dict` into the module: all, or none and an error that names every misfit."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: Expected state_dict to be dict-like, got {type(state_dict).__name__}")
    state_dict = {key: tensor(value) if is_array(value) else value for key, value in state_dict.items()}
    places = state_of(module)
    present = {id(places[key][2]) for key in places if key in state_dict}  # of tied tensors one is enough
    missing = [key for key in places if key not in state_dict and id(places[key][2]) not in present]
    unexpected = [key for key in state_dict if key not in places]
    problems = []
    if strict and missing:
        problems.append(f"Missing key(s) in state_dict: {', '.join(map(repr, missing))}.")
    if strict and unexpected:
        problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}.")
    shared = [key for key in places if key in state_dict]
    problems += [text for key in shared if (text := misfit(key, places[key][2], state_dict[key]))]
    if problems:
        hint = "Hint: strict=False passes over missing and unexpected keys" if strict and (missing or unexpected) else ""
        lines = "\n\t".join([*problems, hint] if hint else problems)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{lines}")
    given = {id(places[key][2]): state_dict[key].detach() for key in shared}
    taken: dict[int, Parameter] = {}  # so that tied parameters stay one
    with mode(grad=False):
        for owner, name, old in places.values():
            new = given.get(id(old))
            if new is None:
                continue
            if not assign:
                new = new.to(old.device)
                assign_(old, new if new.dtype is old.dtype else cast(new, dtype=old.dtype))
            elif name in owner._parameters:
                owner._parameters[name] = taken.setdefault(id(old), Parameter(new, old.requires_grad))
            else:
                owner._buffers[name] = new
    return IncompatibleKeys(missing, unexpected)


def is_array(x: Any) -> bool:
    """Whether x is an array of numbers of another package, such as NumPy's."""
    kind = getattr(getattr(x, "dtype", None), "kind", None)
    return not isinstance(x, Tensor) and hasattr(x, "__array__") and kind in ("b", "i", "u", "f", "c", None)


def misfit(key: str, old: Tensor, new: Any) -> str:
    """Why `new` can't take the place of `old`, or "". Floating types convert into each other; kinds do not mix."""
    if not isinstance(new, Tensor):
        return f"{key!r}: expected a tensor, got {type(new).__name__}."
    if new.shape != old.shape:
        return f"size mismatch for {key}: expected shape {tuple(old.shape)} as in the model, got {tuple(new.shape)}."
    if new.dtype.kind != old.dtype.kind:
        return f"dtype mismatch for {key}: expected {old.dtype!r} as in the model, got {new.dtype!r}."
    return ""
