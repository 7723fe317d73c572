"""`minigrad.func`: functions of functions. grad, vjp, jvp, jacrev, jacfwd, hessian, hvp and vmap nest in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .autograd.transforms import grad, grad_and_value, hessian, hvp, jacfwd, jacrev, jvp, left, vjp
from .autograd.tree import filled, tensors
from .autograd.vmap import vmap
from .core import Tensor
from .nn.norm import BatchNorm
from .ops.create import zeros_like
from .ops.shape import stack

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "linearize",
           "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]  # fmt: skip


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

    A tensor that the module has under several names is replaced under all of them if `tie_weights`. Names that the module
    does not have are left out of account; with `strict` they and missing ones raise RuntimeError. Raises ValueError for a
    name in several of the dicts, or for tied names with different tensors.
    """
    dicts = [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else parameter_and_buffer_dicts
    names = [name for d in dicts for name in d]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"functional_call: {', '.join(twice)} appeared in multiple dictionaries. Hint: in one only")
    given = {name: x for d in dicts for name, x in d.items()}
    stores = [(path, s) for path, part in module.named_modules() for s in (part._parameters, part._buffers)]
    places = {f"{path}.{name}" if path else name: (store, name) for path, store in stores for name in store}
    unknown, missing = [n for n in given if n not in places], [n for n in places if n not in given]
    if strict and (unknown or missing):
        facts = [f"{what}: {', '.join(n)}" for what, n in (("unexpected", unknown), ("missing", missing)) if n]
        raise RuntimeError(f"functional_call: with strict=True the names must be those of {type(module).__name__}, but some "
                           f"are {'; '.join(facts)}")  # fmt: skip
    given = {name: x for name, x in given.items() if name in places}
    old = {name: store[key] for name, (store, key) in places.items()}
    tied: dict[int, Any] = {}
    for name, x in given.items() if tie_weights else ():
        if old[name] is not None and tied.setdefault(id(old[name]), x) is not x:
            raise ValueError(f"functional_call: got different tensors for {name} and another name of the same tensor. "
                             "Hint: tie_weights=False")  # fmt: skip
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

    history = any(y.requires_grad for y in tensors(output))

    def along(*tangents: Any) -> Any:
        """The derivative along one tangent for each primal."""
        kept = history or any(t.requires_grad for t in tensors(tangents))
        return filled(output, [left(t, kept) for t in push(tangents)])

    return output, along


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let the batch norm layers of a module, itself included, keep no running statistics, since `vmap` can't write what
    differs between examples into what is one for all; they normalize by the batch then. In place; returns the module."""
    for module in root.modules():
        if isinstance(module, BatchNorm) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of several models of one kind, stacked in a new first dimension, for `vmap`.

    The stacked parameters are leaves that want gradients where the models' do. Raises RuntimeError for no models, or models
    of different classes or in different modes.
    """
    if not len(models) or len({type(m) for m in models}) > 1:
        got = ", ".join(sorted({type(m).__name__ for m in models})) or "none"
        raise RuntimeError(f"stack_module_state: expected at least one model, all of the same class, got {got}")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: expected all models in the same mode, but some are in training mode and some "
                           "in eval mode. Hint: model.eval() or model.train() on all")  # fmt: skip
    parameters: dict[str, Tensor] = {}
    for name, p in models[0].named_parameters():
        parameters[name] = stack([m.get_parameter(name).detach() for m in models]).requires_grad_(p.requires_grad)
    buffers = {name: stack([m.get_buffer(name) for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers
