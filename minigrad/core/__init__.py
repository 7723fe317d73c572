"""The engine: Tensor, Op, Node, the door, the walk, backpropagation and the modes. It knows no op and no array library.

Read tensor.py, node.py, op.py, backward.py, in this order.
"""

from .backward import propagate
from .modes import MODE, Listener, Mode, listening, mode
from .node import Node, walk
from .op import OPS, Op, op
from .tensor import Size, Tensor, node_of, written

__all__ = ["MODE", "OPS", "Listener", "Mode", "Node", "Op", "Size", "Tensor", "listening", "mode", "node_of", "op",
           "propagate", "walk", "written"]  # fmt: skip
