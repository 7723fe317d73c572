"""What a graph keeps, under PyTorch's names: hooks on saved tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..core import MODE, Op, Tensor, listening
from .listener import Listener


class Packed:
    """The saved values of a node, some of them packed by a hook; reading them unpacks.

    Of `leaves`, which live on anyway, a pass that is to be differentiated reads the leaf itself, since it is what the
    second derivative is taken by.
    """

    def __init__(self, values: tuple, packed: dict[int, Any], leaves: dict[int, Tensor], unpack: Callable) -> None:
        self.values, self.packed, self.leaves, self.unpack = values, packed, leaves, unpack

    def __iter__(self) -> Iterator:
        for k, value in enumerate(self.values):
            if k in self.packed:
                value = self.unpack(self.packed[k]).array
            yield self.leaves[k].array if k in self.leaves and MODE.get().grad else value


class saved_tensors_hooks(Listener):
    """`with saved_tensors_hooks(pack, unpack):` what ops save for backward is kept as pack(tensor), and backward reads
    unpack(of it): to keep it elsewhere, or smaller.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack, self.unpack = pack_hook, unpack_hook

    def __enter__(self) -> saved_tensors_hooks:
        self.block = listening(self)
        self.block.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.block.__exit__(*error)

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        node = output.node
        if node is None or node.op is not op or not node.plan.keeps or not isinstance(node.saved, tuple):
            return
        packed, leaves = {}, {}
        for k, ((what, which), value) in enumerate(zip(node.plan.sources, node.saved, strict=True)):
            if what in ("y", "input", "extra") and hasattr(value, "dtype"):
                if what == "input" and isinstance(node.parents[which], Tensor):
                    leaves[k] = node.parents[which]
                with self.outside():
                    packed[k] = self.pack(Tensor(value))
        if packed:
            values = tuple(None if k in packed else value for k, value in enumerate(node.saved))
            node.saved = Packed(values, packed, leaves, self.unpack)  # type: ignore[assignment]


class save_on_cpu(saved_tensors_hooks):
    """`with save_on_cpu():` what ops save for backward waits in the CPU's memory. `pin_memory` is accepted."""

    def __init__(self, pin_memory: bool = False) -> None:
        super().__init__(lambda x: (str(x.device), x.cpu()), lambda packed: packed[1].to(packed[0]))
