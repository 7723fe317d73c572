"""What a graph keeps, under PyTorch's names: hooks on saved tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..core import Op, Tensor, listening
from .listener import Listener


class Packed:
    """The saved values of a node, some of them packed by a hook; reading them unpacks."""

    def __init__(self, values: tuple, packed: dict[int, Any], unpack: Callable[[Any], Tensor]) -> None:
        self.values, self.packed, self.unpack = values, packed, unpack

    def __iter__(self) -> Iterator:
        for k, value in enumerate(self.values):
            yield self.unpack(self.packed[k]).array if k in self.packed else value


class saved_tensors_hooks(Listener):
    """`with saved_tensors_hooks(pack, unpack):` what ops save for backward is kept as pack(tensor), and backward reads
    unpack(of it): to keep it elsewhere, or smaller. Leaves are kept as they are, since they live on anyway.
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
        packed = {}
        for k, ((what, which), value) in enumerate(zip(node.plan.sources, node.saved, strict=True)):
            leaf = what == "input" and isinstance(node.parents[which], Tensor)
            if what in ("y", "input", "extra") and hasattr(value, "dtype") and not leaf:
                with self.outside():
                    packed[k] = self.pack(Tensor(value))
        if packed:
            values = tuple(None if k in packed else value for k, value in enumerate(node.saved))
            node.saved = Packed(values, packed, self.unpack)  # type: ignore[assignment]


class save_on_cpu(saved_tensors_hooks):
    """`with save_on_cpu():` what ops save for backward waits in the CPU's memory. `pin_memory` is accepted."""

    def __init__(self, pin_memory: bool = False) -> None:
        super().__init__(lambda x: (str(x.device), x.cpu()), lambda packed: packed[1].to(packed[0]))
