"""Three modes: does batch norm work because it keeps distributions where they are?

Claim: "Batch norm works because it reduces internal covariate shift." If it did, noise behind it that moves every
distribution in every step would undo the gain.

Source: Ioffe & Szegedy 2015, §2, and all articles; refuted by Santurkar et al. 2018, §2.1 and figure 2.

Set-up: VGGs plain, with batch norm, and with batch norm and noise behind it (each step and channel draws a mean from U(−0.5,
0.5) and a scale from U(1, 1.25), with a small jitter for each case; "loud": four times as much), default and He first
weights, two rates, eight epochs. Drift: how far the mean and the deviation of each channel before the fourth convolution move
from one step to the next, over the channel's usual deviation. With --vgg16, VGG16 on CIFAR-10 (better with --device cuda).

Changes: noise so large that no signal is left; a plain net whose rate was tuned finely.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, main
from minigrad.labs.setups import accuracy, convolution, images, initialise, train, vggs

MODES = {"plain": "tab:orange", "batch norm": "tab:blue", "noise": "tab:green", "loud noise": "tab:red"}
VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0 is a pooling layer


def norm_of(mode: str) -> str | Callable:
    """What `norm` a mode means."""
    if mode in ("plain", "batch norm"):
        return "none" if mode == "plain" else "bn"
    loud = 4.0 if mode == "loud noise" else 1.0
    return lambda channels, spatial: nn.NoisyBatchNorm2d(channels, noise_mean=0.5 * loud, noise_std=1 + 0.25 * loud)


def vgg16(norm: str | Callable, shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """VGG16 for images of 32 × 32: 13 convolutions and a linear layer."""
    layers, before = [], shape[0]
    for channels in VGG16:
        layers += convolution(before, channels, norm) if channels else [nn.MaxPool2d(2)]
        before = channels or before
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, classes))


def moments(model: nn.Module, which: int = 4) -> list:
    """A list to which every training step will add means and deviations of the channels before a convolution."""
    seen = []

    def hook(layer: nn.Module, args: tuple) -> None:
        if layer.training:
            x = args[0].detach()
            seen.append([x.mean((0, 2, 3)).numpy(force=True), x.std((0, 2, 3)).numpy(force=True)])

    [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)][which - 1].register_forward_pre_hook(hook)
    return seen


def drift(seen: list) -> list[float]:
    """How far channels' means and deviations move in a step, over the usual deviation; channels that are dead left out."""
    means, deviations = np.array(seen).transpose(1, 0, 2)
    usual = deviations.mean(0)
    alive = usual > 1e-3 * usual.max()
    if not alive.any() or len(seen) < 2 or not np.isfinite(usual).all():
        return [np.nan, np.nan]
    return [float((np.abs(np.diff(part[:, alive], axis=0)) / usual[alive]).mean()) for part in (means, deviations)]


def measure(run: Run) -> None:
    large = run.extra["vgg16"]
    name = "cifar10" if large and not run.data.startswith("cifar10") else run.data
    split = partial(images, name, limit=run.pick(None if large else 640, 128 if large else 450), device=run.device)
    classes, net = int(split().y.max().item()) + 1, vgg16 if large else vggs

    def cell(mode: str, init: str, lr: float, seed: int) -> dict:
        data = split(seed=seed)
        model = initialise(net(norm_of(mode), data.x.shape[1:], classes), init).to(run.device)
        seen = moments(model)
        done = train(model, data, lr=lr, epochs=run.pick(8, 1 if large else 5), seed=seed, evaluate=False)
        reached = accuracy(model, data.test_x[:2000], data.test_y[:2000])
        return {"accuracy": reached, "drift": drift(seen), "losses": done["loss"],
                "means": [[float(x) for x in m[:4]] for m, _ in seen]}  # fmt: skip

    rates = run.pick([0.05, 0.2], [0.2])
    cells = run.sweep(cell, mode=list(MODES), init=["default", "he"], lr=rates, seed=run.seeds)
    run.keep(cells=[{k: v for k, v in c.items() if k not in ("losses", "means")} for c in cells])
    rows, found = [], {}
    for init in ("default", "he"):
        for lr in rates:
            for mode in MODES:
                here = {"mode": mode, "init": init, "lr": lr}
                drifts = [spread(parts)["median"] for parts in zip(*column(cells, "drift", **here), strict=True)]
                reached = spread(column(cells, "accuracy", **here))
                found[init, lr, mode] = reached["median"], *drifts
                rows.append([f"{init}, {lr}, {mode}", reached["median"], reached["low"], reached["high"], *drifts])
    run.table(["", "accuracy", "lowest", "highest", "drift of means", "drift of deviations"], rows,
              "Held-out accuracy and drift a step, medians over the seeds")  # fmt: skip

    def by_seed(what: str, mode: str, init: str, lr: float) -> list:
        values = column(cells, what, mode=mode, init=init, lr=lr)
        return [of_means for of_means, _ in values] if what == "drift" else values

    for (init, lr, mode), (reached, means, _) in found.items():
        under, (plain, plain_drift, _), bn = f"{init}, {lr}", found[init, lr, "plain"], found[init, lr, "batch norm"]
        if mode == "batch norm":
            run.ahead("batch norm trains better than the plain net (by a point)", under, 0.01,
                      bn=by_seed("accuracy", mode, init, lr), plain=by_seed("accuracy", "plain", init, lr))  # fmt: skip
            run.ahead("distributions drift less with batch norm", under, plain=by_seed("drift", "plain", init, lr),
                      bn=by_seed("drift", mode, init, lr))  # fmt: skip
        elif mode != "plain" and means > plain_drift:
            run.check("where distributions drift more than without batch norm, its gain is gone",
                      reached <= (plain + bn[0]) / 2, f"{under}, {mode}",
                      accuracy=reached, plain=plain, bn=bn[0], drift=means, plain_drift=plain_drift)  # fmt: skip

    def draw(*axes):
        for k, init in enumerate(("default", "he")):
            for j, (mode, color) in enumerate(MODES.items()):
                for i, lr in enumerate(rates):
                    values = column(cells, "accuracy", mode=mode, init=init, lr=lr)
                    label = mode if not i else None
                    axes[k].plot([i + 0.15 * (j - 1.5)] * len(values), values, "o", alpha=0.5, color=color, label=label)
                    axes[k].plot(i + 0.15 * (j - 1.5), np.median(values), "_", markersize=16, color=color)
            axes[k].set_xticks(range(len(rates)), [f"rate {lr}" for lr in rates])
            axes[k].set(xlabel=f"{init} first weights", ylabel="held-out accuracy", ylim=(0, 1.05))
        axes[0].legend(loc="center")
        for j, (mode, color) in enumerate(MODES.items()):
            one = column(cells, "means", mode=mode, init="he", lr=rates[-1], seed=run.seeds[0])[0]
            for channel in range(2):
                values = np.array(one)[:, channel]
                axes[2].plot(values + 6 * (3 - j), color=color, linewidth=0.8)
        axes[2].set_yticks([6 * (3 - j) for j in range(4)], list(MODES))
        axes[2].set(xlabel=f"step (He, rate {rates[-1]}, one seed)", ylabel="mean of two channels before convolution 4")

    run.draw(draw, columns=3, size=(15, 4.2))


if __name__ == "__main__":
    main(measure, extra={"vgg16": "VGG16 on CIFAR-10, whose binary version, unpacked, belongs in ./data"})
