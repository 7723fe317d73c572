"""Nodes, edges, hooks and saved tensors, with values that were worked out by hand; beside PyTorch in test_parity_graph.py."""

from __future__ import annotations

import gc
import weakref
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import autograd, func, nn, teach
from minigrad.autograd import Function, functional, grad, gradcheck, gradgradcheck, graph
from minigrad.autograd.checkpoint import checkpoint, set_checkpoint_debug_enabled, set_checkpoint_early_stop
from minigrad.backends import DTypeError, GradError, ShapeError
from minigrad.diagnose import explain, paths
from minigrad.nn import functional as F


def leaf(*values: float) -> minigrad.Tensor:
    return minigrad.tensor(values, dtype="float64", requires_grad=True)


# -- what is computed ------------------------------------------------------------------------------------------------------


class Counted(Function):
    """x w, and how often each gradient was computed."""

    calls: list = []

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        Counted.calls.append("both")
        return g * w, g * x


def test_rules_towards_nothing_that_is_asked_for_do_not_run() -> None:
    seen = []

    class Names(autograd.saving.Listener):
        def heard(self, op: Any, args: tuple, options: dict, output: Any, extras: Any) -> None:
            seen.append(op.name)

    x, w = leaf(1, 2), leaf(3, 4)
    y = (x * w.exp()).sum()
    with minigrad.core.listening(Names()):
        (g,) = grad(y, x)
    np.testing.assert_allclose(g.array, np.exp([3, 4]))
    assert seen.count("mul") == 1  # the gradient of exp(w), and what would follow from it, is not computed


def test_a_function_whose_last_input_is_not_asked_for() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    y = Counted.apply(x, w).sum()
    for _ in range(2):
        (g,) = grad(y, x, create_graph=True)
        assert g.tolist() == [3, 4]
    assert [h.tolist() for h in grad(y, [x, w])] == [[3, 4], [1, 2]]


def test_many_gradients_of_a_recurrent_layer() -> None:
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        layer = kind(2, 3).double()
        x = minigrad.randn(4, 1, 2, dtype="float64", requires_grad=True)
        y = layer(x)[0].sum((0, 1))
        wanted = [x, *layer.parameters()]
        together = grad(y, wanted, minigrad.eye(3, dtype="float64"), retain_graph=True, is_grads_batched=True)
        for k in range(3):
            alone = grad(y[k], wanted, retain_graph=True)
            for one, all_ in zip(alone, together, strict=True):
                np.testing.assert_allclose(all_.array[k], one.array, rtol=1e-9, atol=1e-12)


def test_forward_over_reverse_is_checked_by_every_input() -> None:
    a, b = minigrad.randn(2, 3, dtype="float64"), minigrad.randn(3, 2, dtype="float64")
    a, b = a.requires_grad_(), b.requires_grad_()
    assert gradgradcheck(lambda a, b: (a @ b).tanh(), (a, b), check_fwd_over_rev=True)
    singular = minigrad.tensor([[1.0, 2.0], [2.0, 4.0]], dtype="float64", requires_grad=True)
    assert gradgradcheck(minigrad.det, singular, check_fwd_over_rev=True)


def test_gradcheck_refuses_what_checks_nothing() -> None:
    x = leaf(1)
    for options, message in (({"check_backward_ad": False}, "at least one of"),
                             ({"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True}, "batched"),
                             ({"check_batched_forward_grad": True}, "batched_forward")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            gradcheck(minigrad.sin, x, **options)


def test_gradcheck_sees_a_gradient_that_does_not_depend_on_what_arrives() -> None:
    class Shifted(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 if bool((g != 0).any()) else minigrad.ones_like(g)

    with pytest.raises(autograd.GradcheckError, match="not multiplied by grad_output: of zeros it gave 1"):
        gradcheck(Shifted.apply, leaf(1, 2))


# -- .grad -------------------------------------------------------------------------------------------------------------------


def test_a_gradient_must_be_like_its_tensor() -> None:
    x = leaf(1, 2)
    with pytest.raises(ShapeError, match=r"the tensor's shape \(2,\), got \(3,\)"):
        x.grad = minigrad.ones(3, dtype="float64")
    with pytest.raises(DTypeError, match="float64, got minigrad.float32"):
        x.grad = minigrad.ones(2)
    with pytest.raises(TypeError, match="a tensor or None, got float"):
        x.grad = 1.0
    with pytest.raises(GradError, match="its own gradient"):
        x.grad = x
    assert x.grad is None
    x.grad = minigrad.ones(2, dtype="float64")
    del x.grad
    assert x.grad is None


# -- nodes -------------------------------------------------------------------------------------------------------------------


def test_hooks_of_a_node() -> None:
    x, w, seen = leaf(1, 2), leaf(3, 4), []
    y = x * w
    with y.grad_fn.register_hook(lambda gi, go: seen.append([g.tolist() for g in (*gi, *go)])):
        y.sum().backward(retain_graph=True)
    assert seen == [[[3, 4], [1, 2], [1, 1]]]
    handle = y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))
    y.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    x.grad = w.grad = None
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [60, 80] and w.grad is None
    handle.remove()
    assert [g.tolist() for g in grad(y.sum(), [x, w])] == [[6, 8], [2, 4]]


def test_hooks_of_nodes_in_every_kind_of_pass() -> None:
    x, seen = minigrad.randn(4, 3, dtype="float64", requires_grad=True), []
    y = F.batch_norm(x, None, None, training=True)
    (want,) = grad((y**3).sum(), x, retain_graph=True)
    y.grad_fn.register_hook(lambda gi, go: seen.append(gi[0].shape))
    with minigrad.record() as program:
        (recorded,) = grad((y**3).sum(), x, retain_graph=True)
    (first,) = grad((y**3).sum(), x, create_graph=True)
    assert len(program.calls) > 3 and len(seen) == 2
    for g in (recorded, first):
        np.testing.assert_allclose(g.detach().array, want.array, rtol=1e-9, atol=1e-12)
    before = len(seen)
    assert explain(y).worst < 1e-5 and len(seen) == before  # an explanation calls no hooks
    (second,) = grad((first**2).sum(), x)
    assert np.isfinite(second.array).all()


def test_a_hooked_node_makes_no_cycle() -> None:
    gc.disable()
    try:
        x = leaf(1, 2)
        y = x.exp()
        y.grad_fn.register_hook(lambda gi, go: None)
        grad(y.sum(), x, create_graph=True)
        gone = weakref.ref(y.grad_fn)
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_names_and_ends() -> None:
    x = leaf(1, 2)
    y = (x.log_softmax(0) * 2).sum()
    mul = y.grad_fn.next_functions[0][0]
    assert y.grad_fn.name() == "SumBackward0" and mul.name() == "MulBackward0" and mul.next_functions[1] == (None, 0)
    assert mul.next_functions[0][0].name() == "LogSoftmaxBackward0"
    end = graph.get_gradient_edge(x).node
    assert end.variable is x and end == (x * 1).grad_fn.next_functions[0][0] and hash(end) == hash(graph.AccumulateGrad(x))
    assert isinstance(mul, graph.Node) and mul.metadata is mul.metadata


def test_edges_stand_for_tensors() -> None:
    x = leaf(1, 2)
    y = x * 3
    edge = graph.get_gradient_edge(y)
    z = (y * y).sum()
    del y
    assert [g.tolist() for g in grad(z, [edge, graph.get_gradient_edge(x)])] == [[6, 12], [18, 36]]
    with pytest.raises(GradError, match="input 0 appears to not have been used"):
        grad(leaf(1), edge)
    with pytest.raises(GradError, match="expected a tensor that requires gradients, got shape"):
        graph.get_gradient_edge(minigrad.ones(2))


def test_what_a_node_saved() -> None:
    x = leaf(1, 2)
    y = x.exp() * 2
    exp = y.grad_fn.next_functions[0][0]
    np.testing.assert_allclose(exp._saved_result.detach().array, np.exp([1, 2]))
    assert exp._saved_result.requires_grad
    with pytest.raises(AttributeError, match="exp has not saved 'self'"):
        getattr(exp, "_saved_self")  # noqa: B009
    y.sum().backward()
    with pytest.raises(GradError, match="freed"):
        getattr(exp, "_saved_result")  # noqa: B009


def test_hooks_of_several_tensors() -> None:
    x, w, seen = leaf(1), leaf(2), []
    with graph.register_multi_grad_hook([x, w], lambda gs: seen.append([g and g.item() for g in gs])):
        (x * w).sum().backward()
        (x * 5).sum().backward()
        minigrad.ones(1, requires_grad=True).sum().backward()
    (x * w).sum().backward()
    assert seen == [[2, 1], [5, None]]


# -- saved tensors -----------------------------------------------------------------------------------------------------------


def test_what_hooks_on_saved_tensors_refuse() -> None:
    x = leaf(1, 2)
    with graph.saved_tensors_hooks(lambda v: v[:1], lambda v: v):
        y = x.exp().sum()
    with pytest.raises(ShapeError, match=r"of shape \(2,\), as was packed, got \(1,\)"):
        y.backward()
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        graph.save_on_cpu().__enter__()
    with (
        graph.saved_tensors_hooks(lambda v: v.mul_(2), lambda v: v),
        pytest.raises(RuntimeError, match="pack hook is modifying"),
    ):
        x.exp()
    assert minigrad.core.MODE.get() == minigrad.core.Mode()


def test_writes_that_are_allowed_and_one_that_is_told() -> None:
    x = leaf(0.5, 1)
    with graph.allow_mutation_on_saved_tensors():
        h = x * 1
        y = (h * h).sum()
        h.zero_()
        y.backward()
    assert x.grad.tolist() == [1, 2]
    h = x * 1
    y = (h * h).sum()
    graph.increment_version(h)
    with pytest.raises(GradError, match="modified by an inplace operation"):
        y.backward()


# -- checkpoint and transforms -----------------------------------------------------------------------------------------------


def test_a_checkpoint_casts_again_what_autocast_has_cast() -> None:
    layer = nn.Linear(3, 3)
    x = minigrad.randn(2, 3)
    with minigrad.autocast("cpu"):
        layer(x)  # caches the weight in bfloat16
        y = checkpoint(lambda x: layer(layer(x)).sin(), x, use_reentrant=False)
        want = layer(layer(x)).sin()
    (got,), (expected,) = grad(y.sum(), layer.weight), grad(want.sum(), layer.weight)
    assert y.dtype is minigrad.bfloat16 and got.dtype is minigrad.float32
    np.testing.assert_array_equal(got.array, expected.array)


def test_switches_of_checkpoint() -> None:
    x = leaf(1, 2)
    with set_checkpoint_early_stop(False), set_checkpoint_debug_enabled(True):
        y = checkpoint(minigrad.exp, x, use_reentrant=False)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.array, np.exp([1, 2]))


def test_nests_keep_their_types() -> None:
    nest = defaultdict(list, {"a": leaf(1, 2).detach()})
    found = func.grad(lambda d: (d["a"] ** 2).sum())(nest)
    assert type(found) is defaultdict and found["a"].tolist() == [2, 4] and found["b"] == []


def test_linearize_has_no_history_of_its_own() -> None:
    x, t = leaf(0.5, 1).detach(), leaf(2, 3)
    y, push = func.linearize(minigrad.sin, x)
    assert not y.requires_grad and not push(t.detach()).requires_grad
    np.testing.assert_allclose(grad(push(t).sum(), t)[0].array, np.cos([0.5, 1]))


def test_batch_norm_without_running_statistics() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.ReLU()).double()
    assert func.replace_all_batch_norm_modules_(model) is model and model[0].running_mean is None
    x = minigrad.randn(3, 4, 2, dtype="float64")
    for one, all_ in zip(x, func.vmap(model)(x), strict=True):
        np.testing.assert_allclose(all_.detach().array, model(one).detach().array, rtol=1e-12)


@pytest.mark.parametrize(
    ("run", "kind", "message"),
    [
        (lambda x: func.grad(minigrad.sum, ())(x), RuntimeError, "argnums must be int or Tuple"),
        (lambda x: func.grad(minigrad.sum, "x")(x), RuntimeError, "argnums must be int or Tuple"),
        (lambda x: func.jacfwd(minigrad.sin, 3)(x), RuntimeError, "got argnum 3, but only 1"),
        (lambda x: func.jacrev(minigrad.sin, chunk_size=0)(x), ValueError, "jacrev: chunk_size must be"),
        (lambda x: func.vjp(lambda x: (x, x), x)[1]([x, x]), GradError, r"output, \(\*, \*\), got \[\*, \*\]"),
        (lambda x: func.stack_module_state([]), RuntimeError, "at least one model"),
        (lambda x: func.stack_module_state([nn.ReLU(), nn.ReLU().eval()]), RuntimeError, "in the same mode"),
        (lambda x: functional.jacobian(minigrad.sin, minigrad.arange(2)), GradError, "inputs must be floating tensors"),
        (lambda x: functional.jacobian(minigrad.sin, 3.0), TypeError, "inputs must be a tensor or .*, got float"),
        (lambda x: functional.vjp(lambda x: 3.0, x), TypeError, "the outputs of the function must be .*, got float"),
        (lambda x: functional.jacobian(minigrad.sin, x, strict=True, vectorize=True), RuntimeError, "supported together"),
        (lambda x: functional.jacobian(lambda x: 2 * x, x, True, True), GradError, "that by input 0 does not"),
        (lambda x: functional.hvp(minigrad.sum, x, x, strict=True), GradError, "that by input 0 does not"),
    ],
)  # fmt: skip
def test_refused(run: Any, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        run(minigrad.ones(2))


# -- explained ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)])
def test_paths_of_other_norms(layer: nn.Module) -> None:
    rng = np.random.default_rng(0)
    layer = layer.double()
    for p in layer.parameters():
        p.data = minigrad.tensor(rng.standard_normal(tuple(p.shape)))
    x, g = (minigrad.tensor(rng.standard_normal((3, 4, 2, 5))) for _ in range(2))
    y = layer(x.requires_grad_())
    found = explain(y, g).paths
    (want,) = grad(y, x, g, retain_graph=True)
    assert set(found.parts) == {"direct", "through the mean", "through the variance"}
    np.testing.assert_allclose(sum(part.array for part in paths(y, g).parts.values()), want.array, rtol=1e-9, atol=1e-11)
    for rule, without in {"mean path": "through the mean", "variance path": "through the variance"}.items():
        with teach.broken(rule):
            (broken,) = grad(y, x, g, retain_graph=True)
        assert not np.allclose(broken.array, want.array)
        if rule == "variance path":  # the mean's path leads through the variance too, and there it comes to zero
            np.testing.assert_allclose(broken.array, want.array - found.parts[without].array, rtol=1e-8, atol=1e-10)


def test_symmetric_matrices_are_moved_symmetrically() -> None:
    a = minigrad.tensor([[2.0, 0.5], [0.5, 3.0]], dtype="float64", requires_grad=True)
    told = explain(minigrad.linalg.cholesky(a))
    assert told.worst < 1e-5 and np.allclose(told.differences["x"], told.gradients["x"].reshape(-1), atol=1e-6)
    values, vectors = minigrad.linalg.eigh(a)
    (node,) = {end for end, _ in values.grad_fn.next_functions if getattr(end, "op", None)}
    assert explain(node).op == "eigenvectors" and explain(node).worst < 1e-4


def test_a_number_on_the_left_comes_second_in_the_graph() -> None:
    a = minigrad.ones(2, requires_grad=True)
    for y in (2 * a.sin(), 1 + a.sin()):
        (sine, _), number = y.grad_fn.next_functions
        assert number == (None, 0) and sine.next_functions[0][0].variable is a
