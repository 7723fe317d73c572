"""Fifty training steps from equal weights on equal batches: the losses and the final state equal PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.data import digits

torch = pytest.importorskip("torch")

STEPS = 50


def mlp(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 10))


def cnn(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def layer_norm(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.LayerNorm(48), nn.Tanh(), nn.Linear(48, 10))


OPTIMIZERS = {
    "sgd": lambda lib, model: lib.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True),
    "adam": lambda lib, model: lib.optim.Adam(model.parameters(), lr=3e-3),
}


# Adam divides by the size of the gradient, so where that is rounding noise alone (the bias before a batch norm) it walks by
# whole steps in a direction that rounding decides. In float32 this reaches the losses after some 20 steps; hence float64.
DTYPE = {"sgd": "float32", "adam": "float64"}


def step(lib: Any, model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray) -> float:
    optimizer.zero_grad()
    loss = lib.nn.CrossEntropyLoss()(model(lib.tensor(x)), lib.tensor(y))
    loss.backward()
    optimizer.step()
    return loss.item()


def level(ours: Any, theirs: Any) -> None:
    """Give a model, or an optimizer, the state of PyTorch's."""

    def taken_over(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: taken_over(part) for name, part in value.items()}
        return minigrad.tensor(value.detach().numpy()) if isinstance(value, torch.Tensor) else value

    ours.load_state_dict(taken_over(dict(theirs.state_dict())))


@pytest.mark.parametrize("kernels", ["numpy", "auto"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("build", [mlp, cnn, layer_norm], ids=lambda f: f.__name__)
def test_fifty_steps(build: Any, optimizer: str, kernels: str) -> None:
    images, labels = (t.numpy() for t in digits()[0].tensors)
    images = images.astype(DTYPE[optimizer])
    rng = np.random.default_rng(0)
    batches = [(images[rows], labels[rows]) for rows in (rng.permutation(len(images))[:32] for _ in range(STEPS))]
    torch.manual_seed(0)
    theirs, ours = (build(lib).to(getattr(lib, DTYPE[optimizer])) for lib in (torch, minigrad))
    there, here = OPTIMIZERS[optimizer](torch, theirs), OPTIMIZERS[optimizer](minigrad, ours)
    level(ours, theirs)
    mine, expected = [], []
    minigrad.backends.use(kernels)
    try:
        for batch in batches:
            if (
                DTYPE[optimizer] == "float32"
            ):  # a ReLU or a pool on the brink turns with the last bit: it shows in its step alone
                level(ours, theirs)
                level(here, there)
            mine.append(step(minigrad, ours, here, *batch))
            expected.append(step(torch, theirs, there, *batch))
    finally:
        minigrad.backends.use("auto")
    np.testing.assert_allclose(mine, expected, atol=1e-4)
    assert expected[-1] < 0.5 * expected[0]
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].numpy(), value.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)
