"""What a recorded program knows: names, lines, statistics, thumbnails, what is saved, how gradients add up."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim, viz
from minigrad.backends import GradError
from minigrad.nn import functional as F
from minigrad.trace import Program, Variable, opened, record, statistics_of, thumbnail_of


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.bn1 = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder.bn1(x))


def step(keeps=True):
    """A whole training step, recorded: the program, the model, and what the parameters and buffers were before."""
    mg.manual_seed(0)
    model, x = Block(), mg.randn(8, 4)
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    before = {name: t.detach().numpy().copy() for name, t in (*model.named_parameters(), *model.named_buffers())}
    with record(x=x, statistics=keeps) as program:
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
    return program, model, before


def named(program):
    return {v.name: v for v in program.variables if v.name}


# -- names and places --------------------------------------------------------------------------------------------------


def test_calls_know_module_parameters_and_line():
    program, _, before = step()
    norm = next(c for c in program.calls if c.op.name.startswith("batch_norm"))
    assert (norm.module, norm.scope) == ("encoder.bn1", ("Block", "encoder.bn1"))
    assert {"encoder.bn1.weight", "encoder.bn1.running_mean", "head.weight", "head.bias"} <= set(named(program))
    assert __file__ in norm.source and int(norm.source.rpartition(":")[2]) > 0
    linear = next(c for c in program.calls if c.op.name == "linear")
    rules = [c for c in program.calls if c.rule and c.rule[0] == linear.node]
    assert rules and all(c.phase == "backward" and c.source == linear.source for c in rules)
    assert {c.phase for c in program.calls} == {"forward", "backward", "update"}
    assert set(before) <= set(named(program))


def test_each_time_a_module_begins_is_entered():
    layer, x = nn.Linear(3, 3), mg.randn(2, 3)
    with record(x) as program:
        layer(layer(x))
        nn.Linear(3, 3)(x)
    first, second, third = (c for c in program.calls if c.op.name == "linear")
    assert first.scope == second.scope == ("Linear",) and third.scope == ("Linear_2",)
    visits = [program.entries[: c.entered].count(c.scope) for c in (first, second, third)]
    assert visits == [1, 2, 1]


# -- statistics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "bool", "complex64"])
def test_statistics_are_numpys(dtype):
    x = (np.random.default_rng(0).normal(3, 20, (30, 7)) * (1 + 1j if dtype == "complex64" else 1)).astype(dtype)
    x[0] = 0
    s, real = statistics_of(x), np.abs(x).astype("float64") if dtype == "complex64" else x.astype("float64")
    np.testing.assert_allclose([s.mean, s.std, s.min, s.max, s.norm],
                               [real.mean(), real.std(), real.min(), real.max(), np.linalg.norm(real)], rtol=1e-5)  # fmt: skip
    assert (s.size, s.zeros, s.nonfinite, s.counted) == (210, (x == 0).sum(), 0, 210)
    assert sum(s.histogram) == 210
    if dtype == "float64":
        assert list(s.histogram) == np.histogram(x, 16)[0].tolist()


@pytest.mark.parametrize("shift", [0, 1e4, -1e6])
def test_spread_far_from_zero(shift):
    x = np.random.default_rng(1).normal(shift, 1, 5000)
    assert statistics_of(x).std == pytest.approx(x.std(), rel=1e-9)
    small = x.astype("float32")
    assert statistics_of(small).std == pytest.approx(small.astype("float64").std(), rel=1e-3)


def test_statistics_of_odd_arrays():
    odd = statistics_of(np.array([math.nan, math.inf, -math.inf, 1.0, 3.0, 0.0]))
    assert (odd.mean, odd.min, odd.max, odd.nonfinite, odd.zeros, odd.counted) == (pytest.approx(4 / 3), 0, 3, 3, 1, 3)
    for array, count in ((np.zeros((0, 3)), 0), (np.array([math.nan]), 1)):
        s = statistics_of(array)
        assert math.isnan(s.mean) and math.isnan(s.norm) and (s.nonfinite, s.histogram) == (count, ())
    scalar = statistics_of(np.array(-2.5))
    assert (scalar.mean, scalar.std, scalar.norm, sum(scalar.histogram)) == (-2.5, 0, 2.5, 1)
    big, tiny = statistics_of(np.full(4, 1e200)), statistics_of(np.full(4, 1e-200))
    assert big.norm == pytest.approx(2e200) and tiny.norm == pytest.approx(2e-200) and big.std == tiny.std == 0
    with np.errstate(over="raise", invalid="raise"):
        assert statistics_of(np.array([-1.7e308, 1.7e308])).max == 1.7e308


def test_histogram_of_much_is_of_a_sample():
    s = statistics_of(np.arange(100_000.0))
    assert 2048 < s.counted <= 4096 and sum(s.histogram) == s.counted and max(s.histogram) - min(s.histogram) <= 2


def test_thumbnails():
    x = np.arange(2 * 3 * 4 * 5, dtype="float64").reshape(2, 3, 4, 5)
    t = thumbnail_of(x)
    assert (t.height, t.width, len(t.rows), len(t.rows[0])) == (6, 20, 6, 16)
    np.testing.assert_array_equal(t.rows, x.reshape(6, 20)[np.ix_(t.row_index, t.column_index)])
    assert t.row_index[-1] == 5 and t.column_index[-1] == 19
    assert thumbnail_of(np.array(7.0)).rows == ((7.0,),)
    assert thumbnail_of(np.arange(3)).rows == ((0, 1, 2),)
    assert thumbnail_of(np.zeros((0, 3))).rows == ()
    assert len(thumbnail_of(np.zeros((500, 500))).rows) == 16
    assert math.isnan(thumbnail_of(np.array([math.nan])).rows[0][0])


def test_numbers_are_of_the_recorded_moment():
    program, model, before = step()
    after = dict((*model.named_parameters(), *model.named_buffers()))
    model.head.weight.grad.zero_()
    for name, old in before.items():
        v = named(program)[name]
        np.testing.assert_allclose(v.statistics.mean, old.mean(), rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(np.asarray(v.thumbnail.rows, old.dtype).reshape(-1), old.reshape(-1))
        new = [call.after[k] for call in program.calls for k in call.after if call.inputs[k] is v]
        assert new[-1].mean == pytest.approx(after[name].detach().numpy().mean(), rel=1e-5, abs=1e-7)
    weight = named(program)["head.weight"]
    assert program.gradient(weight).statistics.norm > 0  # the copy, though .grad is zero by now


def test_without_copies_what_was_overwritten_is_not_known():
    program, _, before = step(keeps=False)
    assert all(named(program)[name].statistics is None and named(program)[name].thumbnail is None for name in before)
    assert named(program)["x"].statistics.size == 32
    assert not any(call.after for call in program.calls)


def test_writing_in_place_inside_the_block():
    x = mg.ones(3)
    with record(x=x, statistics=True) as program:
        y = x * 2
        y.add_(1)
        z = y * 1
    v = program.of(y)
    assert (v.statistics.mean, program.of(z).statistics.mean) == (2, 3)
    with record(x=x) as program:
        y = x * 2
        y.add_(1)
    assert program.of(y).statistics is None
    with pytest.raises(TypeError, match="statistics must be True or False, got Tensor"):
        record(statistics=x)
    with mg.inference_mode(), record(x=x, statistics=True) as program:
        y = x * 2
    assert program.of(y).statistics.mean == 2


# -- memory and gradients ----------------------------------------------------------------------------------------------


def test_what_each_call_saves():
    x, w = mg.randn(5, 3).requires_grad_(), mg.randn(3, 2).requires_grad_()
    with record(x=x) as program:
        ((x @ w).tanh() + 1).sum()
    product, tanh, add, _ = program.calls
    assert list(product.saved.values()) == [program.of(w), program.of(x)] and set(product.saved) <= set(product.op.inputs)
    assert product.saved_bytes == (15 + 6) * 4
    assert tanh.saved == {"y": tanh.output} and tanh.saved_bytes == 40 and add.saved == {}
    assert program.saved_bytes == 40  # what came from outside is there anyway
    with mg.no_grad(), record(x=x) as program:
        x.tanh()
    assert program.calls[0].saved == {} and program.saved_bytes == 0


def test_contributions_add_up_in_the_engines_order():
    x = mg.randn(4, dtype="float64").requires_grad_()
    with record(x=x) as program:
        y = x.exp() * x + x.sin()
        y.sum().backward()
    found = program.contributions(program.of(x))
    assert [call.op.name for call, _, _ in found] == ["sin", "mul", "exp"]
    np.testing.assert_allclose(sum(part.array for _, _, part in found), x.grad.numpy(), rtol=1e-12)
    assert program.gradient(program.of(x)).array is x.grad.array
    assert program.gradient(program.of(y)).statistics.mean == 1
    with record() as silent:
        z = x * 1
    assert silent.gradient(silent.of(z)) is None and silent.contributions(silent.of(x)) == []


def test_backward_can_record():
    x, w = mg.randn(5, 3).requires_grad_(), mg.randn(3, 2).requires_grad_()
    loss = (x @ w).tanh().sum()
    program = loss.backward(record=True)
    assert isinstance(program, Program)
    assert [c.op.name for c in program.calls if c.phase == "forward"][:3] == ["matmul", "tanh", "sum"]
    assert program.gradient(program.of(x)).array is x.grad.array
    before = w.detach().numpy().copy()
    with mg.no_grad():
        w.add_(1)
        w.grad.zero_()
    np.testing.assert_allclose(program.of(w).statistics.mean, before.mean(), rtol=1e-5)
    assert program.gradient(program.of(w)).statistics.norm > 0
    with pytest.raises(GradError, match="freed by an earlier backward"):
        loss.backward(record=True)
    with pytest.raises(GradError, match="got a leaf or constant"):
        x.sum().detach().backward(record=True)
    assert (x * 1).sum().backward() is None


def test_opened_calls_know_their_numbers():
    x = mg.randn(8, 3, dtype="float64").requires_grad_()
    with record(x=x, statistics=True) as program:
        F.layer_norm(F.layer_norm(x, (3,)), (3,)).sum().backward()
    inside = opened(program)
    assert {c.scope for c in inside.calls if c.op.name == "sqrt" and c.phase == "forward"} == {
        ("layer_norm",), ("layer_norm (2)",)}  # fmt: skip
    assert all(v.statistics is not None for v in inside.variables if isinstance(v, Variable))


def test_a_position_read_from_a_recorded_tensor_is_not_played_again():
    """x[i] is a view at an integer, so a program can't follow i; one from outside of the program stays what it was."""
    x, i = mg.arange(6.0).reshape(3, 2), mg.tensor(1)
    with record(x, i) as program:
        x[i] * 2
    with pytest.raises(GradError, match="the position in x.i. was read from a 0-d tensor"):
        program.run(x, mg.tensor(2))
    with record(x) as program:
        y = x[i] * 2
    assert program.run(x + 1)[y].tolist() == [6, 8]


def test_recording_leaves_the_step_as_it_is():
    def trained(recorded):
        mg.manual_seed(5)
        model, x = Block(), mg.randn(8, 4)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for _ in range(3):
            with record(x, statistics=True) if recorded else mg.enable_grad():
                optimizer.zero_grad()
                model(x).square().sum().backward()
                optimizer.step()
        return {k: v.numpy() for k, v in model.state_dict().items()}

    plain, recorded = trained(False), trained(True)
    for name, value in plain.items():
        np.testing.assert_allclose(recorded[name], value, rtol=1e-5, atol=1e-6)


def test_gradients_of_several_passes_add_up():
    """As in .grad: two losses that share a part, one loss twice, and gradients that were cleared in between."""
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with record(x=x) as program:
        h = x * 2
        first, second = h.sum(), (h * h).sum()
        first.backward(retain_graph=True)
        second.backward()
    assert program.gradient(program.of(h)).array.tolist() == [5.0, 9.0]  # 1 + 2h
    assert program.gradient(program.of(x)).array.tolist() == x.grad.tolist() == [10.0, 18.0]
    assert list(program.gradients)[-2:] == [program.of(h).maker.node, program.of(x)]  # after all that was sent there

    x.grad = None
    with record(x=x) as program:
        loss = (x * x).sum()
        loss.backward(retain_graph=True)
        loss.backward()
    assert [part.array.tolist() for *_, part in program.contributions(program.of(x))] == [[2.0, 4.0]] * 2
    assert program.gradient(program.of(x)).array.tolist() == x.grad.tolist() == [4.0, 8.0]
    assert "full" not in viz.draw(program).text  # what the passes started from

    x.grad = None
    with record(x=x) as program:
        (x * 2).sum().backward()
        x.grad = None
        (x * 3).sum().backward()
    assert program.gradient(program.of(x)).array.tolist() == x.grad.tolist() == [3.0, 3.0]


def test_a_picture_says_that_a_pass_was_differentiated():
    x = mg.tensor(2.0, requires_grad=True)
    with record(x=x) as program:
        (slope,) = mg.autograd.grad(x**3, x, create_graph=True)
        (slope**2).backward()
    assert program.gradient(program.of(x)).array == x.grad.item() == 288.0  # 2 · 3x² · 6x
    assert "differentiated again" in viz.draw(program).text
