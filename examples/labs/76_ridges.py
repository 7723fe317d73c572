"""Covariate shift as the articles draw it: do the layers' inputs stay where they are?

Claim: "While a net trains, the distribution of each layer's inputs shifts and widens; batch norm keeps it where it is."

Source: Ioffe & Szegedy 2015, figure 1; the ridge plots of most articles.

Set-up: MLP3 on the digits, plain and with batch norm, default and He first weights, SGD at 0.1, six epochs. Every seventh
step a histogram of what enters each ReLU (all units together) and of what leaves each linear layer; shift: half the sum of
the differences between the first and a later histogram (0: the same, 1: no overlap), mean over the three layers.

Changes: γ and β move, so the distribution behind batch norm is free to move with them over a longer training.
"""

import numpy as np

from minigrad import nn
from minigrad.diagnose.measure import activations, column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import images, initialise, mlp3, train

BINS = np.concatenate([[-1e30], np.linspace(-6, 6, 121), [1e30]])
EVERY = 7


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=2000, device=run.device)
    classes = int(data.y.max().item()) + 1

    def cell(norm: str, init: str, seed: int) -> dict:
        model = initialise(mlp3(norm, inputs=data.x.shape[1], classes=classes), init).to(run.device)
        with activations(model, (nn.Linear, nn.BatchNorm1d), EVERY, BINS) as rows:
            train(model, data, lr=0.1, epochs=run.pick(6, 4), seed=seed, evaluate=False)
        found = {}
        for name, kind in (("before", nn.Linear), ("entering", nn.BatchNorm1d if norm == "bn" else nn.Linear)):
            layers = [layer for layer, module in model.named_modules() if isinstance(module, kind)][:3]
            found[name] = [[row["histogram"] for row in rows if row["layer"] == layer] for layer in layers]
        return found

    cells = run.sweep(cell, norm=["none", "bn"], init=["default", "he"], seed=run.seeds)

    def shifts(found: list) -> list[float]:
        """By step, the mean over the layers of the distance from the first histogram."""
        shares = np.array(found)
        return list(np.abs(shares - shares[:, :1]).sum(2).mean(0) / 2)

    curves = {(c["norm"], c["init"], c["seed"], place): shifts(c[place]) for c in cells for place in ("before", "entering")}
    steps = [EVERY * k for k in range(len(next(iter(curves.values()))))]

    def curve(norm: str, init: str, place: str) -> list[list[float]]:
        return [curves[norm, init, seed, place] for seed in run.seeds]

    rows = []
    for init in ("default", "he"):
        ends = [[c[-1] for c in curve(n, init, place)]
                for n, place in (("none", "entering"), ("bn", "entering"), ("bn", "before"))]  # fmt: skip
        plain, bn, before = (spread(values)["median"] for values in ends)
        rows.append([init, plain, bn, before])
        run.check("what enters the activations shifts by a tenth or more without batch norm", plain > 0.1, init, shift=plain)
        run.ahead("with batch norm it shifts less than without", init, plain=ends[0], bn=ends[1])
        run.check("with batch norm it stays where it is (shift below 0.05)", bn < 0.05, init, shift=bn)
        run.ahead("what arrives at batch norm itself shifts less than in the plain net", init, plain=ends[0], before_bn=ends[2])
    run.table(["first weights", "plain", "behind batch norm", "before batch norm"], rows, "Shift over the training, 0 to 1")
    run.keep(steps=steps, shifts={" ".join(map(str, key)): c for key, c in curves.items()})

    def draw(*axes):
        middle = (BINS[1:-2] + BINS[2:-1]) / 2
        for k, norm in enumerate(("none", "bn")):
            one = column(cells, "entering", norm=norm, init="he", seed=run.seeds[0])[0]
            for layer in range(3):
                ax = axes[4 * k + layer]
                picked = [*range(0, len(steps), max(1, len(steps) // 8))]
                for place, at in enumerate(reversed(picked)):
                    height = np.array(one[layer][at][1:-1]) * 120 / 12  # a density
                    base = 0.25 * (len(picked) - 1 - place)
                    ax.fill_between(middle, base, base + height, color=COLORS[norm], alpha=0.75, linewidth=0.6,
                                    edgecolor="white", zorder=place)  # fmt: skip
                ax.set_yticks([0.25 * j for j in range(len(picked))], [str(steps[at]) for at in picked])
                ax.set(xlabel=f"enters ReLU {layer + 1} ({'plain' if norm == 'none' else 'batch norm'}, He)", ylabel="step")
        for ax, init in ((axes[3], "default"), (axes[7], "he")):
            for norm, place, label, line in (("none", "entering", "plain", "-"), ("bn", "entering", "behind BN", "-"),
                                             ("bn", "before", "before BN", ":")):  # fmt: skip
                band(ax, steps, curve(norm, init, place), label, color=COLORS[norm], linestyle=line)
            ax.set(xlabel=f"step ({init} first weights)", ylabel="shift since the first step", ylim=(0, None))
            ax.legend(fontsize=8)

    run.draw(draw, rows=2, columns=4, size=(16, 7.5))


if __name__ == "__main__":
    main(measure)
