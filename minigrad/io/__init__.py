"""Files: tensors and plain values in the safetensors layout. Loading never runs code."""

from .checkpoint import load, save

__all__ = ["load", "save"]
