"""oneDNN, the library behind PyTorch's own CPU speed, as a provider of kernels."""

from .kernels import ONEDNN
from .library import library, why

__all__ = ["ONEDNN", "library", "why"]
