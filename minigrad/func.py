"""`minigrad.func`: functions of functions. grad, vjp, jvp, jacrev, jacfwd, hessian, hvp and vmap nest in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .autograd.transforms import grad, grad_and_value, hessian, hvp, jacfwd, jacrev, jvp, vjp
from .autograd.tree import filled, tensors
from .autograd.vmap import vmap
from .core import Tensor
from .ops.create import zeros_like
from .ops.shape import stack

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "linearize",
           "stack_module_state",
           "vjp", "vmap"]  # fmt: skip


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with other parameters and buffers, by their names in the module, which stays as it was.

    A tensor that the module has under several names is replaced under all of them if `tie_weights`. `strict` wants every
    name. Raises KeyError for an unknown (or, if strict, a missing) name.
    """
    dicts = [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else parameter_and_buffer_dicts
    given = {name: x for d in dicts for name, x in d.items()}
    stores = [(path, s) for path, part in module.named_modules() for s in (part._parameters, part._buffers)]
    places = {f"{path}.{name}" if path else name: (store, name) for path, store in stores for name in store}
    unknown, missing = [n for n in given if n not in places], [n for n in places if n not in given]
    if unknown or (strict and missing):
        raise KeyError(f"functional_call: the module has no {', '.join(unknown)}" if unknown
                       else f"functional_call: with strict=True these are missing: {', '.join(missing)}")  # fmt: skip
    old = {name: store[key] for name, (store, key) in places.items()}
    tied = {id(old[name]): x for name, x in given.items()} if tie_weights else {}
    new = {name: given.get(name, tied.get(id(x), x)) for name, x in old.items()}
    try:
        for name, (store, key) in places.items():
            store[key] = new[name]
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))
    finally:
        for name, (store, key) in places.items():
            store[key] = old[name]


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """(func(*primals), push), where push(*tangents) is the derivative there along tangents: the `jvp`, for many tangents.

    `func` runs once: push is the pullback (`vjp`) of the pullback, which is linear.
    """
    output, pull = vjp(func, *primals)
    _, push = vjp(lambda *seeds: pull(filled(output, list(seeds))), *map(zeros_like, tensors(output)))

    def along(*tangents: Any) -> Any:
        """The derivative along one tangent for each primal."""
        return filled(output, list(push(tangents)))

    return output, along


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of several models of one kind, stacked in a new first dimension, for `vmap`.

    The stacked parameters are leaves that want gradients where the models' do. Raises ValueError for no models or models
    of different classes.
    """
    if not models or len({type(m) for m in models}) > 1:
        raise ValueError("stack_module_state: expected at least one model, all of one class")
    parameters: dict[str, Tensor] = {}
    for name, p in models[0].named_parameters():
        parameters[name] = stack([m.get_parameter(name).detach() for m in models]).requires_grad_(p.requires_grad)
    buffers = {name: stack([m.get_buffer(name) for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers
