"""minigrad: an autograd engine from scratch, small enough to read, drawn and explained down to every number."""

from . import autograd
from .backends import Device as device
from .ops.functions import *  # noqa: F403
from .core import Tensor
from .autograd import *
