"""Hooks on what a graph keeps for backward: to keep it elsewhere, smaller, or as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ..backends import ShapeError
from ..core import MODE, Op, Tensor, listening, written
from ..ops.arithmetic import clone
from .listener import Listener

_disabled: ContextVar[str | None] = ContextVar("minigrad_no_saved_tensors_hooks", default=None)


class Unpacked:
    """A saved array that a hook packed; calling it unpacks."""

    def __init__(self, packed: Any, shape: tuple, unpack: Callable) -> None:
        self.packed, self.shape, self.unpack = packed, shape, unpack

    def __call__(self) -> Any:
        found = self.unpack(self.packed)
        if not isinstance(found, Tensor):
            raise TypeError("saved_tensors_hooks: Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                            f"type {type(found).__name__}")  # fmt: skip
        if tuple(found.shape) != self.shape:
            raise ShapeError(f"saved_tensors_hooks: unpack_hook must give a tensor of shape {self.shape}, as was packed, got "
                             f"{tuple(found.shape)}")  # fmt: skip
        return found.array


class Packed:
    """The saved values of a node, some of them packed by a hook; reading them unpacks.

    Of `leaves`, which live on anyway, a pass that is to be differentiated reads the leaf itself, since it is what the
    second derivative is taken by.
    """

    def __init__(self, values: tuple, leaves: dict[int, Tensor]) -> None:
        self.values, self.leaves = values, leaves

    def __iter__(self) -> Iterator:
        for k, value in enumerate(self.values):
            if k in self.leaves and MODE.get().grad:
                yield self.leaves[k].array
            else:
                yield value() if isinstance(value, Unpacked) else value


class saved_tensors_hooks(Listener):
    """`with saved_tensors_hooks(pack, unpack):` what ops save for backward is kept as pack(tensor), and backward reads
    unpack(of it): to keep it elsewhere, or smaller. Of nested blocks the innermost acts.

    Raises RuntimeError where pack writes into its argument, and inside of `disable_saved_tensors_hooks`.
    """

    guarded = True  # whether backward refuses what was written in place since

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> saved_tensors_hooks:
        if (why := _disabled.get()) is not None:
            raise RuntimeError(why)
        self.block = listening(self)
        self.block.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.block.__exit__(*error)

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        node = output.node
        if node is None or node.op is not op or not isinstance(node.saved, tuple) or acting() is not self:
            return
        leaves, values = {}, list(node.saved)
        for k, ((what, which), value) in enumerate(zip(node.plan.sources, node.saved, strict=True)):
            if what in ("y", "input", "extra") and hasattr(value, "dtype"):
                if what == "input" and isinstance(node.parents[which], Tensor):
                    leaves[k] = node.parents[which]
                values[k] = self.pack(value)
        node.saved = Packed(tuple(values), leaves)  # type: ignore[assignment]
        node.versions = node.versions if self.guarded else ()

    def pack(self, value: Any) -> Unpacked:
        """An array as the hooks keep it."""
        given = Tensor(value)
        with self.outside():
            packed = self.pack_hook(given)
        if written(given)[0]:
            raise RuntimeError("saved_tensors_hooks: A saved tensor pack hook is modifying its input in place. Hint: return "
                               "what is to be kept, and leave the input alone")  # fmt: skip
        return Unpacked(packed, tuple(value.shape), self.unpack_hook)


def acting() -> saved_tensors_hooks | None:
    """The innermost block of hooks on saved tensors."""
    return next((x for x in reversed(MODE.get().listeners) if isinstance(x, saved_tensors_hooks)), None)


class save_on_cpu(saved_tensors_hooks):
    """`with save_on_cpu():` what ops save for backward waits in the CPU's memory. The arguments are accepted."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: (str(x.device), x.cpu()), lambda packed: packed[1].to(packed[0]))


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """`with allow_mutation_on_saved_tensors():` what ops save may be written in place before backward, which reads it as it
    was: it is copied when it is saved."""

    guarded = False

    def __init__(self) -> None:
        super().__init__(clone, lambda x: x)


class disable_saved_tensors_hooks:
    """`with disable_saved_tensors_hooks(message):` no hooks on saved tensors may be set inside: RuntimeError(message)."""

    def __init__(self, error_message: str) -> None:
        self.message = error_message

    def __enter__(self) -> None:
        self.token = _disabled.set(self.message)

    def __exit__(self, *error: Any) -> None:
        _disabled.reset(self.token)


def increment_version(tensor: Any) -> None:
    """Count a write that happened outside of minigrad's sight into a tensor, or several, so that graphs that saved it know."""
    for x in [tensor] if isinstance(tensor, Tensor) else tensor:
        written(x)[0] += 1
