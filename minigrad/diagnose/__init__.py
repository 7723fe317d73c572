"""What happened inside: one call explained with its numbers, the gradient of a normalization by path, what a training lacks."""

from ..guard import guard as _guard
from . import measure
from .checkup import Checkup, Finding, checkup
from .explain import Explanation, explain
from .paths import Paths, paths

__all__ = ["Checkup", "Explanation", "Finding", "Paths", "checkup", "explain", "measure", "paths"]

_guard(__name__)
