"""Pictures of programs: the graph of a computation with its values, its gradients, and its ops opened up."""

from .draw import Drawing, draw
from .explore import explore

__all__ = ["Drawing", "draw", "explore"]
