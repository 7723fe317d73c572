"""The engine: Tensor, Op, Node, the door, the walk, backpropagation and the modes. It knows no op and no array library.

Read tensor.py, node.py, op.py, backward.py, in this order.
"""

from .backward import propagate
from .modes import MODE, Mode, listening, mode
from .node import Node, walk
from .op import OPS, Op, op
from .tensor import Tensor, node_of, written

__all__ = ["MODE", "OPS", "Mode", "Node", "Op", "Tensor", "listening", "mode", "node_of", "op", "propagate", "walk", "written"]
