"""docs/keras.md: its code runs and prints what it says, and what its tables name is there, with the defaults they state."""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "keras.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NAMED = sorted(set(re.findall(r"`((?:nn|optim|minigrad)\.[\w.]*\w)", PAGE)))


def test_the_code_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture) -> None:
    names: dict = {"__name__": "keras"}
    for code in BLOCKS:
        exec(compile(code, "keras.md", "exec"), names)
        printed = capsys.readouterr().out.splitlines()
        assert printed == [line.split("  # ")[1] for line in code.splitlines() if line.startswith("print(")]


@pytest.mark.parametrize("name", NAMED)
def test_what_the_tables_name_is_here(name: str) -> None:
    found = minigrad
    for part in name.removeprefix("minigrad.").split("."):
        found = getattr(found, part)


def default(kind: type, name: str) -> float:
    return inspect.signature(kind).parameters[name].default


def test_the_defaults_are_those_of_the_tables() -> None:
    assert default(nn.BatchNorm2d, "momentum") == 0.1 and default(nn.BatchNorm2d, "eps") == 1e-5
    assert default(nn.LayerNorm, "eps") == 1e-5 and default(nn.LeakyReLU, "negative_slope") == 0.01
    for kind, options in [
        (optim.SGD, {"lr": 1e-3}),
        (optim.Adam, {"lr": 1e-3, "eps": 1e-8}),
        (optim.AdamW, {"weight_decay": 0.01}),
        (optim.RMSprop, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}),
        (optim.Adagrad, {"lr": 0.01, "initial_accumulator_value": 0, "eps": 1e-10}),
    ]:
        assert {name: default(kind, name) for name in options} == options


def test_keras_batch_norm() -> None:
    """Keras' formula on the last dimension, and a layer made as the table says, on dimension 1."""
    rng = np.random.default_rng(0)
    x, mean, var = rng.standard_normal((4, 5, 6, 3)), np.zeros(3), np.ones(3)
    layer = nn.BatchNorm2d(3, eps=1e-3, momentum=nn.utils.momentum_from_keras(0.99)).double()
    y = layer(minigrad.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    flat = x.reshape(-1, 3)
    np.testing.assert_allclose(y.detach().numpy(), (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-3), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.99 * mean + 0.01 * flat.mean(0), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.99 * var + 0.01 * flat.var(0, ddof=1), rtol=1e-12)
    with pytest.raises(ValueError, match="momentum must be in 0"):
        nn.utils.momentum_from_keras(99)


def test_a_momentum_that_looks_like_keras_brings_a_warning() -> None:
    for momentum, warned in [(0.1, False), (0.49, False), (0.5, True), (0.99, True), (None, False)]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nn.BatchNorm1d(2, momentum=momentum)
        assert bool(caught) == warned


def test_weights_cross_over_as_the_table_says() -> None:
    rng = np.random.default_rng(0)
    kernel, x = rng.standard_normal((3, 3, 2, 4)), rng.standard_normal((1, 5, 5, 2))
    y = minigrad.nn.functional.conv2d(minigrad.tensor(x).permute(0, 3, 1, 2), minigrad.tensor(kernel).permute(3, 2, 0, 1))
    plain = [[np.einsum("hwi,hwio->o", x[0, i : i + 3, j : j + 3], kernel) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(y.permute(0, 2, 3, 1).numpy()[0], plain, rtol=1e-12)
