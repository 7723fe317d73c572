"""PyTorch's further names: what a script written for `torch` asks for beyond tensors, layers and optimizers."""

from .missing import Missing
from .places import PLACES, settle
from .typed import Tensor

__all__ = ["PLACES", "Missing", "Tensor", "settle"]
