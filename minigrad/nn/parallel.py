"""DataParallel and DistributedDataParallel: PyTorch's wrappers, on the one device and in the one process there is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .module import Module


class DataParallel(Module):
    """`module` under the name "module", so that state dicts have PyTorch's keys; the whole batch goes through it at once.

    Raises RuntimeError for more than one device.
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise RuntimeError(f"DataParallel: expected at most one device, got {list(device_ids)}. Hint: device_ids=None")
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """`module` under the name "module" in a group of one process, where gradients need no averaging.

    Raises RuntimeError for more than one device.
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0,
        broadcast_buffers: bool = True, init_sync: bool = True, process_group: Any = None, bucket_cap_mb: Any = None,
        find_unused_parameters: bool = False, check_reduction: bool = False, gradient_as_bucket_view: bool = False,
        static_graph: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise RuntimeError(f"DistributedDataParallel: expected at most one device, got {list(device_ids)}. "
                               "Hint: device_ids=None")  # fmt: skip
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)

    def no_sync(self) -> AbstractContextManager:
        """A block in which gradients are not averaged, as always here."""
        return nullcontext()
