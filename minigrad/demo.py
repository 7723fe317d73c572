"""The main job: an MLP and a CNN with batch norm learn handwritten digits. `python -m minigrad demo` runs it."""

from __future__ import annotations

import importlib
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean as mean
from typing import Any

from tqdm import tqdm

from . import nn, optim
from .autograd import no_grad
from .core import Tensor
from .data import DataLoader, TensorDataset, digits
from .io import load, save
from .ops.functions import manual_seed, randn
from .trace import record
from .viz import draw

SHADES = " .:-=+*#%@"


# -- the models --------------------------------------------------------------------------------------------------------


def mlp() -> nn.Sequential:
    """Two hidden layers, each normalised: 64 -> 128 -> 64 -> 10."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip


def cnn() -> nn.Sequential:
    """Three convolutions, each normalised, and a linear layer: 8 x 8 pixels -> 4 x 4 x 32 -> 2 x 2 x 64 -> 10."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(256, 10),
    )  # fmt: skip


MODELS = {"mlp": mlp, "cnn": cnn}


# -- training ----------------------------------------------------------------------------------------------------------


@dataclass
class History:
    """What a training run saw: the loss of each step; the accuracy of each epoch, in training and held out after it."""

    loss: list[float] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)


def rate(done: float, peak: float) -> float:
    """The learning rate after a part of the training is done: up to `peak` in the first fifth, then down to zero."""
    return peak * done / 0.2 if done < 0.2 else peak * (1 - done) / 0.8


def train(name: str, model: nn.Module, data: TensorDataset, held_out: TensorDataset, epochs: int, batch_size: int = 32,
          peak: float = 5e-3) -> History:  # fmt: skip
    """Train a model with AdamW, with a progress bar. The held-out digits are looked at, never learnt from."""
    loader = DataLoader(data, batch_size, shuffle=True, drop_last=True)  # batch norm wants whole batches
    optimizer = optim.AdamW(model.parameters(), lr=peak)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    history, seen, start = History(), 0, time.perf_counter()
    with tqdm(total=epochs * len(loader), desc=name, unit="step", dynamic_ncols=True, mininterval=0.5) as bar:
        for _ in range(epochs):
            right = now = 0
            for images, labels in loader:
                optimizer.param_groups[0]["lr"] = rate(bar.n / bar.total, peak)
                scores = model(images)
                loss = loss_of(scores, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

                right += (scores.argmax(1) == labels).sum().item()
                now += len(labels)
                history.loss.append(loss.item())
                speed = (seen + now) / (time.perf_counter() - start)
                bar.set_postfix_str(
                    f"loss {mean(history.loss[-20:]):.3f}, accuracy {right / now:.1%}, {speed:,.0f} samples/s", False
                )
                bar.update()
            seen += now
            history.train.append(right / now)
            history.test.append(accuracy(model, held_out))
    return history


@no_grad()
def accuracy(model: nn.Module, data: TensorDataset) -> float:
    """The part of the digits that the model names right."""
    images, labels = data.tensors
    model.eval()
    right = (model(images).argmax(1) == labels).sum().item()
    model.train()
    return right / len(labels)


# -- what the demo leaves behind ---------------------------------------------------------------------------------------


def summary(model: nn.Sequential, images: Tensor) -> str:
    """A table of the layers, the shape that leaves each, and their numbers of parameters."""
    lines, total, x = [f"{'layer':58}{'output':>18}{'parameters':>12}"], 0, images
    model.eval()
    for name, layer in model.named_children():
        x = layer(x)
        count = sum(p.numel() for p in layer.parameters())
        lines.append(f"{shorten(f'{name:>2} {layer}'):58}{tuple(x.shape)!s:>18}{count:>12,}")
        total += count
    model.train()
    return "\n".join([*lines, f"{'total':58}{total:>30,}", ""])


def shorten(text: str, width: int = 56) -> str:
    return text if len(text) <= width else text[: width - 5] + " ...)"


def curves(histories: dict[str, History], path: Path) -> str:
    """Draw losses and accuracies; the line to print about it, which says what to install if matplotlib is missing."""
    try:
        Figure: Any = importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return f"{path}: not drawn, matplotlib is missing. Hint: pip install matplotlib"
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for color, (name, h) in zip(("tab:orange", "tab:blue"), histories.items(), strict=False):
        per_epoch = len(h.loss) // len(h.test)
        left.plot([i / per_epoch for i in range(len(h.loss))], h.loss, color=color, alpha=0.25, linewidth=0.7)
        means = [mean(h.loss[i : i + per_epoch]) for i in range(0, len(h.loss), per_epoch)]
        epochs = range(1, len(h.test) + 1)
        left.plot(epochs, means, color=color, label=name)
        right.plot(epochs, h.train, "--", color=color, label=f"{name}, training")
        right.plot(epochs, h.test, color=color, label=f"{name}, held out")
    left.set(title="cross entropy with smoothed labels (at best 0.50)", xlabel="epoch", ylim=(0.4, 2.5))
    right.set(title="accuracy", xlabel="epoch", ylim=(0.8, 1.005))
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    return f"{path}: learning curves"


def pictures(out: Path) -> list[str]:
    """Draw batch norm, closed and opened, with the numbers in it; the lines to print about it."""
    bn = nn.BatchNorm2d(3, track_running_stats=False)
    x = randn(4, 3, 2, 2).requires_grad_()
    with record(x=x) as program:
        bn(x).backward(randn(4, 3, 2, 2))
    lines = []
    for file, about, options in [
        ("batchnorm.svg", "batch norm as one node", dict(backward=False, direction="LR")),
        ("batchnorm_opened.svg", "and opened: forward in black, backward in red",
         dict(decompose=True, backward=True, values=True, gradients=True)),
    ]:  # fmt: skip
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            path = draw(program, names={"γ": bn.weight, "β": bn.bias}, **options).save(out / file)  # type: ignore[arg-type]
        lines.append(f"{path}: {caught[-1].message if caught else about}")
    return lines


def demo(seed: int = 0, epochs: int = 15, out: Path = Path("runs/demo"), quick: bool = False) -> dict[str, float]:
    """Train both models, write everything to `out`, and return the held-out accuracies."""
    start = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    epochs = 1 if quick else epochs
    data, held_out = digits()
    print(f"{len(data)} handwritten digits of 8 x 8 pixels to learn from, {len(held_out)} held out")
    histories, tables, wrote = {}, [], []
    for name, make in MODELS.items():
        manual_seed(seed)
        model = make()
        histories[name] = train(name, model, data, held_out, epochs)
        tables.append(f"{name}\n{summary(model, data.tensors[0][:1])}")
        path = out / f"{name}.safetensors"
        save({"model": name, "seed": seed, "accuracy": histories[name].test[-1], "state": model.state_dict()}, path)
        wrote.append(f"{path}: checkpoint")
    (out / "summary.txt").write_text("\n".join(tables))
    wrote = [
        f"{out / 'summary.txt'}: layers, shapes, parameters",
        *wrote,
        curves(histories, out / "curves.png"),
        *pictures(out),
    ]
    print(*tables, sep="\n")
    print(*wrote, sep="\n")
    found = {name: h.test[-1] for name, h in histories.items()}
    accuracies = ", ".join(f"{name} {a:.2%}" for name, a in found.items())
    print(f"\nheld-out accuracy: {accuracies}  ({time.perf_counter() - start:.0f} s)")
    return found


# -- prediction --------------------------------------------------------------------------------------------------------


def restored(checkpoint: str | Path) -> nn.Sequential:
    """The model of a checkpoint of the demo. Raises FileNotFoundError without one, ValueError for something else."""
    if not Path(checkpoint).exists():
        raise FileNotFoundError(f"predict: there is no file {str(checkpoint)!r}. Hint: python -m minigrad demo makes one")
    found = load(checkpoint)
    if not isinstance(found, dict) or found.get("model") not in MODELS or not isinstance(found.get("state"), dict):
        raise ValueError(f"predict: {str(checkpoint)!r} is no checkpoint of the demo. Hint: python -m minigrad demo makes one")
    model = MODELS[found["model"]]()
    model.load_state_dict(found["state"])
    return model.eval()  # type: ignore[return-value]


def as_text(image: Tensor) -> str:
    """An image of (1, H, W) in characters, dark for ink."""
    return "\n".join("".join(2 * SHADES[round(v * (len(SHADES) - 1))] for v in row) for row in image[0].tolist())


@no_grad()
def predict(checkpoint: str | Path = "runs/demo/cnn.safetensors", index: int | None = None, count: int = 3) -> None:
    """Print held-out digits as text, with what a trained model makes of them: the one at `index`, or the first few."""
    model = restored(checkpoint)
    _, held_out = digits()
    if index is not None and not 0 <= index < len(held_out):
        raise ValueError(f"predict: index must be from 0 to {len(held_out) - 1}, got {index}")
    for i in range(count) if index is None else [index]:
        image, label = held_out[i]
        chances = model(image.unsqueeze(0)).softmax(1)[0].tolist()
        best = sorted(range(10), key=lambda digit: -chances[digit])[:3]
        odds = ", ".join(f"{digit}: {chances[digit]:.1%}" for digit in best)
        print(as_text(image))
        print(f"held-out digit {i}: a {label.item()}, taken for a {best[0]}  ({odds})\n")
