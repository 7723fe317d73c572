"""A module's state as a flat dictionary of tensors, and back."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..autograd import Hook
from ..core import Tensor, mode
from ..ops.arithmetic import cast
from ..ops.create import tensor
from ..ops.sparse import SparseTensor
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


class Stateful:
    """What a module does with its state. A subclass may keep more than tensors (`get_extra_state`, `set_extra_state`), and
    may change what is saved and loaded under its own prefix (`_save_to_state_dict`, `_load_from_state_dict`)."""

    _version = 1  # of what a class keeps: `_load_from_state_dict` is told the one that was saved, if it is known

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Every parameter and persistent buffer under its path, on the same memory, detached unless `keep_vars`.

        They are put into `destination` if given, else into an OrderedDict whose `_metadata` holds {"version": ...} for the
        path of each module. Positional arguments are PyTorch's older way.
        """
        if args:
            return self.state_dict(**dict(zip(("destination", "prefix", "keep_vars"), args, strict=False)))
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_hooks("saving"):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self.__dict__["_modules"].items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_hooks("saved"):
            new = hook(self, destination, prefix, metadata)
            destination = destination if new is None else new
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put the module's own state, without its submodules', into `destination`."""
        for name, value in tensors_of(self):
            destination[prefix + name] = value if keep_vars else value.detach()
        if overrides(self, "get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy the tensors of `state_dict` into the parameters and buffers of the same paths, or with `assign` take
        them over.

        All or nothing: raises RuntimeError that names every missing, unexpected (both only if `strict`) and misfitting
        key, and changes nothing. Floating types are converted; a whole number in a floating place is a misfit. Arrays do
        as well as tensors, and shape (1,) for a number. Of tied tensors, which stay tied, one key is enough.
        """
        return load(self, state_dict, strict, assign)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict, strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Called before anything is loaded, to rename or add keys in `state_dict`, which is a copy, or to say what is wrong.

        The tensors themselves are loaded afterwards, all or none.
        """

    def get_extra_state(self) -> Any:
        """What a subclass wants in the state beside its tensors, under "_extra_state"; it gives `set_extra_state`, too."""
        raise RuntimeError(f"{type(self).__name__}: get_extra_state() is for a subclass to give")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave; called by `load_state_dict`."""
        raise RuntimeError(f"{type(self).__name__}: set_extra_state() is for a subclass to give")

    def register_state_dict_pre_hook(self, hook: Callable) -> Hook:
        """Call `hook(module, prefix, keep_vars)` before the module's state is taken."""
        return self._state_hook("saving", hook)

    def register_state_dict_post_hook(self, hook: Callable) -> Hook:
        """Call `hook(module, state_dict, prefix, metadata)` once the state of the module and those below is in `state_dict`."""
        return self._state_hook("saved", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable) -> Hook:
        """Call `hook(module, state_dict, prefix, metadata, strict, missing_keys, unexpected_keys, error_msgs)` before anything
        is loaded; it may change `state_dict`, which is a copy."""
        return self._state_hook("loading", hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> Hook:
        return self._state_hook("loading", hook if with_module else lambda module, *args: hook(*args))

    def register_load_state_dict_post_hook(self, hook: Callable) -> Hook:
        """Call `hook(module, incompatible_keys)` once everything is loaded."""
        return self._state_hook("loaded", hook)

    def _state_hook(self, kind: str, hook: Callable) -> Hook:
        return Hook(self.__dict__.setdefault("_hooks_of_state", {}), (kind, hook))

    def _state_hooks(self, kind: str) -> list[Callable]:
        return [hook for of, hook in self.__dict__.get("_hooks_of_state", {}).values() if of == kind]


EXTRA = "_extra_state"


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take `prefix`, such as DataParallel's "module.", off the keys that begin with it, and off the paths in `_metadata`."""
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[key.removeprefix(prefix)] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", {})
    for path in [path for path in metadata if path and f"{path}.".startswith(prefix)]:
        metadata[f"{path}.".removeprefix(prefix).removesuffix(".")] = metadata.pop(path)


def overrides(module: Stateful, name: str) -> bool:
    """Whether a module has a method of its own in the place of that of all modules."""
    return getattr(type(module), name) is not getattr(Stateful, name)


def tensors_of(module: Any) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of a module's own parameters and persistent buffers."""
    for name, value in (*module._parameters.items(), *module._buffers.items()):
        if value is not None and name not in module._non_persistent_buffers_set:
            yield name, value


def state_of(module: Any) -> dict[str, tuple[Any, str, Tensor]]:
    """For every key of the state that is a tensor: the module that owns it, the attribute's name, the tensor."""
    return {lead + name: (owner, name, value) for lead, owner in led(module) for name, value in tensors_of(owner)}


def led(module: Any) -> Iterator[tuple[str, Any]]:
    """(prefix, module) of a module and all below it."""
    for path, owner in module.named_modules(remove_duplicate=False):
        yield f"{path}." if path else "", owner


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Write the tensors of `state_dict` into the module: all, or none and an error that names every misfit."""
    if not isinstance(state_dict, Mapping):
        hint = ". Hint: its .state_dict()" if hasattr(state_dict, "state_dict") else ""
        hint = ". Hint: minigrad.load(path)" if isinstance(state_dict, (str, os.PathLike)) else hint
        raise TypeError(f"load_state_dict: Expected state_dict to be dict-like, got {type(state_dict).__name__}{hint}")
    versions = getattr(state_dict, "_metadata", None) or {}
    state_dict = {key: tensor(value) if is_array(value) else value for key, value in state_dict.items()}
    places = state_of(module)
    extras = {lead + EXTRA: owner for lead, owner in led(module) if overrides(owner, "set_extra_state")}
    told: tuple[list[str], list[str], list[str]] = [], [], []
    for lead, owner in led(module):
        metadata = versions.get(lead[:-1], {})
        for hook in owner._state_hooks("loading"):
            hook(owner, state_dict, lead, metadata, strict, *told)
        owner._load_from_state_dict(state_dict, lead, metadata, strict, *told)
    present = {id(places[key][2]) for key in places if key in state_dict}  # of tied tensors one is enough
    missing = [key for key in places if key not in state_dict and id(places[key][2]) not in present]
    missing += [key for key in (*extras, *told[0]) if key not in state_dict]
    unexpected = [key for key in state_dict if key not in places and key not in extras] + told[1]
    problems = told[2]
    if strict and missing:
        problems.append(f"Missing key(s) in state_dict: {', '.join(map(repr, missing))}.")
    if strict and unexpected:
        problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}.")
    shared = [key for key in places if key in state_dict]
    for key in shared:
        if places[key][2].ndim == 0 and getattr(state_dict[key], "shape", None) == (1,):  # as numbers once were
            state_dict[key] = state_dict[key].reshape(())
    problems += [text for key in shared if (text := misfit(key, places[key], state_dict[key]))]
    if problems:
        lead = common_lead(missing, unexpected)
        hint = "strict=False passes over missing and unexpected keys" if strict and (missing or unexpected) else ""
        hint = f"nn.modules.utils.consume_prefix_in_state_dict_if_present(state_dict, {lead!r})" if lead else hint
        hint = hint and f"Hint: {hint}"
        lines = "\n\t".join([*problems, hint] if hint else problems)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{lines}")
    take_over(places, {id(places[key][2]): state_dict[key].detach() for key in shared}, assign)
    for key, owner in extras.items():
        if key in state_dict:
            owner.set_extra_state(state_dict[key])
    keys = IncompatibleKeys(missing, unexpected)
    for _, owner in led(module):
        for hook in owner._state_hooks("loaded"):
            hook(owner, keys)
    return keys


def common_lead(missing: list[str], unexpected: list[str]) -> str:
    """What every unexpected key begins with, such as DataParallel's "module.", if the missing ones are the rest; or ""."""
    leads = {key.removesuffix(name) for key in unexpected[:1] for name in missing if key.endswith(f".{name}")}
    return next((lead for lead in leads if sorted(lead + name for name in missing) == sorted(unexpected)), "")


def take_over(places: dict[str, tuple[Any, str, Tensor]], given: dict[int, Tensor], assign: bool) -> None:
    """Write what is given, by the id of the tensor whose place it takes, into modules; or with `assign` put it there."""
    taken: dict[int, Parameter] = {}  # so that tied parameters stay one
    with mode(grad=False):
        for owner, name, old in places.values():
            new = given.get(id(old))
            if new is None:
                continue
            if isinstance(old, SparseTensor) and not assign:
                new = new.to(old.device, old.dtype)
                old.at, old.held, old.coalesced = new.at.clone(), new.held.clone(), new.coalesced
            elif not assign:
                old, new = old if new.shape == old.shape else grown(owner, name, old, new.shape), new.to(old.device)
                assign_(old, new if new.dtype is old.dtype else cast(new, dtype=old.dtype))
            elif name in owner._parameters:
                owner._parameters[name] = taken.setdefault(id(old), Parameter(new, old.requires_grad))
            else:
                owner._buffers[name] = new


def grown(owner: Any, name: str, old: Any, shape: tuple[int, ...]) -> Tensor:
    """A lazy layer's tensor, now that its shape is known."""
    if name in owner._parameters:
        old.materialize(shape)
    else:
        old = owner._buffers[name] = old.new_zeros(shape)
    return old


def is_array(x: Any) -> bool:
    """Whether x is an array of numbers of another package, such as NumPy's."""
    kind = getattr(getattr(x, "dtype", None), "kind", None)
    return not isinstance(x, Tensor) and hasattr(x, "__array__") and kind in ("b", "i", "u", "f", "c", None)


def misfit(key: str, place: tuple[Any, str, Tensor], new: Any) -> str:
    """Why `new` can't take a place, or "". Floating types convert into each other, and to whole numbers, such as
    counts that were averaged; else kinds do not mix."""
    owner, _, old = place
    if not isinstance(new, Tensor):
        return f"{key!r}: expected a tensor, got {type(new).__name__}."
    if new.layout != old.layout:
        return f"layout mismatch for {key}: expected a {old.layout} tensor as in the model, got {new.layout}."
    if new.shape != old.shape and not (hasattr(owner, "settle") and old.shape == (0,)):  # a lazy layer takes any
        return f"size mismatch for {key}: expected shape {tuple(old.shape)} as in the model, got {tuple(new.shape)}."
    if new.dtype.kind != old.dtype.kind and (new.dtype.kind, old.dtype.kind) != ("float", "int"):
        return f"dtype mismatch for {key}: expected {old.dtype!r} as in the model, got {new.dtype!r}."
    return ""
