"""Optimizers: each updates parameters in place from their `.grad`, through ops, under PyTorch's names."""

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
