"""The ready training loop: what it reports, stops, clips, and that an interrupted run goes on bit for bit."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from minigrad import data, nn, optim, train


class Stop(Exception):
    pass


class Writer:
    def __init__(self) -> None:
        self.seen: list[tuple] = []

    def add_scalar(self, *what: Any) -> None:
        self.seen.append(what)


def parts(own: bool = False) -> tuple:
    """A model with dropout and batch norm, so that random numbers and buffers matter; its optimizer, schedule and data."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    generator = minigrad.Generator().manual_seed(4) if own else None
    loader = data.DataLoader(data.two_moons(100, seed=1), 16, shuffle=True, generator=generator)
    return model, optimizer, schedule, loader


def run(made: tuple, loss: Any = None, **options: Any) -> train.History:
    model, optimizer, schedule, loader = made
    held_out = data.DataLoader(data.two_moons(60, seed=2), 60)
    return train.fit(model, loss or nn.CrossEntropyLoss(), optimizer, loader, held_out, scheduler=schedule,
                     metric=train.accuracy, progress=False, **options)  # fmt: skip


def test_it_learns_and_tells() -> None:
    writer = Writer()
    history = run(parts(), epochs=10, clip=1.0, writer=writer)
    assert len(history.loss) == 70
    assert history.epochs[-1]["held-out metric"] > 0.8  # by chance: 0.5
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]
    assert writer.seen[0] == ("loss", history.loss[0], 1)
    assert ("epoch/metric", history.epochs[9]["metric"], 10) in writer.seen


@pytest.mark.parametrize("own", [False, True], ids=["default-generator", "own-generator"])
@pytest.mark.parametrize(("steps", "at"), [(None, 17), (5, 17), (5, 21), (1, 8)])
@pytest.mark.parametrize("each_step", [False, True])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Any, own: bool, steps: Any, at: int, each_step: bool) -> None:
    whole, left = parts(own), [at]
    expected = run(whole, epochs=5, each_step=each_step)

    def interrupted(output: Any, target: Any) -> Any:
        if made[0].training:
            left[0] -= 1
            if left[0] == 0:
                raise Stop
        return nn.CrossEntropyLoss()(output, target)

    made = parts(own)
    options: dict = dict(epochs=5, each_step=each_step, checkpoint=tmp_path / "run", checkpoint_steps=steps, resume=True)
    with pytest.raises(Stop):
        run(made, interrupted, **options)
    made = parts(own)
    minigrad.manual_seed(99)  # a new process begins elsewhere
    again = run(made, **options)
    assert again.loss == expected.loss
    assert again.epochs == expected.epochs
    for x, y in zip(made[0].state_dict().values(), whole[0].state_dict().values(), strict=True):
        assert x.tolist() == y.tolist()
    assert run(made, **options).loss == expected.loss  # there is nothing left to do


def test_early_stopping() -> None:
    model, optimizer, _, loader = parts()
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    model.eval()
    history = train.fit(nn.Sequential(model[0], model[4]), nn.CrossEntropyLoss(), optimizer, loader, epochs=50, patience=3,
                        progress=False)  # fmt: skip
    assert 4 <= len(history.epochs) < 50


def test_plot(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    figure = run(parts(), epochs=2).plot(tmp_path / "run.png")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "metric"]
    assert len(figure.axes[0].lines) == 2
    assert (tmp_path / "run.png").stat().st_size > 1000


def test_bad_options_and_losses() -> None:
    for options, message in [
        (dict(epochs=0), "epochs must be an integer >= 1, got 0"),
        (dict(clip=-1.0), "clip must be a finite number above 0"),
        (dict(resume=True), "need checkpoint=path"),
        (dict(patience=0), "patience must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(parts(), **options)  # type: ignore[arg-type]
    with pytest.raises(FloatingPointError, match="the loss is nan at step 1"):
        run(parts(), lambda output, target: output.sum() * float("nan"))
    made = parts()
    with pytest.raises(ValueError, match="the loader gave no batches"):
        train.fit(made[0], nn.CrossEntropyLoss(), made[1], [], progress=False)
