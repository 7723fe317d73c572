"""What happened inside: one call explained with its numbers, and the gradient of a normalization by path."""

from ..guard import guard as _guard
from . import measure
from .explain import Explanation, explain
from .paths import Paths, paths

__all__ = ["Explanation", "Paths", "explain", "measure", "paths"]

_guard(__name__)
