"""Optimizers: what they refuse, what they keep, and that a recorded step replays like the eager loop."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, autograd, optim
from minigrad.backends import GradError
from minigrad.optim.packed import SMALL
from minigrad.trace import record

NAN = float("nan")
MORE = [optim.RMSprop, optim.Adagrad, optim.Adadelta, optim.Adamax, optim.NAdam, optim.RAdam]
ALL = [optim.SGD, optim.Adam, optim.AdamW, *MORE, optim.ASGD, optim.Rprop, optim.Adafactor, optim.SparseAdam]


def leaf(*shape: int, seed: int = 0) -> Any:
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def with_grad(p: Any, value: float = 1.0) -> Any:
    p.grad = minigrad.full_like(p.detach(), value)
    return p


@pytest.mark.parametrize(("make", "options", "error", "message"), [
    (optim.SGD, dict(lr=-0.1), ValueError, "SGD: Invalid lr: expected a finite number >= 0, got -0.1"),
    (optim.SGD, dict(lr=NAN), ValueError, "Invalid lr.*nan"),
    (optim.SGD, dict(lr=float("inf")), ValueError, "Invalid lr.*inf"),
    (optim.ASGD, dict(weight_decay=-1), ValueError, "ASGD: Invalid weight_decay"),
    (optim.ASGD, dict(t0="1"), TypeError, "ASGD: t0 must be a number"),
    (optim.Rprop, dict(etas=(1.2, 0.5)), ValueError, "Rprop: Invalid eta values: expected 0 < etas"),
    (optim.Adafactor, dict(d=0.5), ValueError, "Adafactor: Invalid d: expected a finite number >= 1"),
    (optim.Adafactor, dict(beta2_decay=0.1), ValueError, "beta2_decay should be <= 0, got 0.1"),
    (optim.Adafactor, dict(eps=1e-8), TypeError, "Adafactor: eps must be two numbers, of which the first may be None"),
    (optim.Adafactor, dict(eps=(None, -1)), ValueError, "Adafactor: Invalid eps"),
    (optim.Muon, dict(adjust_lr_fn="adam"), ValueError, "function 'adam' is not supported. Hint: None, 'original'"),
    (optim.Muon, dict(ns_coefficients=(1, 2)), ValueError, "exactly 3 values"),
    (optim.Muon, dict(ns_steps=100), ValueError, "Muon: Invalid ns_steps"),
    (optim.SparseAdam, dict(lr=0.0), ValueError, "SparseAdam: Invalid lr: expected a number > 0"),
    (optim.Rprop, dict(step_sizes=3), TypeError, "Rprop: step_sizes must be two numbers, got 3"),
    (optim.SGD, dict(lr="0.1"), TypeError, "lr must be a number, got str"),
    (optim.SGD, dict(lr=None), TypeError, "lr must be a number, got NoneType"),
    (optim.SGD, dict(lr=True), TypeError, "lr must be a number, got bool"),
    (optim.SGD, dict(momentum=-1), ValueError, "Invalid momentum"),
    (optim.SGD, dict(momentum=NAN), ValueError, "Invalid momentum"),
    (optim.SGD, dict(dampening=NAN), ValueError, "Invalid dampening"),
    (optim.SGD, dict(weight_decay=-1e-9), ValueError, "Invalid weight_decay"),
    (optim.SGD, dict(nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
    (optim.SGD, dict(nesterov=True, momentum=0.9, dampening=0.1), ValueError, "Nesterov momentum requires"),
    (optim.SGD, dict(maximize=1), TypeError, "maximize must be True or False, got int 1"),
    (optim.SGD, dict(differentiable=True), ValueError, "differentiable=True is not supported"),
    (optim.Adam, dict(betas=(0.9, 1.0)), ValueError, "Invalid beta parameter at index 1.*>= 0 and < 1, got 1.0"),
    (optim.Adam, dict(betas=(NAN, 0.9)), ValueError, "Invalid beta parameter at index 0"),
    (optim.Adam, dict(betas=0.9), TypeError, "betas must be two numbers"),
    (optim.Adam, dict(betas=(0.9, 0.99, 0.999)), TypeError, "betas must be two numbers"),
    (optim.Adam, dict(eps=-1), ValueError, "Adam: Invalid eps"),
    (optim.AdamW, dict(weight_decay=NAN), ValueError, "AdamW: Invalid weight_decay"),
    (optim.AdamW, dict(amsgrad="yes"), TypeError, "amsgrad must be True or False"),
])  # fmt: skip
def test_bad_options_are_refused_when_given(make: Any, options: dict, error: type, message: str) -> None:
    p = leaf(2, 1)
    with pytest.raises(error, match=message):
        make([p], **options)
    optimizer = make([p])
    with pytest.raises(error, match=message):
        optimizer.add_param_group({"params": [leaf(2, 1)], **options})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("make", ALL)
def test_bad_parameters(make: Any) -> None:
    p = leaf(2)
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        make([])
    with pytest.raises(TypeError, match=r"params must be an iterable of tensors or dicts, got Tensor. Hint: \[params\]"):
        make(p)
    with pytest.raises(TypeError, match="got int"):
        make(3)
    with pytest.raises(TypeError, match="an order, which a set has not"):
        make({p})
    with pytest.raises(TypeError, match="can only optimize tensors, parameter 1 is a ndarray"):
        make([p, np.zeros(2)])
    with pytest.raises(ValueError, match="can't optimize a non-leaf tensor, parameter 0 is the output of mul"):
        make([p * 2])
    with pytest.raises(ValueError, match="some parameters appear more than once: parameter 1"):
        make([p, p])
    with pytest.raises(ValueError, match="some parameters appear more than once"):
        make([{"params": [p]}, {"params": p}])
    with pytest.raises(TypeError, match="a dict with the key 'params'"):
        make([p]).add_param_group({"lr": 1.0})
    with pytest.raises(ValueError, match="either all parameters of a group have names or none"):
        make([("a", p), leaf(3)])


def test_a_bad_gradient_changes_nothing() -> None:
    p, q = with_grad(leaf(2)), leaf(3)
    optimizer, before = optim.Adam([p, q]), p.tolist()
    q.grad = minigrad.zeros(3, dtype="float64")
    with pytest.raises(TypeError, match="grad: expected a tensor or None, got ndarray"):
        q.grad = np.zeros(3)
    for other, error, message in [  # that it fits is known where it is set; the parameter may change afterwards
        (minigrad.zeros(1, dtype="float64"), RuntimeError, r"its parameter's shape \(1,\), got \(3,\)"),
        (minigrad.zeros(3), TypeError, "its parameter's type minigrad.float32, got minigrad.float64"),
    ]:
        q.data = other
        with pytest.raises(error, match=message):
            optimizer.step()
        assert p.tolist() == before
        assert not optimizer.state


def test_zero_grad() -> None:
    p = with_grad(leaf(2))
    optimizer = optim.SGD([p])
    g = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    assert g.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None


def test_closure_runs_with_gradients_and_its_loss_is_returned() -> None:
    p = leaf(2)
    optimizer = optim.SGD([p], lr=0.1)

    def closure() -> Any:
        loss = (p * p).sum()
        loss.backward()
        return loss

    with minigrad.no_grad():
        first = optimizer.step(closure)
    assert first.requires_grad
    optimizer.zero_grad()
    assert optimizer.step(closure).item() < first.item()
    assert optimizer.step() is None


def test_an_error_in_the_closure_comes_through_and_restores_the_mode() -> None:
    def closure() -> None:
        raise KeyError("mine")

    with minigrad.no_grad(), pytest.raises(KeyError, match="mine"):
        optim.SGD([leaf(2)]).step(closure)
    assert minigrad.is_grad_enabled()


def test_a_step_between_forward_and_backward_is_noticed() -> None:
    p = with_grad(leaf(2))
    loss = (p * p).sum()
    optim.SGD([p]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_step_marks_the_state_as_written() -> None:
    p = with_grad(leaf(2))
    optimizer = optim.Adam([p], amsgrad=True)
    optimizer.step()
    before = {name: x._version for name, x in optimizer.state[p].items()}
    optimizer.step()
    assert {name: x._version for name, x in optimizer.state[p].items()} == {name: n + 1 for name, n in before.items()}


def test_parameters_with_names() -> None:
    p, q = leaf(2), leaf(3)
    groups = optim.SGD([("weight", p), ("bias", q)]).param_groups
    assert groups[0]["param_names"] == ["weight", "bias"]
    assert groups[0]["params"][1] is q
    with pytest.raises(ValueError, match="parameter bias is the output of neg"):
        optim.SGD([("weight", p), ("bias", -q)])


@pytest.mark.parametrize("options", [dict(momentum=0.9), dict(momentum=0.9, dampening=0.5)])
def test_sgds_buffer_starts_as_the_gradient(options: dict) -> None:
    p = with_grad(leaf(4), 0.3)
    optimizer = optim.SGD([p], **options)
    optimizer.step()
    np.testing.assert_allclose(optimizer.state[p]["momentum_buffer"].numpy(), 0.3, rtol=1e-15)


@pytest.mark.parametrize(("make", "options"), [
    (optim.SGD, dict(lr=0.1)),
    (optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.1)),
    (optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.4)),
    (optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    (optim.Adam, dict(lr=0.1, amsgrad=True)),
    (optim.AdamW, dict(lr=0.1, maximize=True)),
    (optim.RMSprop, dict(centered=True, momentum=0.9)),
    *[(make, {}) for make in MORE],
])  # fmt: skip
def test_a_recorded_step_replays_like_the_eager_loop(make: Any, options: dict) -> None:
    """The very first step is recorded, with the optimizer's state made in it, then played 20 times on new data."""
    data = [minigrad.tensor(x) for x in np.random.default_rng(5).standard_normal((21, 6, 4))]

    def step(p: Any, optimizer: Any, x: Any) -> Any:
        optimizer.zero_grad()
        loss = ((x @ p).tanh() ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    p, q = leaf(4, 2), leaf(4, 2)
    eager, played = make([p], **options), make([q], **options)
    losses = [step(p, eager, x).item() for x in data]
    with record(data[0]) as program:
        loss = step(q, played, data[0])
    again = [loss.item(), *(program.run(x)[loss].item() for x in data[1:])]
    np.testing.assert_allclose(again, losses, rtol=0, atol=1e-12)
    np.testing.assert_allclose(q.detach().numpy(), p.detach().numpy(), rtol=0, atol=1e-12)
    for name, x in eager.state[p].items():
        np.testing.assert_allclose(played.state[q][name].numpy(), x.numpy(), rtol=0, atol=1e-12)


def test_a_learning_rate_in_a_tensor_can_change_inside_a_recorded_step() -> None:
    p, lr = with_grad(minigrad.zeros(2, requires_grad=True)), minigrad.tensor(1.0)
    optimizer = optim.SGD([p], lr=lr)
    with record() as program:
        optimizer.step()
    lr.fill_(10.0)
    program.run()
    assert p.tolist() == [-11, -11]


@pytest.mark.parametrize("make", ALL)
def test_restored_training_goes_on_bit_for_bit(make: Any) -> None:
    def train(p: Any, optimizer: Any, n: int) -> None:
        for _ in range(n):
            optimizer.zero_grad()
            ((p - 1) ** 2).sum().backward()
            optimizer.step()

    options: dict = dict(momentum=0.9) if make is optim.SGD else {}
    p = leaf(3)
    whole = make([p], lr=0.1, **options)
    train(p, whole, 5)
    q = p.detach().clone().requires_grad_()
    rest = make([q])
    rest.load_state_dict(whole.state_dict())
    train(p, whole, 5)
    train(q, rest, 5)
    assert q.tolist() == p.tolist()
    assert rest.param_groups[0]["lr"] == 0.1


def test_load_state_dict_is_all_or_nothing() -> None:
    p, q = with_grad(leaf(2)), with_grad(leaf(3))
    optimizer = optim.Adam([p, q])
    optimizer.step()
    good, before = copy.deepcopy(optimizer.state_dict()), repr(optimizer.state_dict())

    def bad(change: Any) -> dict:
        state = copy.deepcopy(good)
        change(state)
        return state

    for change, message in [
        (lambda s: s.pop("state"), "expected a dict with 'state' and 'param_groups'"),
        (lambda s: s["param_groups"].append(s["param_groups"][0]), r"have \[2, 2\] parameters, the optimizer's \[2\]"),
        (lambda s: s["param_groups"][0].update(params=[0]), r"have \[1\] parameters, the optimizer's \[2\]"),
        (lambda s: s["param_groups"][0].update(lr=-1.0), "Invalid lr"),
        (
            lambda s: s["state"][1].update(exp_avg=minigrad.zeros(7)),
            r"exp_avg of parameter 1: expected shape \(3,\), got \(7,\)",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(bad(change))
        assert repr(optimizer.state_dict()) == before


def test_loaded_state_is_a_copy_in_the_parameters_type() -> None:
    p = with_grad(leaf(2))
    one = optim.Adam([p])
    one.step()
    small = minigrad.zeros(2, requires_grad=True)
    other = optim.Adam([small])
    other.load_state_dict(one.state_dict())
    mine = other.state[small]
    assert {name: str(x.dtype) for name, x in mine.items()} == dict.fromkeys(
        ("step", "exp_avg", "exp_avg_sq"), "minigrad.float32"
    )
    one.step()
    assert mine["step"].item() == 1


def test_half_precision_counts_steps_beyond_2048() -> None:
    p = minigrad.zeros(2, dtype="float16", requires_grad=True)
    p.grad = minigrad.full((2,), 1.0, dtype="float16")
    optimizer = optim.Adam([p], lr=0.0)
    optimizer.step()
    optimizer.state[p]["step"].fill_(2048)
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 2049


def test_an_optimizer_of_a_users_own_may_keep_what_pytorchs_lbfgs_keeps() -> None:
    class Own(optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.5})
            self._params = self.param_groups[0]["params"]

        def step(self, closure: Any = None) -> None:
            for p in self._params:
                p.data.add_(p.grad, alpha=-minigrad.tensor(self.param_groups[0]["lr"]))

    p = minigrad.nn.Parameter(minigrad.ones(2))
    optimizer = Own([p])
    (p**2).sum().backward()
    optimizer.step()
    assert p.tolist() == [0, 0] and optimizer.state_dict()["param_groups"][0]["params"] == [0]


def test_an_optimizer_of_ones_own() -> None:
    class Sign(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, dict(lr=lr))

        def update(self, p: Any, g: Any, group: dict) -> None:
            p.sub_(group["lr"] * g.sign())

    p = with_grad(minigrad.zeros(2, requires_grad=True), -3.0)
    Sign([p], 0.5).step()
    assert p.tolist() == [0.5, 0.5]
    with pytest.raises(NotImplementedError, match="must define update"):
        optim.Optimizer([p], {}).step()


@pytest.mark.parametrize("make", MORE)
def test_the_further_optimizers_refuse_bad_options(make: Any) -> None:
    for options, error, message in [
        (dict(lr=-1.0), ValueError, "Invalid lr"), (dict(eps=NAN), ValueError, "Invalid eps"),
        (dict(weight_decay="1"), TypeError, "weight_decay must be a number"), (dict(maximize=1), TypeError, "maximize must be"),
        (dict(differentiable=True), ValueError, "differentiable=True is not supported"),
    ]:  # fmt: skip
        with pytest.raises(error, match=f"{make.__name__}: .*{message}"):
            make([leaf(2)], **options)


def test_lbfgs_refuses_and_says_that_it_cant_be_replayed() -> None:
    p = leaf(3)
    for options, message in [
        (dict(max_iter=0), "max_iter"), (dict(line_search_fn="armijo"), "must be None or 'strong_wolfe'"), (dict(lr=NAN), "lr"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"LBFGS: .*{message}"):
            optim.LBFGS([p], **options)
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [p]}, {"params": [leaf(2)]}])
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    with pytest.raises(TypeError, match="needs a closure"):
        optimizer.step()

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((p - 2) ** 2).sum()
        loss.backward()
        return loss

    with record() as program:
        optimizer.step(closure)
    np.testing.assert_allclose(p.tolist(), [2, 2, 2], atol=1e-6)
    with pytest.raises(RuntimeError, match="LBFGS chooses its moves"):
        program.run()


def test_step_hooks_run_once_and_can_replace_the_arguments() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            super().step()
            return super().step(closure)

    p, seen = with_grad(minigrad.zeros(1, requires_grad=True)), []
    optimizer = Twice([p], lr=1.0)
    optimizer.register_step_pre_hook(lambda o, args, options: ((o, lambda: seen.append("closure")), options))
    handle = optimizer.register_step_post_hook(lambda o, args, options: seen.append("after"))
    optimizer.step()
    assert seen == ["closure", "after"]
    handle.remove()
    optimizer.step()
    assert seen == ["closure", "after", "closure"]
    assert p.tolist() == [-4]


def test_memory_is_flat_and_unused_parameters_get_no_state() -> None:
    p, q = with_grad(leaf(2)), leaf(2)
    optimizer = optim.SGD([p, q], momentum=0.9)
    optimizer.step()
    buf = optimizer.state[p]["momentum_buffer"].array
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].array is buf
    assert q not in optimizer.state
    assert autograd.is_grad_enabled()


# -- packs: small parameters updated together -----------------------------------------------------------------------------


def small_and_large() -> list[Tensor]:
    """Parameters that fit into a pack, and one that is too large."""
    minigrad.manual_seed(0)
    return [minigrad.randn(*size).requires_grad_() for size in ((3, 4), (4,), (), (SMALL + 1,), (2, 1, 2))]


def trained(make: Callable, steps: int, packs: bool, missing: int | None = None) -> tuple[list[Tensor], Any]:
    """Parameters after some steps, in packs or one by one; in step `missing` the second has no gradient."""
    params = small_and_large()
    optimizer = make(params)
    type(optimizer).elementwise, before = packs, type(optimizer).elementwise
    try:
        for step in range(steps):
            for k, p in enumerate(params):
                p.grad = None if k == 1 and step == missing else (p.detach() * (0.1 * step + 1)).sin()
            optimizer.step()
    finally:
        type(optimizer).elementwise = before
    return params, optimizer


PACKED = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.1),
    "SGD momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "Adam": lambda ps: optim.Adam(ps, lr=0.1, weight_decay=0.01, amsgrad=True),
    "AdamW": lambda ps: optim.AdamW(ps, lr=0.1),
    "RMSprop": lambda ps: optim.RMSprop(ps, lr=0.1, momentum=0.5, centered=True),
    "Adagrad": lambda ps: optim.Adagrad(ps, lr=0.1),
    "Adadelta": lambda ps: optim.Adadelta(ps, lr=0.1),
    "Adamax": lambda ps: optim.Adamax(ps, lr=0.1),
    "NAdam": lambda ps: optim.NAdam(ps, lr=0.1),
    "RAdam": lambda ps: optim.RAdam(ps, lr=0.1),
    "Rprop": lambda ps: optim.Rprop(ps, lr=0.1),
}


@pytest.mark.parametrize("missing", [None, 0, 4])
@pytest.mark.parametrize("name", PACKED)
def test_a_pack_steps_as_its_parameters_would(name: str, missing: int | None) -> None:
    alone, one = trained(PACKED[name], 8, False, missing)
    together, other = trained(PACKED[name], 8, True, missing)
    counts = missing is not None and "step" in other.state.get(together[0], {})  # no longer one count for all
    assert not one.packs.packs and len(other.packs.packs) == (not counts)
    for p, q in zip(alone, together, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    first, second = one.state_dict()["state"], other.state_dict()["state"]
    assert first.keys() == second.keys()
    for k in first:
        assert first[k].keys() == second[k].keys()
        for key in first[k]:
            np.testing.assert_array_equal(first[k][key].detach().numpy(), second[k][key].detach().numpy())


def test_a_loaded_copied_or_replaced_state_is_what_counts() -> None:
    _, fresh = trained(PACKED["Adam"], 3, True)
    saved = copy.deepcopy(fresh.state_dict())
    params, optimizer = trained(PACKED["Adam"], 6, True)
    optimizer.load_state_dict(saved)
    other = copy.deepcopy(optimizer)
    for p in [*params, *other.param_groups[0]["params"]]:
        p.grad = minigrad.ones_like(p)
    for each in (optimizer, other):
        each.step()
        each.step()
        assert all(float(values["step"]) == 5 for values in each.state.values())
    for p, q in zip(params, other.param_groups[0]["params"], strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    optimizer.state[params[0]]["exp_avg"] = minigrad.zeros_like(params[0])
    g = 1 + 0.01 * params[0].detach().numpy()
    optimizer.step()
    np.testing.assert_allclose(optimizer.state[params[0]]["exp_avg"].numpy(), 0.1 * g, rtol=1e-6)


@pytest.mark.parametrize("name", PACKED)
def test_a_parameter_of_two_without_a_gradient_is_not_counted_on(name: str) -> None:
    results = []
    for together in (True, False):
        params = [leaf(3, seed=1), leaf(2, seed=2)]
        ones = [PACKED[name](params)] if together else [PACKED[name]([p]) for p in params]
        for step in range(12):
            for p in params:
                p.grad = None if p is params[0] and step % 5 == 4 else (p.detach() * (0.1 * step + 1)).sin()
            for one in ones:
                one.step()
        results.append([p.detach().numpy() for p in params])
    for p, q in zip(*results, strict=True):
        np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_packed_optimizer_goes_on_as_it_does(copied: Callable) -> None:
    params, optimizer = trained(PACKED["Adam"], 5, True)
    others, other = copied((params, optimizer))
    for p, q in zip(params, others, strict=True):
        p.grad, q.grad = minigrad.ones_like(p), minigrad.ones_like(p)
    for one in (optimizer, other, optimizer, other):
        one.step()
    for p, q in zip(params, others, strict=True):
        assert float(other.state[q]["step"]) == 7
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_copied_optimizer_is_known_to_train_its_parameters(recwarn: Any) -> None:
    model = minigrad.nn.Linear(2, 2)
    model, optimizer = copy.deepcopy((model, optim.SGD(model.parameters(), lr=0.1)))
    model(minigrad.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not recwarn.list


def test_a_packed_step_counts_as_a_write() -> None:
    params = small_and_large()[:2]
    optimizer = optim.SGD(params, lr=0.1)
    for _ in range(3):
        y = (params[0] * params[0]).sum()
        for p in params:
            p.grad = minigrad.ones_like(p)
        optimizer.step()
        with pytest.raises(GradError, match="modified by an inplace operation"):
            y.backward()


def test_a_recorded_step_after_packed_ones_is_drawn_parameter_by_parameter() -> None:
    params, optimizer = trained(PACKED["SGD momentum"], 3, True)
    with minigrad.record() as program:
        optimizer.step()
    assert [call.op.name for call in program.calls].count("sgd_") == len(params)


def test_muon_refuses_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"Muon: only supports 2D parameters .* with size: \(2,\)"):
        optim.Muon([leaf(2)])


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_muon_moves_by_about_as_much_in_all_directions(shape: tuple[int, int]) -> None:
    p, g = leaf(*shape), np.random.default_rng(1).standard_normal(shape)
    start, (u, _, v) = p.detach().numpy().copy(), np.linalg.svd(g, full_matrices=False)
    p.grad = minigrad.tensor(g)
    optim.Muon([p], lr=1.0, weight_decay=0.0, adjust_lr_fn=None).step()
    moved = u.T @ (start - p.detach().numpy()) @ v.T / max(1, shape[0] / shape[1]) ** 0.5
    assert np.all(np.abs(np.diag(moved) - 0.95) < 0.3)  # five rounds end between 0.7 and 1.2
    assert np.abs(moved - np.diag(np.diag(moved))).max() < 0.05  # bfloat16's rounding, which the steep start magnifies


def test_a_replayed_step_of_muon_and_adafactor_is_the_eager_one() -> None:
    for make in (optim.Muon, optim.Adafactor):
        eager, played = leaf(3, 4), leaf(3, 4)
        one, other = make([eager], lr=0.1), make([played], lr=0.1)
        for p, optimizer in ((eager, one), (played, other)):
            (p**4).sum().backward()
            optimizer.step()
        with record(played) as program:
            other.zero_grad()
            (played**4).sum().backward()
            other.step()
        program.run()
        for _ in range(2):
            one.zero_grad()
            (eager**4).sum().backward()
            one.step()
        np.testing.assert_array_equal(eager.detach().numpy(), played.detach().numpy())
