"""DataParallel: PyTorch's wrapper, on the one device there is."""

from __future__ import annotations

from collections.abc import Sequence
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
