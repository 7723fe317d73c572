"""Batch norm and dropout: does the noise of batch norm replace dropout?

Claim: "Batch norm regularizes, so dropout can be left out."

Source: Ioffe & Szegedy 2015, §3.4 and §4.2.1; most articles.

Set-up: MLP3 on 256 digits, with the labels as they are and with 30 % of them drawn anew; nothing, dropout of 0.5 after each
activation, batch norm, or both; He first weights, the best of two rates, 25 epochs with B = 32; accuracy on the held-out
digits.

Changes: early stopping, which helps every net against wrong labels; batches of few cases, whose noise is larger.
"""

from functools import partial

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, main
from minigrad.labs.setups import accuracy, images, initialise, mlp3, train

KINDS = {"nothing": "tab:orange", "dropout": "tab:gray", "batch norm": "tab:blue", "both": "tab:purple"}


def network(kind: str, inputs: int, classes: int) -> nn.Sequential:
    model = mlp3("bn" if kind in ("batch norm", "both") else "none", inputs=inputs, classes=classes)
    if kind in ("nothing", "batch norm"):
        return model
    return nn.Sequential(*(nn.Sequential(layer, nn.Dropout(0.5)) if isinstance(layer, nn.ReLU) else layer for layer in model))


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=256, device=run.device)
    classes = int(split().y.max().item()) + 1
    epochs, rates = run.pick(25, 12), run.pick([0.05, 0.2], [0.1])

    def cell(labels: str, kind: str, lr: float, seed: int) -> dict:
        used = data = split(seed=seed)
        if labels == "noisy":
            wrong = (mg.rand(len(data.y)) < 0.3).to(run.device)
            used = data._replace(y=mg.where(wrong, mg.randint(0, classes, (len(data.y),)).to(run.device), data.y))
        model = initialise(network(kind, data.x.shape[1], classes), "he").to(run.device)
        train(model, used, lr=lr, epochs=epochs, batch=32, seed=seed, evaluate=False)
        return {"test": accuracy(model, data.test_x, data.test_y), "fitted": accuracy(model, used.x, used.y)}

    labels = ["clean", "noisy"]
    cells = run.sweep(cell, labels=labels, kind=list(KINDS), lr=rates, seed=run.seeds)
    run.keep(cells=cells)
    rows, best = [], {}
    for label in labels:
        by_seed = {}
        for kind in KINDS:
            reached = {lr: spread(column(cells, "test", labels=label, kind=kind, lr=lr)) for lr in rates}
            lr = max(rates, key=lambda rate, found=reached: found[rate]["median"])
            fitted = spread(column(cells, "fitted", labels=label, kind=kind, lr=lr))["median"]
            best[label, kind] = reached[lr]["median"], lr
            by_seed[kind] = column(cells, "test", labels=label, kind=kind, lr=lr)
            rows.append([f"{label}, {kind}", *(reached[lr][k] for k in ("median", "low", "high")), fitted, lr])
        under, (bare, dropped, bn, both) = f"{label} labels", by_seed.values()
        run.ahead("batch norm regularizes: it beats a net with nothing", under, bn=bn, nothing=bare)
        run.ahead("batch norm does at least as well as dropout (to half a point)", under, -0.005, bn=bn, dropout=dropped)
        run.ahead("beside dropout batch norm gains half a point", under, 0.005, both=both, dropout=dropped)
        run.ahead("beside batch norm dropout gains nothing (half a point)", under, -0.005, bn=bn, both=both)
    run.table(
        ["", "held-out, median", "lowest", "highest", "training labels fitted", "rate"], rows, "Accuracy at the best rate"
    )

    def draw(*axes):
        for ax, label in zip(axes, labels, strict=True):
            for k, (kind, color) in enumerate(KINDS.items()):
                middle, lr = best[label, kind]
                values = column(cells, "test", labels=label, kind=kind, lr=lr)
                ax.plot([k] * len(values), values, "o", color=color, alpha=0.6)
                ax.plot(k, middle, "_", color=color, markersize=26)
            ax.set_xticks(range(len(KINDS)), list(KINDS))
            ax.set(xlabel=f"{label} labels", ylabel="held-out accuracy at the best rate")

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, seeds=8)
