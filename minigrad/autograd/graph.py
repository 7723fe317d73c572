"""The graph itself, under PyTorch's names: its nodes and edges, hooks on them, and hooks on what it keeps."""

from ..core import Node
from .nodes import AccumulateGrad, GradientEdge, get_gradient_edge, register_multi_grad_hook
from .saving import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    increment_version,
    save_on_cpu,
    saved_tensors_hooks,
)

__all__ = ["AccumulateGrad", "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "increment_version", "register_multi_grad_hook", "save_on_cpu",
           "saved_tensors_hooks"]  # fmt: skip
