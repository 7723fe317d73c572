"""Mixed precision: autocast, GradScaler, and the decorators for one's own functions. Types beside PyTorch's: tests/parity."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import amp, nn
from minigrad.amp.lists import AS_THEY_ARE, FLOAT32, LOWER, NORMALIZATIONS, WIDEST
from minigrad.core import OPS, Tensor

HALF, SINGLE = minigrad.bfloat16, minigrad.float32


def tensors(*shapes: tuple[int, ...], grad: bool = False) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [minigrad.from_numpy(rng.standard_normal(s, dtype=np.float32)).requires_grad_(grad) for s in shapes]


def test_block_and_nesting() -> None:
    x, w = tensors((3, 4), (4, 2))
    with minigrad.autocast("cpu"):
        assert (x @ w).dtype is HALF
        with minigrad.autocast("cpu", enabled=False):
            assert (x @ w).dtype is SINGLE
            with minigrad.autocast("cpu", dtype=minigrad.float16):
                assert (x @ w).dtype is minigrad.float16
        assert (x @ w).dtype is HALF
    assert (x @ w).dtype is SINGLE


def test_decorator() -> None:
    x, w = tensors((3, 4), (4, 2))

    @minigrad.autocast("cpu")
    def product() -> Tensor:
        return x @ w

    assert product().dtype is HALF and product().dtype is HALF
    assert (x @ w).dtype is SINGLE


def test_it_ends_with_an_error() -> None:
    x, w = tensors((3, 4), (4, 2))
    with pytest.raises(ZeroDivisionError), minigrad.autocast("cpu"):
        1 / 0  # noqa: B018
    assert (x @ w).dtype is SINGLE


def test_questions() -> None:
    assert not minigrad.is_autocast_enabled("cpu") and minigrad.get_autocast_dtype("cpu") is HALF
    with minigrad.autocast("cpu", dtype=minigrad.float16, cache_enabled=False):
        assert minigrad.is_autocast_enabled("cpu") and not minigrad.is_autocast_enabled("cuda")
        assert minigrad.get_autocast_dtype("cpu") is minigrad.float16
        assert not minigrad.is_autocast_cache_enabled()
    assert minigrad.is_autocast_cache_enabled() and amp.is_autocast_available("cpu")


def test_gradients_are_single_and_close() -> None:
    x, w = tensors((3, 4), (4, 2), grad=True)
    (x @ w).tanh().sum().backward()
    exact = [x.grad.numpy(), w.grad.numpy()]
    x.grad = w.grad = None
    with minigrad.autocast("cpu"):
        y = (x @ w).tanh().sum()
    y.backward()
    for t, want in zip((x, w), exact, strict=True):
        assert t.grad.dtype is SINGLE
        np.testing.assert_allclose(t.grad.numpy(), want, rtol=0.05, atol=0.02)


def test_backward_inside_the_block_casts_nothing_more() -> None:
    x, w = tensors((3, 4), (4, 2), grad=True)
    with minigrad.autocast("cpu"):
        (x.double() @ w.double()).sum().backward()
    np.testing.assert_array_equal(
        w.grad.numpy(), np.broadcast_to(x.detach().numpy().sum(0)[:, None], (4, 2)).astype(np.float32)
    )


def casts(cached: bool) -> int:
    x, w = tensors((3, 4), (4, 4))
    w.requires_grad_()
    with minigrad.record() as program, minigrad.autocast("cpu", cache_enabled=cached):
        (x @ w) @ w
    return sum(call.op.name == "cast" for call in program.calls)


def test_weights_are_cast_once() -> None:
    assert casts(True) == casts(False) - 1


def test_a_written_weight_is_cast_again() -> None:
    x, w = tensors((3, 4), (4, 4))
    w.requires_grad_()
    with minigrad.autocast("cpu"):
        before = x @ w
        with minigrad.no_grad():
            w.mul_(2.0)
        np.testing.assert_allclose((x @ w).float().detach().numpy(), 2 * before.float().detach().numpy())


def test_replay() -> None:
    x, w = tensors((3, 4), (4, 2), grad=True)
    with minigrad.record(x) as program, minigrad.autocast("cpu"):
        y = (x @ w).sum()
        y.backward()
    assert any(call.op.name == "cast" for call in program.calls)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_listed_name_is_known(device: str) -> None:
    known = {*OPS, *dir(nn.functional), *dir(minigrad), *dir(minigrad.linalg), *dir(Tensor)}
    assert OPS.keys() >= NORMALIZATIONS
    for table in (LOWER, FLOAT32, WIDEST, AS_THEY_ARE):
        assert table[device] <= known, table[device] - known
    assert not LOWER[device] & FLOAT32[device] and not LOWER[device] & WIDEST[device]


def test_wrapped_functions_can_be_pickled() -> None:
    for function in (nn.functional.mse_loss, nn.functional.cross_entropy, minigrad.addmm):
        assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: minigrad.autocast(3), ValueError, "device_type"),
        (lambda: minigrad.autocast("abc"), (RuntimeError, ValueError), "abc"),
        (lambda: amp.GradScaler("cpu", growth_factor=0.5), ValueError, "growth_factor > 1"),
        (lambda: amp.GradScaler("cpu", backoff_factor=2.0), ValueError, "backoff_factor < 1"),
        (lambda: amp.GradScaler("cpu").update(), RuntimeError, "no step was taken"),
        (lambda: amp.GradScaler("cpu").load_state_dict({}), RuntimeError, "empty"),
        (lambda: amp.GradScaler("cpu").scale("loss"), ValueError, "str"),
    ],
)
def test_bad_input(make: Callable, kind: Any, says: str) -> None:
    with pytest.raises(kind, match=says):
        make()


def test_unknown_type_switches_off_with_a_warning() -> None:
    x, w = tensors((3, 4), (4, 2))
    with pytest.warns(UserWarning, match="not supported"), minigrad.autocast("cpu", dtype=minigrad.float64):
        assert (x @ w).dtype is SINGLE


@pytest.mark.skipif(amp.is_autocast_available("cuda"), reason="there is a GPU")
def test_no_gpu_is_one_warning() -> None:
    x, w = tensors((3, 4), (4, 2))
    with pytest.warns(UserWarning, match="CUDA is not available"), minigrad.autocast("cuda"):
        assert (x @ w).dtype is SINGLE
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = amp.GradScaler()
    assert not scaler.is_enabled() and scaler.get_scale() == 1.0 and scaler.state_dict() == {}
    assert scaler.scale(x) is x


def stepping() -> tuple:
    p = nn.Parameter(minigrad.ones(2))
    return p, minigrad.optim.SGD([p], lr=0.5), amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)


def test_scaler_leaves_out_a_step_with_inf() -> None:
    p, optimizer, scaler = stepping()
    for factor, scale, value in (
        (1.0, 4.0, 0.5),
        (math.inf, 2.0, 0.5),
        (math.nan, 1.0, 0.5),
        (1.0, 1.0, 0.0),
        (1.0, 2.0, -0.5),
    ):
        optimizer.zero_grad()
        scaler.scale((p * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == scale and p.tolist() == [value] * 2


def test_scaler_unscales_for_clipping() -> None:
    p, optimizer, scaler = stepping()
    scaler.scale((p * 3.0).sum()).backward()
    assert p.grad.tolist() == [12.0, 12.0]
    scaler.unscale_(optimizer)
    assert p.grad.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    scaler.update()
    with pytest.raises(RuntimeError, match="a closure is not supported"):
        scaler.step(optimizer, closure=lambda: 0.0)


def test_scaler_goes_on_from_its_state() -> None:
    p, optimizer, scaler = stepping()
    scaler.scale(p.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    again = amp.GradScaler("cpu")
    again.load_state_dict(scaler.state_dict())
    assert again.state_dict() == scaler.state_dict()
    assert again.state_dict()["_growth_tracker"] == 1
    again.update(new_scale=16.0)
    assert again.get_scale() == 16.0


def test_small_gradients_survive_float16() -> None:
    """2^-26 is below the smallest float16; scaled by 2^10 on the way it arrives."""
    seen = {}
    for scale in (1.0, 2.0**10):
        p = nn.Parameter(minigrad.ones(1, 1))
        optimizer = minigrad.optim.SGD([p], lr=1.0)
        scaler = amp.GradScaler("cpu", init_scale=scale)
        with minigrad.autocast("cpu", dtype=minigrad.float16):
            y = p @ minigrad.ones(1, 1)
        scaler.scale(y.float().sum() * 2.0**-26).backward()
        scaler.unscale_(optimizer)
        seen[scale] = p.grad.item()
    assert seen == {1.0: 0.0, 2.0**10: 2.0**-26}


@pytest.mark.parametrize("cast_inputs", [None, minigrad.float32])
def test_own_functions(cast_inputs: Any) -> None:
    types = []

    class Product(minigrad.autograd.Function):
        @staticmethod
        @amp.custom_fwd(device_type="cpu", cast_inputs=cast_inputs)
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            types.append((x @ w).dtype)
            return x @ w

        @staticmethod
        @amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Tensor) -> tuple:
            x, w = ctx.saved_tensors
            types.append((x @ w).dtype)
            return g @ w.T, x.T @ g

    x, w = tensors((3, 4), (4, 2), grad=True)
    with minigrad.autocast("cpu"):
        y = Product.apply(x, w)
    y.float().sum().backward()
    assert types == [HALF if cast_inputs is None else SINGLE] * 2
    assert x.grad.shape == (3, 4)
