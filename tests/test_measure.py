"""The measurement library against closed forms: quadratics, linear networks, known matrices, the theory's own limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.diagnose import measure as m


def symmetric(n: int, seed: int = 0) -> np.ndarray:
    """A random symmetric matrix."""
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a + a.T


def quadratic(matrix: np.ndarray, point: np.ndarray | None = None) -> tuple[mg.Tensor, object]:
    """A parameter p and the loss p.A.p / 2, whose gradient is A p and whose Hessian is A."""
    n = len(matrix)
    p = mg.tensor(np.ones(n) if point is None else point).requires_grad_()
    a = mg.tensor(matrix)
    return p, lambda: 0.5 * (p @ (a @ p))


def net(norm: str = "none", dtype: object = mg.float64) -> tuple[nn.Module, object]:
    """A small smooth network of three matrices, and its loss on a fixed batch."""
    layers = [nn.BatchNorm1d(4, dtype=dtype)] if norm == "bn" else []
    model = nn.Sequential(nn.Linear(3, 4, dtype=dtype), *layers, nn.Tanh(), nn.Linear(4, 2, dtype=dtype))
    x, y = mg.randn(12, 3, dtype=dtype), mg.randint(0, 2, (12,))
    return model, lambda: nn.functional.cross_entropy(model(x), y)


# -- gradients and smoothness ----------------------------------------------------------------------------------------------


def test_gradient_norms_by_layer() -> None:
    model, loss = net()
    loss().backward()
    found = m.gradient_norms(model)
    for name, p in model.named_parameters():
        assert found[name] == pytest.approx(np.linalg.norm(p.grad.numpy()), rel=1e-12)
    model.zero_grad()
    assert all(math.isnan(v) for v in m.gradient_norms(model).values())


def test_layer_gradients_of_a_linear_net() -> None:
    model = nn.Sequential(nn.Linear(3, 4, bias=False, dtype=mg.float64), nn.Linear(4, 2, bias=False, dtype=mg.float64))
    x, y = mg.randn(5, 3, dtype=mg.float64), mg.randn(5, 2, dtype=mg.float64)
    found = m.layer_gradients(model, x, y, lambda z, y: 0.5 * ((z - y) ** 2).sum())
    top = (model(x) - y).detach().numpy()
    below = top @ model[1].weight.detach().numpy()
    assert list(found) == ["0", "1"]
    assert found["1"] == pytest.approx((top**2).sum() / 5, rel=1e-12)
    assert found["0"] == pytest.approx((below**2).sum() / 5, rel=1e-12)
    assert all(p.grad is None for p in model.parameters())


def test_along_the_gradient_of_a_quadratic() -> None:
    a = symmetric(4)
    p, loss = quadratic(a)
    start, lr = p.detach().numpy().copy(), 0.1
    g = a @ start
    found = m.along_gradient(loss, [p], lr)
    for scale, value, distance, length, beta in zip(
        (0.5, 1, 2, 3, 4), found.losses, found.distances, found.lengths, found.smoothness, strict=True
    ):
        there = start - scale * lr * g
        assert value == pytest.approx(0.5 * there @ a @ there, rel=1e-10)
        assert distance == pytest.approx(np.linalg.norm(a @ (there - start)), rel=1e-10)
        assert length == pytest.approx(np.linalg.norm(there - start), rel=1e-10)
        assert beta == pytest.approx(np.linalg.norm(a @ g) / np.linalg.norm(g), rel=1e-10)
    assert found.range == max(found.losses) - min(found.losses)
    assert found.beta <= np.linalg.norm(a, 2) * (1 + 1e-12)
    np.testing.assert_array_equal(p.detach().numpy(), start)


def test_measuring_puts_everything_back() -> None:
    model, loss = net("bn")
    before = {name: x.numpy().copy() for name, x in model.state_dict().items()}
    m.along_gradient(loss, model, 0.1)
    m.gradient_lipschitz(loss, model, 0.1, 2)
    m.slice_along(loss, model, m.direction(model), [-1, 1])

    def broken() -> mg.Tensor:
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        m.slice_along(broken, model, m.direction(model), [1])
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x.numpy(), before[name], name)


def test_no_direction_at_a_minimum() -> None:
    p, loss = quadratic(np.eye(2), np.zeros(2))
    with pytest.raises(ValueError, match="the gradient is 0"):
        m.along_gradient(loss, [p], 0.1)
    with pytest.raises(ValueError, match="no parameter that wants a gradient"):
        m.along_gradient(loss, [p.detach()], 0.1)


def test_lipschitz() -> None:
    points = [mg.tensor(v) for v in np.random.default_rng(1).normal(size=(200, 2))]
    a = mg.tensor([[3.0, 0.0], [0.0, 1.0]], dtype=mg.float64)
    found = m.lipschitz(lambda x: a @ x, points)
    assert 2.9 < found <= 3 + 1e-12
    with pytest.raises(ValueError, match="two different points"):
        m.lipschitz(lambda x: x, [points[0], points[0]])


def test_gradient_lipschitz_of_a_quadratic() -> None:
    p, loss = quadratic(np.diag([4.0, 4.0, 4.0]))
    assert m.gradient_lipschitz(loss, [p], 0.3, 4) == pytest.approx([4.0] * 4, rel=1e-10)
    p, loss = quadratic(symmetric(3))
    size = np.linalg.norm(symmetric(3), 2)
    assert all(0 < s <= size * (1 + 1e-10) for s in m.gradient_lipschitz(loss, [p], 0.3, 20))
    with pytest.raises(ValueError, match="radius > 0"):
        m.gradient_lipschitz(loss, [p], 0.0)


# -- curvature -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["none", "bn"])
def test_hessian_vector_products_against_differences(norm: str) -> None:
    model, loss = net(norm)
    h = m.Hessian(loss, model)
    v = h.vector()
    got = (h @ v).numpy()
    with m.kept(model) as parameters:
        start, ends = m.flat(parameters), []
        for step in (1e-5, -1e-5):
            m.move(parameters, start + step * v)
            ends.append(m.gradient(loss, parameters)[1].numpy())
    np.testing.assert_allclose(got, (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal((h @ v).numpy(), got)
    np.testing.assert_allclose(m.hvp(loss, model, v).numpy(), got, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match=r"expected a vector \(\d+,\), got \(3,\)"):
        h @ mg.ones(3)


def test_the_hessian_of_a_quadratic_is_its_matrix() -> None:
    a = symmetric(5)
    p, loss = quadratic(a)
    h = m.Hessian(loss, [p])
    np.testing.assert_allclose(h.dense().numpy(), a, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(h.spectrum(), np.linalg.eigvalsh(a)[::-1], rtol=1e-10)
    q = mg.ones(2, dtype=mg.float64, requires_grad=True)
    assert not (m.Hessian(lambda: loss() + q.sum(), [p, q]) @ mg.ones(7, dtype=mg.float64))[5:].any()
    assert not m.hvp(lambda: q.sum(), [q], mg.ones(2, dtype=mg.float64)).any()


def layers_between(kind: str) -> list[nn.Module]:
    made = {"bn": nn.BatchNorm2d(3), "gn": nn.GroupNorm(3, 3), "in": nn.InstanceNorm2d(3, affine=True), "none": nn.Identity()}
    return [
        nn.Conv2d(1, 3, 3, padding=1),
        made[kind],
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 3),
        nn.LayerNorm(3),
    ]


@pytest.mark.parametrize("kind", ["none", "bn", "gn", "in"])
def test_the_dense_hessian_of_a_convolutional_net_has_the_products_as_columns(kind: str) -> None:
    model = nn.Sequential(*layers_between(kind)).double()
    x, y = mg.randn(5, 1, 4, 4, dtype=mg.float64), mg.randint(0, 3, (5,))
    h = m.Hessian(lambda: nn.functional.cross_entropy(model(x), y), model)
    dense, v = h.dense(), h.vector()
    np.testing.assert_allclose((dense @ v).numpy(), (h @ v).numpy(), rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(dense.numpy(), dense.numpy().T, rtol=1e-7, atol=1e-11)


def test_power_iteration() -> None:
    a = np.diag([1.0, -5.0, 2.0])
    apply = lambda v: mg.tensor(a) @ v  # noqa: E731
    value, vector, steps = m.power_iteration(apply, mg.ones(3, dtype=mg.float64), 200, 1e-12)
    assert value == pytest.approx(-5, rel=1e-9)
    np.testing.assert_allclose(abs(vector.numpy()), [0, 1, 0], atol=1e-5)
    assert steps < 200
    assert m.power_iteration(lambda v: v * 0.0, mg.ones(3))[0] == 0
    with pytest.raises(ValueError, match="a start that is not 0"):
        m.power_iteration(apply, mg.zeros(3, dtype=mg.float64))


def test_lanczos_finds_both_ends_and_says_how_well() -> None:
    a = symmetric(60, 3)
    true = np.linalg.eigvalsh(a)[::-1]
    found = m.lanczos(lambda v: mg.tensor(a) @ v, mg.randn(60, dtype=mg.float64), 30)
    assert found.values[0] == pytest.approx(true[0], rel=1e-4)
    assert found.values[-1] == pytest.approx(true[-1], rel=1e-4)
    for value, residual, vector in zip(found.values, found.residuals, found.vectors, strict=True):
        assert np.linalg.norm(a @ vector - value * vector) == pytest.approx(residual, abs=1e-8)
        assert min(abs(true - value)) <= residual + 1e-9
    assert found.weights.sum() == pytest.approx(1)


def test_lanczos_to_the_end_is_exact() -> None:
    a = symmetric(12, 4)
    found = m.lanczos(lambda v: mg.tensor(a) @ v, mg.randn(12, dtype=mg.float64), 99)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(a)[::-1], rtol=1e-9)
    found = m.lanczos(lambda v: 3.0 * v, mg.ones(5, dtype=mg.float64), 5)  # the start is an eigenvector
    assert found.values == pytest.approx([3.0])


def test_participation() -> None:
    assert m.participation([1, 1, 1, 1]) == pytest.approx(4)
    assert m.participation([-7, 0, 0]) == pytest.approx(1)


def test_condition() -> None:
    bits = np.random.default_rng(0)
    x = bits.normal(size=(20, 3)) @ np.diag([1, 10, 100])
    found = m.condition(mg.tensor(x))
    eigenvalues = np.linalg.eigvalsh(x.T @ x / 20)[::-1]
    np.testing.assert_allclose(found.eigenvalues, eigenvalues, rtol=1e-9)
    assert found.number == found.effective == pytest.approx(eigenvalues[0] / eigenvalues[-1], rel=1e-9)
    centred = m.condition(mg.tensor(bits.normal(size=(4, 4))) - mg.tensor(np.full((4, 4), 0.0)))
    assert centred.rank == 4
    four = bits.normal(size=(4, 4))
    found = m.condition(mg.tensor(four - four.mean(0)))
    assert (found.rank, found.number) == (3, math.inf) and found.effective < math.inf
    wide = m.condition(mg.tensor(bits.normal(size=(2, 5))))
    assert (wide.rank, len(wide.eigenvalues), wide.number) == (2, 5, math.inf)
    for bad in (mg.ones(3), mg.zeros(2, 2), mg.tensor([[math.inf]])):
        with pytest.raises(ValueError, match="expected a finite matrix"):
            m.condition(bad)


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9, 0.99])
def test_two_z_scored_columns_have_condition_by_their_correlation(r: float) -> None:
    u = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
    x = np.stack([u[:, 0], r * u[:, 0] + math.sqrt(1 - r * r) * u[:, 1]], 1)
    assert m.condition(mg.tensor(x)).number == pytest.approx((1 + r) / (1 - r), rel=1e-9)


# -- landscape -------------------------------------------------------------------------------------------------------------


def test_filter_normalised_directions() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3, dtype=mg.float64), nn.BatchNorm2d(3, dtype=mg.float64), nn.Flatten(),
                          nn.Linear(3, 4, dtype=mg.float64))  # fmt: skip
    parts, start = [], 0
    d = m.direction(model).numpy()
    for p in model.parameters():
        parts.append((p.detach().numpy(), d[start : start + p.numel()].reshape(p.shape)))
        start += p.numel()
    for w, part in parts:
        if w.ndim == 1:
            assert not part.any()
        else:
            norms = [np.linalg.norm(x.reshape(len(x), -1), axis=1) for x in (w, part)]
            np.testing.assert_allclose(*norms, rtol=1e-12)
    raw = m.direction(model, "none")
    assert m.norm(raw) == pytest.approx(m.norm(m.flat(list(model.parameters()))), rel=1e-12)
    with pytest.raises(ValueError, match="filter, layer or none"):
        m.direction(model, "unit")


def test_slices_and_contours_of_a_quadratic() -> None:
    a = np.diag([2.0, 6.0])
    p, loss = quadratic(a, np.array([1.0, 1.0]))
    d, e = mg.tensor([1.0, 0.0], dtype=mg.float64), mg.tensor([0.0, 1.0], dtype=mg.float64)
    np.testing.assert_allclose(m.slice_along(loss, [p], d, [-1, 0, 1]), [3.0, 4.0, 7.0])
    np.testing.assert_allclose(m.contour(loss, [p], (d, e), [-1, 1], [0, 1, 2]), [[3, 7], [12, 16], [27, 31]])


# -- statistics ------------------------------------------------------------------------------------------------------------


def test_activations_over_training() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with mg.no_grad():
        model[0].weight.copy_(mg.eye(2))
        model[0].bias.copy_(mg.tensor([0.0, -100.0]))
    with m.activations(model, nn.ReLU, every=2, bins=[-0.5, 0.5, 2.5]) as rows:
        for k in range(4):
            model(mg.full((4, 2), float(k)))
        model.eval()
        model(mg.ones(4, 2))
    assert [row["step"] for row in rows] == [0, 2]
    row = rows[1]
    assert (row["layer"], row["mean"], row["sd"], row["zeros"], row["dead"]) == ("1", 1.0, 1.0, 0.5, 0.5)
    assert row["quantiles"][0] == 0 and row["quantiles"][-1] == 2 and row["histogram"] == [0.5, 0.5]
    model(mg.ones(4, 2))
    assert len(rows) == 2, "the hooks are gone"
    with pytest.raises(ValueError, match="every must be at least 1"), m.activations(model, every=0):
        pass


def test_running_averages_go_as_the_formula_says() -> None:
    bn = nn.BatchNorm1d(2, dtype=mg.float64)
    batch = mg.tensor([[1.0, 3.0], [5.0, -1.0]], dtype=mg.float64)
    found = m.running_convergence(bn, [batch] * 40)
    left = 0.9 ** np.arange(41)[:, None]
    np.testing.assert_allclose(found["mean"], (1 - left) * [3.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(found["var"], left + (1 - left) * [8.0, 8.0], rtol=1e-12)
    assert (left[m.steps_until(0.1, 0.1)] <= 0.1).all() and (left[m.steps_until(0.1, 0.1) - 1] > 0.1).all()
    assert m.steps_until(0.01, 0.1) == 44
    with pytest.raises(ValueError, match="between 0 and 1"):
        m.steps_until(0.01, 1.0)


def test_a_running_mean_keeps_trembling() -> None:
    bn, size = nn.BatchNorm1d(2000, dtype=mg.float64), 4
    found = m.running_convergence(bn, [2.0 * mg.randn(size, 2000, dtype=mg.float64) for _ in range(60)])
    assert found["mean"][-1].std() == pytest.approx(m.stationary_sd(0.1, size, 2.0), rel=0.06)
    assert m.stationary_sd(1.0, 4) == 0.5


# -- the theory meter ------------------------------------------------------------------------------------------------------


def test_batch_norm_growth_has_its_limits() -> None:
    assert m.batch_norm_growth(10**7) == pytest.approx(math.pi / (math.pi - 1), rel=1e-6)
    assert m.batch_norm_growth(10**7, "linear") == pytest.approx(1, rel=1e-6)
    assert m.batch_norm_growth(5, "linear") == 1.5
    for bad in ((3, "relu"), (8, "tanh")):
        with pytest.raises(ValueError, match="batch_norm_growth"):
            m.batch_norm_growth(*bad)


def deep(width: int, depth: int, middle: object, gain: float) -> nn.Sequential:
    layers = []
    for _ in range(depth):
        linear = nn.Linear(width, width, bias=False)
        nn.init.normal_(linear.weight, 0.0, math.sqrt(gain / width))
        layers += [linear, *middle()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def first_power(z: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    return (z * y).sum()


@pytest.mark.parametrize(
    ("middle", "gain", "line"),
    [
        (lambda: [nn.ReLU()], 2.0, 1.0),
        (lambda: [nn.ReLU()], 1.0, 0.5),
        (lambda: [nn.Identity()], 1.0, 1.0),
        (lambda: [nn.BatchNorm1d(256, eps=1e-12), nn.ReLU()], 1.0, m.batch_norm_growth(32)),
        (lambda: [nn.BatchNorm1d(256, eps=1e-12)], 3.0, m.batch_norm_growth(32, "linear")),
    ],
)
def test_the_meter_stands_where_theory_says(middle: object, gain: float, line: float) -> None:
    model = deep(256, 10, middle, gain)
    found = m.theory_meter(model, mg.randn(32, 256), mg.randn(32, 10), first_power)
    assert len(found.layers) == 11 and found.why[:9] == [""] * 9
    assert found.theory[:9] == pytest.approx([line] * 9, rel=0.03)
    assert found.rate == pytest.approx(line, rel=0.12)
    assert found.line()[0] is not None and "per layer: measured" in str(found)


def test_the_meter_says_where_there_is_no_line() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 8), nn.Tanh(),
                          nn.Linear(8, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(),
                          nn.Linear(8, 3))  # fmt: skip
    with mg.no_grad():
        model[10].weight.fill_(2.0)
    before = model[1].running_mean.numpy().copy()
    loss = nn.functional.cross_entropy
    found = m.theory_meter(model, mg.randn(6, 1, 8, 8), mg.randint(0, 3, (6,)), loss)
    assert found.theory == [None] * 4 and found.expected is None and found.line()[0] is None
    assert found.why == ["not from a linear layer to a linear layer", "no line for Tanh", "no line for LayerNorm and ReLU",
                         "γ is not 1 or β is not 0"]  # fmt: skip
    assert "no line applies" in str(found)
    np.testing.assert_array_equal(model[1].running_mean.numpy(), before)
    model.eval()
    assert m.theory_meter(model, mg.randn(6, 1, 8, 8), mg.randint(0, 3, (6,)), loss).why[-1] == "batch norm in evaluation"


class Block(nn.Module):
    """Linear, ReLU, linear, with the input added or not, by a function or by layers."""

    def __init__(self, skip: bool, function: bool) -> None:
        super().__init__()
        self.first, self.relu, self.second, self.last = nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 3)
        self.skip, self.function = skip, function

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        z = self.first(x)
        z2 = self.second(z.relu() if self.function else self.relu(z))
        return self.last(z2 + z if self.skip else z2)


@pytest.mark.parametrize(
    ("skip", "function", "why"),
    [
        (False, False, ["", ""]),
        (True, False, ["there is another way around", "something that is no layer comes between"]),
        (False, True, ["something that is no layer comes between", ""]),
    ],
)
def test_the_meter_notices_what_is_no_chain(skip: bool, function: bool, why: list) -> None:
    found = m.theory_meter(Block(skip, function), mg.randn(6, 8), mg.randint(0, 3, (6,)), nn.functional.cross_entropy)
    assert found.why == why and [t is None for t in found.theory] == [bool(w) for w in why]


def test_a_meter_needs_a_weight_matrix() -> None:
    with pytest.raises(ValueError, match="no layer with a weight matrix"):
        m.theory_meter(nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()), mg.randn(6, 3), mg.randint(0, 3, (6,)),
                       nn.functional.cross_entropy)  # fmt: skip
