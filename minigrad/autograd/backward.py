"""`backward` and `grad`: what users ask of backpropagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from ..backends import GradError, Rows, ShapeError, is_complex
from ..backends import dtype as as_dtype
from ..backends.source import advise
from ..core import Tensor, mode, node_of, propagate, walk
from ..ops.arithmetic import cast, clone, conjugate, where
from ..ops.create import full_like_op, ones, zeros, zeros_like
from ..ops.sparse import SparseTensor, from_rows
from ..ops.update import add_
from ..trace import Program, program_behind, resumed
from .nodes import AccumulateGrad, GradientEdge, with_multi_hooks
from .reached import note
from .vmap import vmap

PASS: ContextVar[Callable] = ContextVar("minigrad_pass", default=propagate)  # minigrad.teach puts a broken one in its place
BENT = {"where", "clamp", "relu", "pool", "places"}  # the last words of the names of ops that are linear piece by piece


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add d(sum of tensors * grad_tensors)/d(leaf) to `.grad` of every leaf behind `tensors`, or of `inputs` only.

    `inputs` may be tensors that are no leaves, too. `grad_variables` is the old name of grad_tensors. Raises GradError, before
    anything is changed, if a tensor has no graph, is no scalar and came without a gradient, or if a saved value was freed or
    overwritten.
    """
    if grad_variables is not None:
        advise("backward: grad_variables is deprecated. Use grad_tensors instead.")
        if grad_tensors is not None:
            raise GradError("backward: got grad_tensors and grad_variables, which are one. Hint: only grad_tensors")
        grad_tensors = grad_variables
    roots, seeds = rooted("backward", tensors, grad_tensors)
    wanted = None if inputs is None else listed(inputs)
    if wanted is not None and not wanted:
        raise GradError("backward: inputs is empty. Hint: leave it out to reach every leaf")
    keys = None if wanted is None else [key_of("backward", t) for t in wanted]
    keep = create_graph if retain_graph is None else retain_graph
    totals = passed(roots, seeds, keys, keep, create_graph)
    owners = dict(zip(keys, wanted, strict=True)) if keys is not None and wanted is not None else {}
    if create_graph:
        totals = dependent(totals, owners, roots)
    for key, g in totals.items():
        owner = owners.get(key, key)
        if isinstance(owner, Tensor) and (owner.wants or owner.requires_grad) and not owner.retains_grad:  # its hook keeps it
            accumulate(owner, g, create_graph)
    note(totals)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """d(sum of outputs * grad_outputs)/d(input) for each input, leaving every `.grad` alone.

    `create_graph` records the pass itself, for derivatives of higher order. `is_grads_batched` takes grad_outputs with a
    leading dimension of many. An input that the outputs don't depend on raises GradError, unless `allow_unused` (then
    None) or `materialize_grads` (then zeros).
    """
    wanted = listed(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: expected allow_unused to be True or not given with materialize_grads=True, got False")
    if not wanted:
        raise GradError("grad: inputs is empty. Hint: pass the tensors to differentiate by")
    if not only_inputs:
        advise("grad: only_inputs is deprecated and is ignored now (defaults to True). Use backward() to add to .grad.")
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return batched(listed(outputs), wanted, grad_outputs, keep, create_graph, allow_unused, materialize_grads)
    roots, seeds = rooted("grad", outputs, grad_outputs)
    keys = [key_of("grad", t) for t in wanted]
    totals = passed(roots, seeds, keys, keep, create_graph)
    totals = {key: from_rows(g.array) if type(g.array) is Rows else g for key, g in totals.items()}
    if create_graph:
        totals = dependent(totals, dict(zip(keys, wanted, strict=True)), roots)
    missing = [i for i, key in enumerate(keys) if key not in totals]
    if missing and not (allow_unused or materialize_grads):
        t, which = wanted[missing[0]], f"input {missing[0]}"
        which += f", of shape {tuple(t.shape)}," if isinstance(t, Tensor) else ""
        raise GradError(f"grad: {which} appears to not have been used in the graph. Hint: allow_unused=True gives None for it")
    return tuple(zeros_like(t, requires_grad=create_graph) if key not in totals and materialize_grads else totals.get(key)
                 for t, key in zip(wanted, keys, strict=True))  # fmt: skip


def passed(roots: list, seeds: list, keys: Any, keep: bool, create_graph: bool) -> dict[Any, Tensor]:
    """The gradients that a pass finds. It carries the conjugates of complex ones: see `ops.arithmetic.conjugate`."""
    found = with_multi_hooks(PASS.get(), roots, [*map(conjugate, seeds)], keys, keep, create_graph)
    if any(as_dtype(d).is_complex for d in {g.array.dtype for g in found.values()}):
        return {key: conjugate(g) for key, g in found.items()}
    return found


def batched(
    roots: list, wanted: list, given: Any, keep: bool, create_graph: bool, *unused: bool | None
) -> tuple[Tensor | None, ...]:
    """`grad` for many gradients at once, stacked in dimension 0 of the seeds: one pass, under `vmap`."""
    seeds = [None] if given is None else listed(given)
    if any(seed is None for seed in seeds):
        raise ValueError("grad: with is_grads_batched=True every output needs its gradients, stacked in dimension 0, in "
                         "grad_outputs, got None")  # fmt: skip
    nothing: list[bool] = []

    def one(*row: Tensor) -> tuple:
        found = grad(roots, wanted, row, keep, create_graph, True, unused[0], False, bool(unused[1]))
        nothing[:] = [g is None for g in found]
        return tuple(g for g in found if g is not None)

    with mode(grad=create_graph):
        rest = iter(vmap(one)(*seeds))
    return tuple(None if none else next(rest) for none in nothing)


def dependent(totals: dict[Any, Tensor], owners: dict, roots: list[Tensor]) -> dict[Any, Tensor]:
    """The gradients, each as a result of what it is by, even if constant near it: its derivative is 0 then, and not missing.

    As in PyTorch, that is so where a function has bends, such as relu. Where all is linear there is no second derivative.
    """
    if not any(node.op.name.split("_")[-1] in BENT for node in walk(filter(None, map(node_of, roots)))):
        return totals
    bits = {key: 1 << i for i, key in enumerate(totals)}
    behind = dict(bits)  # for a node the gradients' owners that it leads to, as bits
    for node in reversed(walk(filter(None, map(node_of, totals.values())))):
        for parent, rule in zip(node.parents, node.plan.rules, strict=True):
            if rule is not None:
                behind[node] = behind.get(node, 0) | behind.get(parent, 0)
    free = {key: x for key, g in totals.items()
            if isinstance(x := owners.get(key, key), Tensor) and not behind.get(node_of(g) or g, 0) & bits[key]}  # fmt: skip
    return totals | {key: where(ones((), dtype=bool, device=x.device), totals[key], x) for key, x in free.items()}


def accumulate(leaf: Tensor, g: Tensor, create_graph: bool) -> None:
    """leaf.grad += g: in place, as in PyTorch, unless the sum itself is to be differentiated."""
    if type(g.array) is Rows or type(leaf._grad) is SparseTensor:
        accumulate_rows(leaf, from_rows(g.array) if type(g.array) is Rows else g)
    elif leaf._grad is None:
        leaf._grad = clone(g) if leaf.__dict__.get("hooks") else g  # which a hook may have kept
    elif create_graph:
        leaf.grad = leaf.grad + g
    else:
        with mode(grad=False):
            add_(leaf._grad, g)
    if hooks := leaf.__dict__.get("accumulated"):
        with mode(grad=create_graph):  # as the pass itself: the leaf may be updated in place
            for hook in [*hooks.values()]:
                hook(leaf)


def accumulate_rows(leaf: Tensor, g: Tensor) -> None:
    """leaf.grad += g where one of them is the sparse gradient of some rows; the sum of a dense and a sparse one is dense."""
    with mode(grad=False):
        if leaf._grad is not None:
            sparse = type(leaf.grad) is SparseTensor and type(g) is not SparseTensor
            g = g + leaf.grad if sparse else leaf.grad + g
        leaf._grad = g


def listed(x: Any) -> list:
    """One tensor (or edge) or several, as a list."""
    return list(x) if hasattr(x, "__iter__") and not isinstance(x, (Tensor, GradientEdge)) else [x]


def rooted(who: str, tensors: Any, given: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors to start from, and the gradient of each. What an edge leads to is stood in for by zeros."""
    roots = [ended(x) if isinstance(x, GradientEdge) else x for x in listed(tensors)]
    return roots, seeds_of(who, roots, given)


def ended(edge: GradientEdge) -> Tensor:
    """What stands for the tensor that an edge belongs to: the leaf itself, else zeros with the edge's node."""
    node = edge.node
    if isinstance(node, AccumulateGrad):
        return node.variable
    return Tensor(zeros(*node.shape, dtype=as_dtype(node.dtype)).array, node)


def key_of(who: str, t: Any) -> Any:
    """What a tensor's gradient is filed under: its node, or the leaf itself."""
    if isinstance(t, GradientEdge):
        return t.node.variable if isinstance(t.node, AccumulateGrad) else t.node
    if not isinstance(t, Tensor):
        raise TypeError(f"{who}: inputs must be tensors, got {type(t).__name__}")
    if not t.requires_grad:
        raise GradError(f"{who}: One of the differentiated Tensors does not require grad (shape {tuple(t.shape)}). "
                        "Hint: .requires_grad_() before it is used")  # fmt: skip
    return node_of(t) or t


def seeds_of(who: str, roots: list, given: Any) -> list[Tensor]:
    """The gradients to start from: those given, or one for a scalar."""
    given = [None] * len(roots) if given is None else listed(given)
    if len(given) != len(roots):
        raise GradError(f"{who}: expected {len(roots)} gradients, one for each output, got {len(given)}")
    return [seed_of(who, i, root, seed) for i, (root, seed) in enumerate(zip(roots, given, strict=True))]


def seed_of(who: str, i: int, root: Any, seed: Any) -> Tensor:
    if not isinstance(root, Tensor):
        raise TypeError(f"{who}: expected tensors, got {type(root).__name__}")
    if not root.requires_grad:
        raise GradError(f"{who}: element {i} of tensors does not require grad and does not have a grad_fn. "
                        "Hint: set requires_grad=True on an input before the computation")  # fmt: skip
    if seed is None:
        if is_complex(root.array):
            raise GradError(f"{who}: grad can be implicitly created only for real scalar outputs, got {root.dtype!r}. "
                            "Hint: .abs() or .real, or pass gradient=")  # fmt: skip
        if root.array.size != 1:
            raise GradError(f"{who}: grad can be implicitly created only for scalar outputs, got shape {tuple(root.shape)}. "
                            "Hint: reduce with .sum() or pass gradient=")  # fmt: skip
        return full_like_op(root, value=1, dtype=root.dtype)
    if not isinstance(seed, Tensor):
        raise TypeError(f"{who}: a gradient must be a tensor or None, got {type(seed).__name__}. Hint: minigrad.tensor(...)")
    if seed.shape != root.shape:
        raise ShapeError(f"{who}: Mismatch in shape: the gradient must have the output's shape {tuple(root.shape)}, got "
                         f"{tuple(seed.shape)}")  # fmt: skip
    if is_complex(seed.array) != is_complex(root.array):
        raise GradError(f"{who}: a complex output needs a complex gradient, and a real one a real one. Mismatch in dtype: the "
                        f"output has {root.dtype!r}, the gradient {seed.dtype!r}")  # fmt: skip
    return seed if seed.dtype is root.dtype else cast(seed, dtype=root.dtype)


def _backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None,
    *, record: bool = False,
) -> Program | None:  # fmt: skip
    """Backpropagate from this tensor: see `minigrad.autograd.backward`.

    With `record=True` the pass is returned as a Program to draw or explore. Its forward part is recovered from the graph,
    so it has no module scopes, and knows of values those that some rule saved: `minigrad.record` keeps all of them.
    """
    if not record:
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)
        return None
    program = program_behind(self)
    program.keeps = True
    with resumed(program):
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)
    return program


Tensor.backward = _backward  # type: ignore[attr-defined]
