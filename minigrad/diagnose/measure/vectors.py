"""A model's parameters as one vector, and a place to come back to after moving them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd import grad
from ...core import Tensor, mode
from ...nn import Module
from ...nn.utils import parameters_to_vector, vector_to_parameters
from ...ops.update import assign_

Loss = Callable[[], Tensor]  # computes a loss of the parameters as they are: lambda: loss_of(model(x), y)
Parameters = Module | Iterable[Tensor]


def parameters_of(model: Parameters) -> list[Tensor]:
    """The parameters that want gradients. Raises ValueError if there are none."""
    given: Iterable[Tensor] = model.parameters() if isinstance(model, Module) else model
    found = [p for p in given if p.requires_grad]
    if not found:
        raise ValueError("measure: there is no parameter that wants a gradient. Hint: a model, or a list of its parameters")
    return found


def flat(parts: Sequence[Tensor]) -> Tensor:
    """Tensors as one vector, detached."""
    with mode(grad=False):
        return parameters_to_vector([part.detach() for part in parts])


def gradient(loss: Loss, parameters: Sequence[Tensor]) -> tuple[float, Tensor]:
    """The loss and its gradient as one vector; parameters that it does not depend on have gradient 0."""
    value = loss()
    parts: Any = grad(value, parameters, materialize_grads=True)
    return value.item(), flat(parts)


def move(parameters: Sequence[Tensor], vector: Tensor) -> None:
    """Write a vector into the parameters."""
    with mode(grad=False):
        vector_to_parameters(vector, parameters)


@contextmanager
def kept(model: Parameters) -> Iterator[list[Tensor]]:
    """`with kept(model) as parameters:` puts the parameters (and a model's buffers) back at the end, whatever happens."""
    parameters = parameters_of(model)
    buffers = list(model.buffers()) if isinstance(model, Module) else []
    with mode(grad=False):
        before = [(x, x.detach().clone()) for x in (*parameters, *buffers)]
    try:
        yield parameters
    finally:
        with mode(grad=False):
            for x, value in before:
                assign_(x, value)
