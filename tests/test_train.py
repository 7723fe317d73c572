"""The ready training loop: what it reports, stops, clips, and that an interrupted run goes on bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from importlib.util import find_spec
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


@pytest.mark.parametrize("sampler", ["random", "weighted"])
def test_a_samplers_own_generator_goes_on_too(tmp_path: Any, sampler: str) -> None:
    def made() -> tuple:
        model, optimizer, schedule, _ = parts()
        points, generator = data.two_moons(50, seed=1), minigrad.Generator().manual_seed(8)
        order: Any = (data.RandomSampler(points, num_samples=120, generator=generator) if sampler == "random" else
                      data.WeightedRandomSampler([1.0] * 50, 60, generator=generator))  # fmt: skip
        return model, optimizer, schedule, data.DataLoader(points, 10, sampler=order)

    def interrupted(output: Any, target: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise Stop
        return nn.CrossEntropyLoss()(output, target)

    expected, left = run(made(), epochs=3), [9 if sampler == "weighted" else 20]
    options: dict = dict(epochs=3, checkpoint=tmp_path / "run", checkpoint_steps=3, resume=True)
    with pytest.raises(Stop):
        run(made(), interrupted, **options)
    assert run(made(), **options).loss == expected.loss


SCRIPT = """
    import os, signal, sys, time
    import minigrad
    from minigrad import data, nn, optim, train
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, pause, workers = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
    optimizer = optim.AdamW(model.parameters(), lr=0.02)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    loader = data.DataLoader(data.two_moons(100, seed=1), 16, shuffle=True, num_workers=workers)

    class Tell:
        def add_scalar(self, name, value, step):
            if name == "loss":
                print(step, flush=True)
                time.sleep(pause)

    history = train.fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=4, scheduler=schedule, progress=False,
                        checkpoint=path, checkpoint_steps=None if pause == 0.05 else 1, resume=True, writer=Tell())
    print("done", [x.hex() for x in history.loss], [p.tolist() for p in model.state_dict().values()])
"""


def training(path: Any, pause: float = 0.0, workers: int = 0) -> subprocess.Popen:
    """A process that trains with a checkpoint at `path`, tells the number of each step and waits `pause` seconds after it."""
    arguments = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(path), str(pause), str(workers)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out.splitlines()[-1]


def interrupt(process: subprocess.Popen, step: int, number: int) -> tuple[int, int]:
    """Wait for a step, send a signal; the last step it told of, and how it ended."""
    assert process.stdout is not None
    seen = 0
    while seen < step:
        seen = int(process.stdout.readline())
    process.send_signal(number)
    begun = time.monotonic()
    rest, _ = process.communicate(timeout=60)
    assert time.monotonic() - begun < 10
    return max([seen, *map(int, rest.split())]), process.returncode


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Any, workers: int) -> None:
    expected = ended(training(tmp_path / "whole", workers=workers))
    last = 0
    for step in (3, 7, 16):  # in the first epoch, at its end, in the third
        at, code = interrupt(training(tmp_path / "run", 0.02, workers), step, signal.SIGKILL)
        assert (code, at > last) == (-signal.SIGKILL, True)
        last = at
    assert ended(training(tmp_path / "run", workers=workers)) == expected
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["run", "whole"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_and_sigterm_save_first(tmp_path: Any, number: int) -> None:
    """Without checkpoint_steps, in the middle of an epoch: the step ends, and nothing is lost or done twice."""
    expected = ended(training(tmp_path / "whole"))
    at, code = interrupt(training(tmp_path / "run", 0.05), 10, number)
    assert code == -number
    assert minigrad.load(tmp_path / "run")["skip"] == at % 7
    resumed = training(tmp_path / "run")
    assert resumed.stdout is not None
    assert int(resumed.stdout.readline()) == at + 1
    assert ended(resumed) == expected


def test_signals_are_given_back(tmp_path: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run(parts(), epochs=1, checkpoint=tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("where", ["held out", "end of the batches"])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_between_steps_is_not_lost(tmp_path: Any, where: str) -> None:
    """Also after the last step, of the last epoch too: the epoch is ended and saved, then it stops."""

    class Batches(list):
        def __iter__(self) -> Any:
            yield from super().__iter__()
            signal.raise_signal(signal.SIGINT)

    model, optimizer, _, loader = parts()
    whole = list(loader)
    fed, held = (Batches(whole), whole) if where == "end of the batches" else (whole, Batches(whole))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            train.fit(model, nn.CrossEntropyLoss(), optimizer, fed, held, checkpoint=tmp_path / "run", progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    saved = minigrad.load(tmp_path / "run")
    assert (saved["skip"], len(saved["loss"]), len(saved["epochs"])) == (0, 7, 1)


def test_a_handler_that_returns_is_called_once_and_the_run_goes_on(tmp_path: Any) -> None:
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    try:
        steps = []

        def loss(output: Any, target: Any) -> Any:
            steps.append(1)
            if len(steps) in (3, 5):
                signal.raise_signal(signal.SIGTERM)
            return nn.CrossEntropyLoss()(output, target)

        assert len(run(parts(), loss, epochs=2, checkpoint=tmp_path / "run").loss) == 14
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called == [signal.SIGTERM] * 2


def test_a_checkpoint_of_something_else_is_refused_and_changes_nothing(tmp_path: Any) -> None:
    run(parts(), epochs=1, checkpoint=tmp_path / "run")
    minigrad.save({"weight": minigrad.ones(2)}, tmp_path / "other")
    for name, own, message in (("other", False, "no checkpoint of fit"), ("run", True, "the loader has a generator")):
        made = parts(own)
        before = [p.tolist() for p in made[0].state_dict().values()]
        with pytest.raises(ValueError, match=message):
            run(made, epochs=2, checkpoint=tmp_path / name, resume=True)
        assert [p.tolist() for p in made[0].state_dict().values()] == before
    model, _, schedule, loader = parts()
    schedule.optimizer = other = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="the checkpoint is that of the optimizer Adam, and this call has SGD"):
        run((model, other, schedule, loader), epochs=2, checkpoint=tmp_path / "run", resume=True)


def test_a_plateau_lowers_the_rate() -> None:
    model, optimizer, _, loader = parts()
    plateau = optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=0, threshold=0.999
    )  # all but a miracle is one
    run((model, optimizer, plateau, loader), epochs=3)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.02 * 0.01)


def test_gradients_are_clipped() -> None:
    made = parts()
    norms = []
    step = made[1].step

    def spy() -> None:
        norms.append(sum(float((p.grad**2).sum().item()) for p in made[0].parameters()) ** 0.5)
        step()

    made[1].step = spy
    run(made, epochs=1, clip=0.05)
    assert max(norms) <= 0.05 * (1 + 1e-5)
    assert min(norms) > 0.049  # they were larger before


def test_the_progress_bar(capsys: pytest.CaptureFixture) -> None:
    made = parts()
    train.fit(made[0], nn.CrossEntropyLoss(), made[1], made[3], epochs=2, metric=train.accuracy)
    shown = capsys.readouterr().err
    assert "epoch 2/2: 100%" in shown
    for word in ("loss 0.", "metric 0.", "samples/s"):
        assert word in shown


def test_a_loss_that_is_not_finite_changes_no_weight() -> None:
    made = parts()
    before = [p.tolist() for p in made[0].parameters()]
    with pytest.raises(FloatingPointError):
        run(made, lambda output, target: output.sum() * float("inf"))
    assert [p.tolist() for p in made[0].parameters()] == before


def test_logs_for_tensorboard(tmp_path: Any) -> None:
    if find_spec("tensorboardX") is None:
        with pytest.raises(ImportError, match="needs the package tensorboardX, which is not installed. Hint: pip install"):
            run(parts(), writer=tmp_path)
        return
    run(parts(), writer=tmp_path)
    assert [path for path in tmp_path.iterdir() if "tfevents" in path.name]


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


def test_a_plot_needs_something_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no epoch to show"):
        train.History().plot()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="Hint: pip install matplotlib"):
        train.History([1.0], [{"loss": 1.0}]).plot()


def test_bad_options_and_losses() -> None:
    for options, message in [
        (dict(epochs=0), "epochs must be an integer >= 1, got 0"),
        (dict(clip=-1.0), "clip must be a finite number above 0"),
        (dict(resume=True), "need checkpoint=path"),
        (dict(patience=0), "patience must be"),
        (dict(checkpoint="no/such/run"), "checkpoint must be a file's path in a folder that is there, got 'no/such/run'"),
        (dict(checkpoint="."), "checkpoint must be a file's path"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(parts(), **options)  # type: ignore[arg-type]
    with pytest.raises(FloatingPointError, match="the loss is nan at step 1"):
        run(parts(), lambda output, target: output.sum() * float("nan"))
    made = parts()
    with pytest.raises(ValueError, match="the loader gave no batches"):
        train.fit(made[0], nn.CrossEntropyLoss(), made[1], [], progress=False)


def test_parts_that_are_none_and_batches_that_are_no_pairs() -> None:
    model, optimizer, schedule, loader = parts()
    loss, x, y = nn.CrossEntropyLoss(), minigrad.randn(2, 2), minigrad.tensor([0, 1])
    given = dict(model=model, loss=loss, optimizer=optimizer, loader=[(x, y)], progress=False)
    for options, kind, message in [
        (dict(loss=nn.CrossEntropyLoss), TypeError, "loss must be a function .* got the class CrossEntropyLoss. Hint: Cross"),
        (dict(optimizer=optim.SGD), TypeError, "optimizer must be an Optimizer, got the class SGD"),
        (dict(optimizer=loss, loss=optimizer), TypeError, "got (Adam|CrossEntropyLoss)"),
        (dict(model=None), TypeError, "model must be a Module, got None"),
        (dict(scheduler="cosine"), TypeError, "scheduler must be one of optim.lr_scheduler, got str 'cosine'"),
        (dict(writer=3), TypeError, "writer must be a folder or a writer, got int 3"),
        (dict(watch=3), TypeError, "watch must be what viz.watch returns, got int 3"),
        (dict(loader=x), TypeError, r"loader must give batches .* got Tensor \(2, 2\) .* Hint: DataLoader"),
        (dict(loader=loader.dataset), TypeError, "loader must"),
        (dict(held_out=loader.dataset), TypeError, "held_out must"),
        (dict(loader=[x]), TypeError, r"a batch must be a tuple or list \(\*inputs, target\), got Tensor"),
        (dict(loader=[{"x": x, "y": y}]), TypeError, "a batch must be .* got dict"),
        (dict(loader=[(x,)]), TypeError, "a batch must be"),
        (dict(loader=[(x, y[0])]), TypeError, r"the target of a batch must have a row for each case, got Tensor \(\)"),
        (dict(loader=iter([(x, y)]), epochs=2), ValueError, "no batches in epoch 2. Hint: a DataLoader or a list"),
        (dict(loss=nn.CrossEntropyLoss(reduction="none")), ValueError, r"loss must be one number, got .* \(2,\). Hint: reduct"),
        (dict(loss=lambda a, b: loss(a, b).item()), TypeError, "the loss must be a tensor, got float"),
        (dict(metric=lambda a, b: a.argmax(1) == b), ValueError, r"the metric must be one number, got .* \(2,\)"),
        (dict(metric=lambda a, b: None), TypeError, "the metric must be a number, got None"),
        (dict(clip="1"), ValueError, "clip must be a finite number above 0, got '1'"),
        (dict(scheduler=parts()[2]), ValueError, "the scheduler is that of another optimizer"),
        (dict(scheduler=optim.lr_scheduler.ReduceLROnPlateau(optimizer), each_step=True), ValueError, "Hint: each_step=False"),
    ]:
        with pytest.raises(kind, match=f"^fit: .*{message}"):
            train.fit(**{**given, **options})
    with pytest.raises(TypeError, match="^evaluate: loader must give batches"):
        train.evaluate(model, loss, x)
    with pytest.raises(ValueError, match="^evaluate: the loader gave no batches"):
        train.evaluate(model, loss, [])


def test_an_optimizer_of_another_model_is_refused() -> None:
    """It would run to the end, and nothing would be learnt."""
    made, other = parts(), parts()
    before = [p.tolist() for p in other[0].parameters()]
    with pytest.raises(ValueError, match="the loss depends on no parameter of the optimizer"):
        train.fit(other[0], nn.CrossEntropyLoss(), made[1], made[3], progress=False)
    assert [p.tolist() for p in other[0].parameters()] == before


def test_accuracy() -> None:
    output = minigrad.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    assert train.accuracy(output, minigrad.tensor([0, 1, 2, 2])) == 0.75
    assert train.accuracy(output, nn.functional.one_hot(minigrad.tensor([0, 1, 2, 2]), 3).float()) == 0.75
    assert train.accuracy(output.t().unsqueeze(0), minigrad.tensor([[0, 1, 2, 2]])) == 0.75
    for scores, target in ((output, minigrad.ones(4, 1)), (minigrad.randn(4, 1), minigrad.ones(4, 1)),
                           (minigrad.randn(4), minigrad.ones(4))):  # fmt: skip
        with pytest.raises(ValueError, match=rf"^accuracy: expected .* got \({scores.shape[0]}, ?\d?\) and \(4, ?1?\). Hint"):
            train.accuracy(scores, target)


def test_patience_counts_epochs_whose_loss_is_not_a_number() -> None:
    nan = float("nan")
    for losses, expected in (([nan, 1.0, 0.5], False), ([1.0, nan], True), ([nan, nan], True), ([1.0, 0.5], False)):
        assert train.stopped(train.History([], [{"loss": 0.0, "held-out loss": x} for x in losses]), 1) is expected


def test_evaluate_leaves_the_modes_of_all_modules() -> None:
    model, _, _, loader = parts()
    model[1].eval()  # frozen statistics, say
    before = [module.training for module in model.modules()]
    train.evaluate(model, nn.CrossEntropyLoss(), loader)
    assert [module.training for module in model.modules()] == before == [True, True, False, True, True, True]
