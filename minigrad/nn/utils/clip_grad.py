"""Gradients kept from growing too large: by their common length, or one by one."""

from __future__ import annotations

from collections.abc import Iterable

from ...core import Tensor, mode
from ...ops.create import tensor
from ...ops.elementwise import clamp
from ...ops.linalg import tensor_norm as norm
from ...ops.shape import stack
from ...ops.update import assign_


def gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """The gradients there are. Raises TypeError for anything but tensors, such as a model."""
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    if hasattr(given, "parameters"):
        raise TypeError(f"clip_grad: parameters must be tensors, got {type(given).__name__}. Hint: .parameters()")
    return [p.grad for p in given if p.grad is not None]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The p-norm of all tensors taken as one vector, p = norm_type; `foreach` is accepted and changes nothing.

    With `error_if_nonfinite` raises RuntimeError if that is NaN or infinite.
    """
    given = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not given:
        return tensor(0.0)
    with mode(grad=False):
        total = norm(stack([norm(t.detach(), float(norm_type)) for t in given]), float(norm_type))
    if error_if_nonfinite and not abs(total.item()) < float("inf"):
        raise RuntimeError(
            f"get_total_norm: the total norm of order {float(norm_type)} is non-finite ({total.item()}), so it cannot be "
            "clipped. Hint: error_if_nonfinite=False to go on; detect_anomaly finds where it comes from"
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Every gradient times min(1, max_norm / (total_norm + 1e-6)), in place. Raises ValueError if max_norm is negative."""
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must be a number >= 0, got {max_norm!r}")
    with mode(grad=False):
        share = clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for g in gradients(parameters):
            g.detach().mul_(share)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Shorten all gradients together, in place, to a p-norm of at most max_norm; returns the norm they had.

    Source: Pascanu, Mikolov & Bengio 2013, Algorithm 1.
    """
    kept = parameters if isinstance(parameters, Tensor) or hasattr(parameters, "parameters") else list(parameters)
    total = get_total_norm(gradients(kept), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(kept, max_norm, total)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Every element of every gradient limited to -clip_value ... clip_value, in place."""
    limit = float(clip_value)
    if not limit >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be a number >= 0, got {clip_value!r}")
    with mode(grad=False):
        for g in gradients(parameters):
            assign_(g.detach(), clamp(g.detach(), min=-limit, max=limit))
