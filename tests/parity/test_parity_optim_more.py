"""Fifty steps of the further optimizers, in float64, beside PyTorch's: groups, closures, restored state, step hooks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import optim

from .test_parity_optim import A, both, same, steps

torch = pytest.importorskip("torch")

CASES: list[tuple[str, dict[str, Any]]] = [
    ("RMSprop", dict()),
    ("RMSprop", dict(lr=0.02, alpha=0.9, centered=True, momentum=0.8, weight_decay=0.1, maximize=True)),
    ("RMSprop", dict(lr=0.02, eps=1e-3, momentum=0.5)),
    ("Adagrad", dict()),
    ("Adagrad", dict(lr=0.3, lr_decay=0.1, initial_accumulator_value=0.2, eps=1e-4, weight_decay=0.1)),
    ("Adagrad", dict(lr=0.1, maximize=True)),
    ("Adadelta", dict()),
    ("Adadelta", dict(lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1, maximize=True)),
    ("Adamax", dict()),
    ("Adamax", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, maximize=True)),
    ("NAdam", dict()),
    ("NAdam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, momentum_decay=0.1, maximize=True)),
    ("NAdam", dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)),
    ("RAdam", dict()),
    ("RAdam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, maximize=True)),
    ("RAdam", dict(lr=0.05, betas=(0.5, 0.6), weight_decay=0.1, decoupled_weight_decay=True)),
    ("ASGD", dict()),
    ("ASGD", dict(lr=0.1, lambd=0.05, alpha=0.5, t0=7, weight_decay=0.1, maximize=True)),
    ("Adafactor", dict()),
    ("Adafactor", dict(lr=0.1, beta2_decay=-0.5, eps=(1e-3, 0.1), d=2.0, weight_decay=0.1, maximize=True)),
    ("Rprop", dict()),
    ("Rprop", dict(lr=0.1, etas=(0.4, 1.5), step_sizes=(1e-3, 0.2), maximize=True)),
]
NAMES = list(dict.fromkeys(name for name, _ in CASES))
IDS = [f"{name}-{'-'.join(options) or 'default'}" for name, options in CASES]


@pytest.fixture(autouse=True)
def counts_in_double() -> Iterator[None]:
    """PyTorch keeps NAdam's product of momenta in its default type: in single precision it would differ by 1e-7."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("closure", [False, True], ids=["plain", "closure"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_trajectory(name: str, options: dict, closure: bool) -> None:
    ours, theirs = both()
    losses = steps(getattr(optim, name)(ours, **options), ours, minigrad, closure=closure)
    expected = steps(getattr(torch.optim, name)(theirs, **options), theirs, torch, closure=closure)
    np.testing.assert_allclose(losses, expected, rtol=1e-12, atol=1e-11)
    same(ours, theirs, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_groups_with_options_of_their_own(name: str) -> None:
    ours, theirs = both()
    optimizers = []
    for module, params in ((optim, ours), (torch.optim, theirs)):
        made = getattr(module, name)([{"params": params[0], "lr": 0.03}, {"params": [params[1]], "maximize": True}], lr=0.01)
        made.add_param_group({"params": [params[2]], "weight_decay": 0.3})
        optimizers.append(made)
    steps(optimizers[0], ours, minigrad)
    steps(optimizers[1], theirs, torch)
    same(ours, theirs, atol=1e-11)


def carried(value: Any) -> Any:
    """PyTorch's state as ours."""
    if isinstance(value, torch.Tensor):
        return minigrad.tensor(value.detach().numpy())
    return [carried(x) for x in value] if isinstance(value, list) else value


def restored(oracle: Any, theirs: list, ours: list, mine: Any) -> None:
    saved = copy.deepcopy(oracle.state_dict())
    with minigrad.no_grad():
        for x, y in zip(ours, theirs, strict=True):
            x.copy_(minigrad.tensor(y.detach().numpy()))
    for values in saved["state"].values():
        values.update({key: carried(x) for key, x in values.items() if x is not None})
    mine.load_state_dict(saved)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_restored_from_pytorchs_state(name: str, options: dict) -> None:
    ours, theirs = both()
    oracle, mine = getattr(torch.optim, name)(theirs, **options), getattr(optim, name)(ours, **options)
    steps(oracle, theirs, torch, 20)
    restored(oracle, theirs, ours, mine)
    steps(oracle, theirs, torch, 30)
    steps(mine, ours, minigrad, 30)
    same(ours, theirs, atol=1e-11)
    state, expected = mine.state_dict(), oracle.state_dict()
    assert state["param_groups"] == expected["param_groups"]
    for i, values in expected["state"].items():
        assert list(state["state"][i]) == list(values)
        same([state["state"][i][key] for key in values], list(values.values()), atol=1e-11)


@pytest.mark.parametrize("options", [
    dict(), dict(lr=0.02, nesterov=False, weight_decay=0.0), dict(lr=0.02, adjust_lr_fn="match_rms_adamw", ns_steps=3),
], ids=["default", "plain", "as adamw"])  # fmt: skip
def test_muon(options: dict) -> None:
    ours, theirs = ([make(x, requires_grad=True) for x in (A[:, :3], A[:2], A)] for make in (minigrad.tensor, torch.tensor))
    for module, params in ((optim, ours), (torch.optim, theirs)):
        optimizer = module.Muon(params, **options)
        for _ in range(50):
            optimizer.zero_grad()
            sum((p.tanh() ** 2).sum() * k for k, p in enumerate(params, 1)).backward()
            optimizer.step()
    same(ours, theirs, atol=1e-12)  # though the powers are in bfloat16: each sum rounds to the same


def test_sparse_adam() -> None:
    start = np.random.default_rng(0).standard_normal((6, 3))
    ours, theirs = (t.nn.Embedding.from_pretrained(t.tensor(start), freeze=False, sparse=True) for t in (minigrad, torch))
    for framework, layer in ((minigrad, ours), (torch, theirs)):
        optimizer = framework.optim.SparseAdam(layer.parameters(), lr=0.05, betas=(0.8, 0.95))
        for rows in np.random.default_rng(1).integers(0, 6, (50, 2)).tolist():
            optimizer.zero_grad()
            (layer(framework.tensor(rows)) ** 2).sum().backward()
            optimizer.step()
    same([ours.weight], [theirs.weight], atol=1e-11)


@pytest.mark.parametrize("name", [*NAMES, "LBFGS", "Muon", "SparseAdam"])
def test_defaults_and_argument_order_are_pytorchs(name: str) -> None:
    ours, theirs = (params[:1] for params in both())
    mine, oracle = getattr(optim, name)(ours), getattr(torch.optim, name)(theirs)
    assert mine.defaults == oracle.defaults
    assert list(mine.state_dict()["param_groups"][0]) == list(oracle.state_dict()["param_groups"][0])
    assert repr(mine) == repr(oracle)


# -- LBFGS -------------------------------------------------------------------------------------------------------------


def valley(p: Any) -> Any:
    """Rosenbrock's function of a vector."""
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


def descended(optimizer: Any, params: list, count: int) -> list[float]:
    losses = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = valley(params[0]) + (params[1] ** 4).sum() + params[0][0] * params[1].sum()
        loss.backward()
        return loss

    for _ in range(count):
        losses.append(optimizer.step(closure).item())
    return losses


def starts() -> tuple[list, list]:
    values = [np.array([-1.2, 1.0, 0.5]), np.array([[0.7, -0.4]])]
    return ([minigrad.tensor(x, requires_grad=True) for x in values], [torch.tensor(x, requires_grad=True) for x in values])


LBFGS = [
    dict(lr=1e-3, max_iter=3),
    dict(lr=1e-3, max_iter=5, history_size=2),
    dict(line_search_fn="strong_wolfe", max_iter=4),
    dict(line_search_fn="strong_wolfe", max_iter=4, max_eval=4, history_size=3, lr=0.5),
    dict(line_search_fn="strong_wolfe"),
    dict(lr=0.01, tolerance_grad=5.0),
    dict(max_eval=1, line_search_fn="strong_wolfe"),
]


@pytest.mark.parametrize("options", LBFGS, ids=[str(i) for i in range(len(LBFGS))])
def test_lbfgs(options: dict) -> None:
    ours, theirs = starts()
    mine, oracle = optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    count = 12 if "history_size" in options and "line_search_fn" in options else 50  # there, rounding grows tenfold a step
    losses, expected = descended(mine, ours, count), descended(oracle, theirs, count)
    np.testing.assert_allclose(losses, expected, rtol=1e-7, atol=1e-9)
    same(ours, theirs, atol=1e-6)
    counts = ("func_evals", "n_iter")
    got, want = mine.state[ours[0]], oracle.state[theirs[0]]
    if "tolerance_grad" in options or "max_eval" in options:
        assert [got[key] for key in counts] == [want[key] for key in counts]


def test_lbfgs_restored_from_pytorchs_state() -> None:
    ours, theirs = starts()
    options: dict = dict(lr=1e-3, max_iter=4, history_size=5)
    oracle, mine = torch.optim.LBFGS(theirs, **options), optim.LBFGS(ours, **options)
    descended(oracle, theirs, 5)
    restored(oracle, theirs, ours, mine)
    np.testing.assert_allclose(descended(mine, ours, 10), descended(oracle, theirs, 10), rtol=1e-9)
    same(ours, theirs, atol=1e-9)


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_hooks_of_states() -> None:
    """Who is called, in which order and with what; a hook may replace what is saved and what is loaded."""
    told: list[list] = []
    for framework, params in zip((minigrad, torch), both(), strict=True):
        seen: list = []
        optimizer = framework.optim.SGD(params, lr=0.1, momentum=0.9)
        steps(optimizer, params, framework, 1)
        optimizer.register_state_dict_pre_hook(lambda o, seen=seen: seen.append(("saving", o.param_groups[0]["lr"])))
        optimizer.register_state_dict_post_hook(lambda o, d, seen=seen: seen.append(("second", sorted(d))))
        optimizer.register_state_dict_post_hook(lambda o, d: {**d, "mark": 1}, prepend=True)
        optimizer.register_load_state_dict_pre_hook(lambda o, d: d["param_groups"][0].update(lr=0.3))
        optimizer.register_load_state_dict_pre_hook(lambda o, d, seen=seen: {**d, "x": seen.append(("loading", d.pop("mark")))})
        last = optimizer.register_load_state_dict_post_hook(lambda o, seen=seen: seen.append(o.param_groups[0]["lr"]))
        saved = optimizer.state_dict()
        optimizer.load_state_dict(saved)
        last.remove()
        seen.append("mark" in saved)  # what was given to load is not changed
        optimizer.load_state_dict(optimizer.state_dict())
        told.append(seen)
    assert told[0] == told[1]
    assert ("loading", 1) in told[0] and ("second", ["mark", "param_groups", "state"]) in told[0]


def test_hooks_of_all_optimizers() -> None:
    told: list[list] = []
    for framework, params in zip((minigrad, torch), both(), strict=True):
        seen: list = []
        optimizer, module = framework.optim.SGD(params, lr=0.1), import_module(f"{framework.__name__}.optim.optimizer")
        optimizer.register_step_pre_hook(lambda *a, seen=seen: seen.append("own before"))
        optimizer.register_step_post_hook(lambda *a, seen=seen: seen.append("own after"))
        with module.register_optimizer_step_pre_hook(lambda o, a, k, seen=seen: seen.append(("before", type(o).__name__))):
            handle = module.register_optimizer_step_post_hook(lambda o, a, k, seen=seen: seen.append(("after", len(a))))
            steps(optimizer, params, framework, 1)
            handle.remove()
        steps(optimizer, params, framework, 1)
        told.append(seen)
    assert told[0] == told[1]
    assert len(told[0]) == 6


def test_step_hooks() -> None:
    told: list[list] = []
    for framework, params in zip((minigrad, torch), both(), strict=True):
        seen: list = []
        optimizer = framework.optim.SGD(params, lr=0.1)

        def before(optimizer: Any, args: Any, kwargs: Any, seen: list = seen, params: list = params) -> None:
            seen.append(("before", len(args), dict(kwargs), [p.sum().item() for p in params]))

        def after(optimizer: Any, args: Any, kwargs: Any, seen: list = seen, params: list = params) -> None:
            seen.append(("after", len(args), dict(kwargs), [round(p.sum().item(), 10) for p in params]))

        handles = [optimizer.register_step_pre_hook(before), optimizer.register_step_post_hook(after)]
        steps(optimizer, params, framework, 2)
        handles[0].remove()
        steps(optimizer, params, framework, 1)
        told.append([(what, n, options, np.round(sums, 10).tolist()) for what, n, options, sums in seen])
    assert told[0] == told[1]
    assert len(told[0]) == 5
