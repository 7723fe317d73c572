"""What users do with the graph itself, written once and run in minigrad and in PyTorch: gradients and their arguments, hooks of
every kind, nodes and edges, saved tensors, Functions, modes. Results are compared to the last bit of structure."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import as_torch

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

PROGRAMS: dict[str, Callable] = {}
REFUSED: dict[str, Callable] = {}


def program(run: Callable) -> Callable:
    PROGRAMS[run.__name__] = run
    return run


def refused(run: Callable) -> Callable:
    """Both raise, and of the same one of Python's kinds of error or of a kind below it."""
    REFUSED[run.__name__] = run
    return run


def told(x: Any) -> Any:
    """Tensors as shape, type, numbers and whether they want a gradient; nests as they are."""
    if hasattr(x, "requires_grad"):
        array = x.detach().numpy()
        return tuple(array.shape), str(array.dtype), np.round(array.astype(float), 9).tolist(), x.requires_grad
    if isinstance(x, dict):
        return {key: told(part) for key, part in x.items()}
    return [told(part) for part in x] if isinstance(x, (list, tuple)) else x


def outcome(run: Callable, m: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return told(run(m))


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_results(name: str) -> None:
    with as_torch.redirected():
        ours = outcome(PROGRAMS[name], minigrad)
    assert ours == outcome(PROGRAMS[name], torch)


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str) -> None:
    with pytest.raises(Exception) as theirs:
        outcome(REFUSED[name], torch)
    kinds = [kind for kind in (KeyError, TypeError, ValueError, RuntimeError) if theirs.errisinstance(kind)]
    with pytest.raises(kinds[0]):
        outcome(REFUSED[name], minigrad)


def numbers(m: Any, *size: int) -> Any:
    return m.arange(1.0, 1 + float(np.prod(size)), dtype=m.float64).reshape(*size) / 4


def leaf(m: Any, *size: int) -> Any:
    return numbers(m, *size).requires_grad_()


def function(m: Any, forward: Callable, backward: Callable, **more: Callable) -> Any:
    """A Function of two or more functions."""
    methods = {name: staticmethod(f) for name, f in {"forward": forward, "backward": backward, **more}.items() if f}
    return type("F", (m.autograd.Function,), methods)


def kept(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x**3


def cube(m: Any) -> Any:
    return function(m, kept, lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)


# -- grad and backward -----------------------------------------------------------------------------------------------------


@program
def zeros_for_an_unused_input(m):
    x, y = leaf(m, 3), leaf(m, 2)
    options = {"materialize_grads": True}
    return m.autograd.grad(x.sum(), (x, y), **options), m.autograd.grad(x.sum(), (x, y), create_graph=True, **options)[1]


@program
def several_outputs(m):
    x = leaf(m, 3)
    return m.autograd.grad([x.sum(), x * x, x], [x, x], grad_outputs=[None, numbers(m, 3), numbers(m, 3) * 2])


@program
def many_gradients_at_once(m):
    x, w = leaf(m, 3), leaf(m, 2)
    rows = m.eye(3, dtype=m.float64)
    first = m.autograd.grad(x**3, [x, w], rows, is_grads_batched=True, allow_unused=True, create_graph=True)
    return first[0].detach(), first[1], m.autograd.grad(first[0].sum(), x)


@refused
def many_gradients_free_the_graph(m):
    x = leaf(m, 3)
    y = x**2
    m.autograd.grad(y, x, m.eye(3, dtype=m.float64), is_grads_batched=True)
    m.autograd.grad(y.sum(), x)


@refused
def many_gradients_of_nothing(m):
    x = leaf(m, 3)
    m.autograd.grad([(x**2).sum(), x * x], x, [None, m.ones(4, 3, dtype=m.float64)], is_grads_batched=True)


@program
def only_inputs_is_ignored(m):
    x = leaf(m, 3)
    return m.autograd.grad((x**3).sum(), x, only_inputs=False)


@program
def old_name_of_grad_tensors(m):
    x = leaf(m, 3)
    m.autograd.backward(x * 2, grad_variables=numbers(m, 3))
    m.autograd.backward([x * 3], [numbers(m, 3)], None, False, None, [x])
    return x.grad


@program
def inputs_of_backward(m):
    x, w = leaf(m, 3), leaf(m, 3)
    h = x * 2
    h.retain_grad()
    (h * h * w).sum().backward(inputs=[h, w])
    return h.grad, x.grad, w.grad


@program
def only_what_is_asked_for_is_computed(m):
    calls = []

    def backward(ctx, g):
        calls.append(ctx.needs_input_grad)
        return g, g * 2

    x, w, u = leaf(m, 3), leaf(m, 3), leaf(m, 3)
    y = function(m, lambda ctx, a, b: a + 2 * b, backward).apply(x * 1, function(m, lambda ctx, a: a * 1, None).apply(w))
    return m.autograd.grad((y * u).sum(), [x, u]), calls


@program
def what_lies_behind_an_intermediate_is_left_alone(m):
    x, calls = leaf(m, 3), []
    h = function(m, kept, lambda ctx, g: (calls.append(1), 3 * ctx.saved_tensors[0] ** 2 * g)[1]).apply(x)
    h.register_hook(lambda g: g * 2)
    (g,) = m.autograd.grad((h * h).sum(), h)
    before = len(calls)
    return g, before, m.autograd.grad(h, x, g), len(calls)


@program
def what_lies_behind_an_intermediate_may_be_written(m):
    x = leaf(m, 3)
    h = (x * 1).exp()
    z = (h * 2).sum()
    with m.no_grad():
        h.mul_(2)
    return m.autograd.grad(z, h)


@refused
def gradient_of_another_shape(m):
    leaf(m, 3).grad = numbers(m, 2)


@refused
def gradient_of_another_type(m):
    leaf(m, 3).grad = numbers(m, 3).float()


@refused
def gradient_that_is_a_number(m):
    leaf(m, 3).grad = 1.0


@refused
def gradient_of_itself(m):
    x = leaf(m, 3)
    x.grad = x


@program
def gradient_given_and_deleted(m):
    x = leaf(m, 3)
    x.grad = numbers(m, 3)
    (x * 2).sum().backward()
    before = x.grad.clone()
    del x.grad
    return before, x.grad


# -- hooks on tensors --------------------------------------------------------------------------------------------------------


@program
def hooks_see_and_replace(m):
    x, seen = leaf(m, 3), []
    h = x * 2
    h.register_hook(lambda g: seen.append(g))
    h.register_hook(lambda g: g * 10)
    x.register_hook(seen.append)
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    (h * h).sum().backward()
    (x * x).sum().backward()  # adds to .grad in place, and leaves what the hooks have seen alone
    return seen, x.grad


@refused
def a_hook_that_changes_the_type(m):
    x = leaf(m, 3)
    x.register_hook(lambda g: g.float())
    x.sum().backward()


@refused
def a_hook_that_is_none(m):
    x = leaf(m, 3)
    x.register_hook(5)
    x.sum().backward()


@program
def what_is_kept_goes_along_with_a_write(m):
    x = leaf(m, 3)
    h, before = x * 2, []
    h.register_hook(before.append)
    h.retain_grad()
    h.mul_(3)
    h[0] = 0.0
    h.register_hook(lambda g: g * 5)
    h.sum().backward()
    return h.grad, before, x.grad


@program
def hooks_of_several_tensors(m):
    x, w, v, seen = leaf(m, 3), leaf(m, 3), leaf(m, 3), []
    handle = m.autograd.graph.register_multi_grad_hook((x, w, v), seen.append)
    (x * w).sum().backward()
    (x * w * v).sum().backward()
    handle.remove()
    (x * w * v).sum().backward()
    first = []
    m.autograd.graph.register_multi_grad_hook([x, w], lambda g: first.append(tuple(g.shape)), mode="any")
    (x * w).sum().backward()
    (x * 2).sum().backward()
    return seen, first


@refused
def hooks_of_several_tensors_in_an_unknown_mode(m):
    m.autograd.graph.register_multi_grad_hook((leaf(m, 3),), print, mode="some")


# -- nodes and edges ---------------------------------------------------------------------------------------------------------


@program
def names_of_nodes(m):
    x = leaf(m, 3)
    cubed = cube(m).apply(x)
    ys = (x * 2, x.clone(), x.exp(), x.sum(), x - 1, cubed, -x, x / 2, x.log_softmax(0).sigmoid())
    return [y.grad_fn.name() for y in ys], isinstance(cubed.grad_fn, m.autograd.graph.Node)


@program
def neighbours(m):
    x, c = leaf(m, 3), numbers(m, 3)
    node = (x.exp() * c).sum().grad_fn.next_functions[0][0]
    (up, at), constant = node.next_functions
    end = up.next_functions[0][0]
    same = (x * 2).grad_fn.next_functions[0][0]
    return node.name(), up.name(), at, constant, end.name(), end.variable is x, end.next_functions, end == same


@program
def hooks_of_nodes(m):
    x, w, c, seen = leaf(m, 3), leaf(m, 3), numbers(m, 3), []
    h, k = x * w, w * c
    h.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    k.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    k.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    h.grad_fn.register_prehook(lambda go: seen.append(go))
    (h + k).sum().backward()
    return seen, x.grad, w.grad


@program
def a_hook_of_a_node_replaces(m):
    x, w = leaf(m, 3), leaf(m, 3)
    h = x * w
    handle = h.grad_fn.register_hook(lambda gi, go: (gi[0] * 2, gi[1] * 3))
    h.sum().backward(retain_graph=True)
    handle.remove()
    h.sum().backward()
    return x.grad, w.grad


@program
def a_hook_of_a_node_in_second_derivatives(m):
    x, seen = leaf(m, 4, 3), []
    y = m.nn.functional.batch_norm(x, None, None, training=True)
    y.grad_fn.register_hook(lambda gi, go: seen.append(gi[0].requires_grad))
    (g,) = m.autograd.grad((y**3).sum(), x, create_graph=True)
    return m.autograd.grad((g**2).sum(), x), seen[:1]


@program
def hooks_where_a_graph_ends(m):
    x, seen = leaf(m, 3), []
    end = (x * 2).grad_fn.next_functions[0][0]
    end.register_prehook(lambda go: (go[0] * 2,))
    end.register_hook(lambda gi, go: seen.append((gi, go, x.grad.clone())))
    (x * 2).sum().backward()
    return seen, x.grad


@program
def what_hooks_have_seen_stays(m):
    x, w, seen = leaf(m, 3), leaf(m, 3), []
    layer = product(m, lambda a: a * 2)
    layer.register_full_backward_hook(lambda _, gi, go: seen.append((gi, go)))
    y = x + w
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))

    def backward(ctx, g):
        seen.append(g * 2)
        return seen[-1]

    z = function(m, lambda ctx, x: x * 2, backward).apply(x)
    for _ in range(2):
        (y.sum() + layer(w).sum() + z.sum()).backward(retain_graph=True)
    return seen, x.grad, w.grad


@program
def the_order_of_hooks(m):
    x, seen = leaf(m, 3), []
    y = x * 2
    y.grad_fn.register_hook(lambda gi, go: seen.append("after"))
    y.grad_fn.register_prehook(lambda go: (go[0] * 3,))
    y.retain_grad()
    y.grad_fn.register_prehook(lambda go: seen.append("before"))
    y.register_hook(lambda g: seen.append("tensor"))
    y.register_hook(lambda g: g * 5)
    x.register_hook(lambda g: seen.append("leaf"))
    y.sum().backward()
    return seen, y.grad, x.grad


@refused
def too_few_gradients_from_a_hook_of_a_node(m):
    h = leaf(m, 3) * leaf(m, 3)
    h.grad_fn.register_hook(lambda gi, go: gi[:1])
    h.sum().backward()


@program
def edges(m):
    x = leaf(m, 3)
    y = x * 2
    of = m.autograd.graph.get_gradient_edge
    m.autograd.backward(of(y), numbers(m, 3), retain_graph=True)
    return of(y).node is y.grad_fn, of(y).output_nr, m.autograd.grad((y * y).sum(), [of(y), of(x)]), x.grad


@refused
def edge_of_a_constant(m):
    m.autograd.graph.get_gradient_edge(numbers(m, 3))


@program
def what_a_node_saved(m):
    x = leaf(m, 3)
    y, z = x.exp(), x * numbers(m, 3)
    z.grad_fn.metadata["note"] = 1
    return y.grad_fn._saved_result, z.grad_fn._saved_other, x.pow(2).grad_fn._saved_self, z.grad_fn.metadata


@refused
def what_a_node_saved_is_freed(m):
    y = leaf(m, 3).exp()
    y.sum().backward()
    return y.grad_fn._saved_result


# -- saved tensors -----------------------------------------------------------------------------------------------------------


@program
def the_innermost_hooks_pack(m):
    x, seen = leaf(m, 3), []

    def block(name):
        return m.autograd.graph.saved_tensors_hooks(
            lambda v: (seen.append(name), v)[1], lambda v: (seen.append(f"-{name}"), v)[1]
        )

    with block("outer"):
        with block("inner"):
            y = x.exp()
        z = y.sin()
    z.sum().backward()
    return seen, x.grad


@program
def hooks_pack_what_a_function_saves(m):
    x, seen = leaf(m, 3), []
    with m.autograd.graph.saved_tensors_hooks(lambda v: (seen.append("in"), v)[1], lambda v: (seen.append("out"), v)[1]):
        y = cube(m).apply(x)
    y.sum().backward(retain_graph=True)
    once = list(seen)
    (g,) = m.autograd.grad(y.sum(), x, create_graph=True)
    return once, x.grad, g, m.autograd.grad(g.sum(), x)


@program
def saved_tensors_may_be_written(m):
    x = leaf(m, 3)
    with m.autograd.graph.allow_mutation_on_saved_tensors():
        h = x.clone()
        y, z = h.sin(), cube(m).apply(h)
        h.mul_(2)
        (y + z).sum().backward()
    return x.grad


@refused
def pack_that_writes(m):
    with m.autograd.graph.saved_tensors_hooks(lambda v: v.mul_(2), lambda v: v):
        leaf(m, 3).exp()


@refused
def unpack_that_gives_no_tensor(m):
    with m.autograd.graph.saved_tensors_hooks(lambda v: v, lambda v: 3):
        y = leaf(m, 3).exp()
    y.sum().backward()


@refused
def hooks_where_they_are_disabled(m):
    with m.autograd.graph.disable_saved_tensors_hooks("not here"), m.autograd.graph.save_on_cpu():
        pass


@refused
def a_write_out_of_sight(m):
    x = leaf(m, 3)
    h = x * 1
    y = h.exp() * h
    m.autograd.graph.increment_version([h])
    y.sum().backward()


# -- Function ----------------------------------------------------------------------------------------------------------------


@program
def vjp_is_another_name_of_backward(m):
    x = leaf(m, 3)
    function(m, lambda ctx, x: x * 2, None, vjp=lambda ctx, g: g * 2).apply(x).sum().backward()
    return x.grad


@refused
def both_backward_and_vjp(m):
    f = function(m, lambda ctx, x: x * 2, lambda ctx, g: g, vjp=lambda ctx, g: g)
    f.apply(leaf(m, 3)).sum().backward()


@program
def defaults_reach_setup_context(m):
    seen = []
    setup = {"setup_context": lambda ctx, inputs, output: seen.append(len(inputs))}
    x = leaf(m, 3)
    function(m, lambda x, k=2: x * k, lambda ctx, g: (g * 2, None), **setup).apply(x).sum().backward()
    return seen, x.grad


@refused
def dirty_and_not_returned(m):
    def forward(ctx, x):
        ctx.mark_dirty(x.mul_(2))
        return x * 1

    function(m, forward, lambda ctx, g: g).apply(leaf(m, 3) * 1)


@refused
def gradient_for_a_number(m):
    function(m, lambda ctx, x, k: x * k, lambda ctx, g: (g, g)).apply(leaf(m, 3), 2.0).sum().backward()


def tangents(m, materialize):
    seen = []

    def forward(ctx, x, w):
        ctx.set_materialize_grads(materialize)
        return x + w

    def jvp(ctx, v, u):
        seen.append(u)
        return v

    f = function(m, forward, lambda ctx, g: (g, g), jvp=jvp)
    with m.autograd.forward_ad.dual_level():
        y = f.apply(m.autograd.forward_ad.make_dual(numbers(m, 3), numbers(m, 3)), numbers(m, 3))
        return m.autograd.forward_ad.unpack_dual(y).tangent, seen


PROGRAMS["tangents that are zeros"] = lambda m: tangents(m, True)
PROGRAMS["tangents that are None"] = lambda m: tangents(m, False)


@refused
def too_many_tangents(m):
    f = function(m, lambda ctx, x: x * 2, lambda ctx, g: g, jvp=lambda ctx, v: (v, v))
    with m.autograd.forward_ad.dual_level():
        f.apply(m.autograd.forward_ad.make_dual(numbers(m, 3), numbers(m, 3)))


@program
def a_rule_of_its_own_for_vmap(m):
    def vmap(info, in_dims, x, k, w):
        at, same, rows = in_dims
        assert same is None
        x = x if at is None else x.movedim(at, 0)
        w = w if rows is None else w.movedim(rows, 0)
        return (x * w * k, (x.sum() if at is None else x.sum(-1)) + info.batch_size), (0, None if at is None else 0)

    f = function(m, lambda x, k, w: (x * w * k, x.sum()), None, vmap=vmap, setup_context=lambda ctx, inputs, output: None)
    x, w = numbers(m, 4, 3), numbers(m, 3)
    over = m.func.vmap(lambda x, w: f.apply(x, 2.0, w), in_dims=(0, None))
    return over(x, w), m.func.vmap(lambda x, w: f.apply(x, 2.0, w), in_dims=(1, None))(x.T, w), over(x, w)[0].sum()


@program
def edges_of_several_results(m):
    x, w = leaf(m, 3), numbers(m, 3)
    y, z = function(m, lambda ctx, x, w: (x * w, x + w), lambda ctx, g, h: (g + h, None)).apply(x * 1, w)
    ends = [[end if end is None else end.name() for end, _ in v.grad_fn.next_functions] for v in (y, z)]
    return ends, y.grad_fn.name(), z.grad_fn.name()


# -- modes -------------------------------------------------------------------------------------------------------------------


@program
def modes_are_classes(m):
    class Quiet(m.no_grad):
        pass

    with Quiet():
        inside = m.is_grad_enabled()
    return inside, isinstance(m.no_grad(), m.no_grad), m.autograd.grad_mode.no_grad is m.no_grad, m.set_grad_enabled(True).mode


@program
def a_mode_decorates_a_class(m):
    @m.no_grad()
    class Model:
        def __init__(self):
            self.made = (leaf(m, 2) * 2).requires_grad

        def call(self):
            return (leaf(m, 2) * 2).requires_grad

    return Model().made, Model().call()


@program
def set_grad_enabled_decorates_a_generator(m):
    @m.set_grad_enabled(False)
    def steps():
        yield m.is_grad_enabled()
        yield (leaf(m, 2) * 2).requires_grad

    return [(step, m.is_grad_enabled()) for step in steps()]


@program
def inference_mode_off_inside(m):
    with m.inference_mode():
        x = m.ones(2)
        with m.inference_mode(False):
            inside = m.is_inference_mode_enabled(), m.is_grad_enabled(), m.ones(2).is_inference(), (leaf(m, 2) * 2)
        with m.enable_grad():
            recorded = (leaf(m, 2) * 2).requires_grad
    with m.no_grad(), m.inference_mode(False):
        return inside, recorded, m.is_grad_enabled(), x[:1].is_inference(), (x + leaf(m, 2)).is_inference()


def inference_tensor(m):
    with m.inference_mode():
        return m.ones(2)


REFUSED |= {
    "an inference tensor that wants a gradient": lambda m: inference_tensor(m).requires_grad_(),
    "an inference tensor's version": lambda m: inference_tensor(m)._version,
    "an inference tensor saved": lambda m: inference_tensor(m) * leaf(m, 2).float(),
    "an inference tensor's view written": lambda m: inference_tensor(m)[:1].add_(1),
}


# -- modules -----------------------------------------------------------------------------------------------------------------


def product(m, forward):
    return type("Product", (m.nn.Module,), {"forward": lambda self, *args: forward(*args)})()


@program
def a_backward_hook_replaces_the_gradients_of_several_inputs(m):
    a, b, seen = leaf(m, 3), leaf(m, 3), []
    layer = product(m, lambda a, k, b: (a * k * b, a + b, b * 1))
    layer.register_full_backward_pre_hook(lambda _, go: (go[0] * 2, *go[1:]))
    layer.register_full_backward_hook(lambda _, gi, go: seen.append((gi, go)))
    layer.register_full_backward_hook(lambda _, gi, go: (gi[0] * 2, None, gi[2] * 3))
    y, z, _ = layer(a, 2.0, b)
    (y + z).sum().backward()
    return seen, a.grad, b.grad


@program
def a_backward_hook_where_an_input_is_not_used(m):
    a, b, c, seen = leaf(m, 3), leaf(m, 3), numbers(m, 3), []
    layer = product(m, lambda a, b, c: a * c)
    layer.register_full_backward_hook(lambda _, gi, go: seen.append((gi, go)))
    layer(a, b, c).sum().backward()
    return seen, a.grad, b.grad


@program
def a_backward_hook_of_a_dict_does_not_run(m):
    a, seen = leaf(m, 3), []
    layer = product(m, lambda a: {"y": a * 2})
    layer.register_full_backward_hook(lambda *all: seen.append(all))
    layer(a)["y"].sum().backward()
    return seen, a.grad


@refused
def a_backward_hook_that_gives_too_many(m):
    layer = product(m, lambda a: a * 2)
    layer.register_full_backward_hook(lambda _, gi, go: (gi[0], gi[0]))
    layer(leaf(m, 3)).sum().backward()
