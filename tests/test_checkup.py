"""`diagnose.checkup` finds planted mistakes, names them, and is silent about sound trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset, digits
from minigrad.diagnose import checkup

F = nn.functional


def loaders(flat: bool = True, batch: int = 64) -> tuple[DataLoader, DataLoader]:
    train, test = digits(flat=flat, normalize=True)
    return DataLoader(train, batch, shuffle=True, generator=mg.Generator().manual_seed(0)), DataLoader(test, batch)


def mlp(*middle: nn.Module, wide: int = 32) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, wide), *(middle or (nn.ReLU(),)), nn.Linear(wide, 10))


def found(model: nn.Module, *, loss: Callable = F.cross_entropy, loader: Iterable | None = None, **given: object) -> set[str]:
    optimizer = given.pop("optimizer", None) or optim.SGD(model.parameters(), lr=0.1)
    return {f.what for f in checkup(model, loss, loader or loaders()[0], optimizer, **given)}


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Linear(8, 16), nn.Linear(16, 10)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.out(self.layers(self.embed(x.reshape(len(x), 8, 8))).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type = nn.LSTM) -> None:
        super().__init__()
        self.steps, self.out = kind(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.out(self.steps(x.reshape(len(x), 8, 8))[0][:, -1])


def cnn() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 2),
                         nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 10))  # fmt: skip


SOUND = {
    "mlp": mlp,
    "deep mlp": lambda: nn.Sequential(*(p for k in range(5) for p in (nn.Linear(64, 64), nn.ReLU())), nn.Linear(64, 10)),
    "batch norm": lambda: mlp(nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5)),
    "sigmoid": lambda: mlp(nn.Sigmoid()),
    "tanh": lambda: mlp(nn.Tanh()),
    "transformer": Transformer,
    "lstm": Recurrent,
    "gru": lambda: Recurrent(nn.GRU),
    "rnn": lambda: Recurrent(nn.RNN),
}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1), "slow": lambda p: optim.SGD(p, lr=0.01), "adam": lambda p: optim.Adam(p, lr=1e-3),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_of_a_sound_training(name: str, seed: int) -> None:
    for kind, make in OPTIMIZERS.items():
        mg.manual_seed(seed)
        model = SOUND[name]()
        train, test = loaders()
        assert not checkup(model, F.cross_entropy, train, make(model.parameters()), held_out=test), (name, kind)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_said_of_a_cnn_before_and_after_training(seed: int) -> None:
    mg.manual_seed(seed)
    model, (train, test) = cnn(), loaders(flat=False)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: mg.Tensor, y: mg.Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    assert not checkup(model, F.cross_entropy, train, optimizer, held_out=test, step=step)
    for _ in range(2):
        for x, y in train:
            step(x, y)
    assert not checkup(model, F.cross_entropy, train, optimizer, held_out=test, step=step)


def test_nothing_is_said_of_a_regression_and_of_yes_and_no() -> None:
    x = mg.randn(256, 3)
    for y, loss in ((x.sum(1, keepdim=True), F.mse_loss), ((x[:, :1] > 0).float(), F.binary_cross_entropy_with_logits)):
        model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
        assert not found(model, loss=loss, loader=DataLoader(TensorDataset(x, y), 64))


def test_model_optimizer_and_random_numbers_stay_as_they_are() -> None:
    model, (train, _) = mlp(nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5)), loaders()
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(x: mg.Tensor, y: mg.Tensor) -> None:
        model.eval()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    step(*next(iter(train)))
    model.train()
    before = [t.tolist() for t in (*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters()))]
    memory, state = str(optimizer.state_dict()), mg.get_rng_state().tolist()
    assert {"zero_grad", "mode"} <= {f.what for f in checkup(model, F.cross_entropy, list(train), optimizer, step=step)}
    assert before == [t.tolist() for t in (*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters()))]
    assert (memory, state) == (str(optimizer.state_dict()), mg.get_rng_state().tolist())
    assert model.training and all(layer.training for layer in model.modules())


# -- planted -----------------------------------------------------------------------------------------------------------------


def test_labels_in_order() -> None:
    x, y = digits(flat=True, normalize=True)[0].tensors
    order = y.argsort()
    assert found(mlp(), loader=DataLoader(TensorDataset(x[order], y[order]), 64)) >= {"order"}
    assert "labels" in found(mlp(), loader=DataLoader(TensorDataset(x, y * 0), 64))


def test_inputs_that_nobody_normalized() -> None:
    x, y = digits(flat=True)[0].tensors
    assert "inputs" in found(mlp(), loader=DataLoader(TensorDataset(x * 255, y), 64, shuffle=True))
    x = x.clone()
    x[3, 5] = np.nan
    assert "inputs" in found(mlp(), loader=DataLoader(TensorDataset(x, y), 64))


def test_held_out_cases_in_the_training_set() -> None:
    train = loaders()[0]
    assert found(mlp(), held_out=list(train)[:2]) == {"leak"}


def test_evaluation_mode() -> None:
    assert found(mlp(nn.Dropout(0.5), nn.ReLU()).eval()) == {"mode"}
    assert found(mlp(nn.BatchNorm1d(32), nn.ReLU()).eval()) == {"mode"}
    assert not found(mlp().eval()), "nothing in it behaves otherwise"


def test_batch_norm_over_few_values() -> None:
    assert "batch norm" in found(mlp(nn.BatchNorm1d(32), nn.ReLU()), loader=loaders(batch=4)[0])
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        found(mlp(nn.BatchNorm1d(32), nn.ReLU()), loader=loaders(batch=1)[0])


def test_softmax_twice() -> None:
    assert "warning" in found(
        mlp(nn.ReLU(), nn.Linear(32, 32), nn.Softmax(1)), loss=lambda z, y: F.cross_entropy(z.softmax(1), y)
    )
    assert "warning" in found(mlp(), loss=lambda z, y: F.nll_loss(z, y))


def test_parameters_without_a_gradient() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.spare = nn.Linear(64, 32), nn.Linear(32, 10), nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.b(self.a(x).detach())

    told = checkup(Cut(), F.cross_entropy, loaders()[0])
    assert [f.what for f in told] == ["gradient"] and "a.weight, a.bias, spare.weight (4 of 6" in str(told)
    assert found(mlp().requires_grad_(False), optimizer=optim.SGD([mg.nn.Parameter(mg.ones(1))], lr=0.1)) >= {"gradient"}


def test_vanishing_and_exploding() -> None:
    def stack(act: type, scale: float) -> nn.Sequential:
        model = nn.Sequential(*(p for _ in range(12) for p in (nn.Linear(64, 64), act())), nn.Linear(64, 10))
        with mg.no_grad():
            for layer in model:
                if isinstance(layer, nn.Linear):
                    layer.weight.mul_(scale)
        return model

    assert "vanishing" in found(stack(nn.Sigmoid, 1.0))
    assert "exploding" in found(stack(nn.Identity, 10.0))


def test_dead_and_saturated_units() -> None:
    model = mlp()
    with mg.no_grad():
        model[0].bias.fill_(-20.0)
    assert "dead units" in found(model)
    model = mlp(nn.Tanh())
    with mg.no_grad():
        model[0].weight.mul_(100)
    assert "saturated" in found(model)


def test_units_that_are_copies() -> None:
    model = mlp()
    for p in model.parameters():
        nn.init.constant_(p, 0.1)
    assert "copies" in found(model)


def test_an_optimizer_of_another_model() -> None:
    assert "optimizer" in found(mlp(), optimizer=optim.SGD(mlp().parameters(), lr=0.1))


@pytest.mark.parametrize(("lr", "hint"), [(1e3, "a smaller"), (1e-9, "a larger")])
def test_rates(lr: float, hint: str) -> None:
    mg.manual_seed(0)
    model = mlp()
    (told,) = checkup(model, F.cross_entropy, loaders()[0], optim.SGD(model.parameters(), lr=lr))
    assert told.what == "rate" and hint in told.hint


def test_a_loss_that_no_rate_makes_smaller() -> None:
    assert "learning" in found(mlp(), loss=lambda z, y: F.cross_entropy(z, y) * 0 + 1.0)


def test_gradients_that_are_not_cleared() -> None:
    model, (train, _) = mlp(), loaders()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: mg.Tensor, y: mg.Tensor) -> None:
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    assert [f.what for f in checkup(model, F.cross_entropy, train, optimizer, step=step)] == ["zero_grad"]


def test_what_it_says() -> None:
    assert str(checkup(mlp(), F.cross_entropy, loaders()[0])) == "nothing looks wrong"
    told = str(checkup(mlp(nn.Dropout(0.5)).eval(), F.cross_entropy, loaders()[0]))
    assert told == "mode: in evaluation mode: 1. Hint: model.train() before training"
    with pytest.raises(ValueError, match=r"expected batches \(x, y\), got dict"):
        checkup(mlp(), F.cross_entropy, [{"x": 1}])
    with pytest.raises(ValueError, match="the loader has no batch"):
        checkup(mlp(), F.cross_entropy, [])
    with pytest.raises(ValueError, match=r"can't be copied.*nn\.utils\.parametrizations can"):
        checkup(nn.Sequential(nn.utils.weight_norm(nn.Linear(64, 10))), F.cross_entropy, loaders()[0])
    with pytest.raises(ValueError, match="step needs the optimizer"):
        checkup(mlp(), F.cross_entropy, loaders()[0], step=print)
