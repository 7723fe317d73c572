"""PyTorch with `torch.compile`: models and single functions are compiled, forward and backward; optimizers stay eager."""

from __future__ import annotations

from typing import Any


class Compiled:
    """PyTorch, and `prepared`, by which a workload says what is to be compiled."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def prepared(self, function: Any) -> Any:
        return self.torch.compile(function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)
