"""Pictures of programs: the graph of a computation with its values, its gradients, and its ops opened up; of training, live
and in plots."""

from ..guard import guard as _guard
from . import plots
from .draw import Drawing, draw
from .explore import explore
from .watch import Watch, watch

__all__ = ["Drawing", "Watch", "draw", "explore", "plots", "watch"]

_guard(__name__)
