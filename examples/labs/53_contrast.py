"""Contrast: is a normalized net indifferent to the scale of what it is shown?

Claim: "Normalization makes a network robust to changes of its inputs' scale, such as contrast."

Source: several articles, of batch norm; Ba et al. 2016, table 1, of layer norm (the case's own scale cancels).

Set-up: CNN3 with each normalization, trained on the digits (0.2, six epochs, He); the held-out digits with their contrast
multiplied by 0.1 ... 10; batch norm in evaluation mode, as nets are used, and in training mode with batches of 64.

Changes: training on pictures of several contrasts teaches every net to be indifferent.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, cnn3, images, initialise, train

SCALES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
NAMES = {"none": "none", "bn": "batch norm, evaluation", "bn train": "batch norm, training mode", "ln": "layer norm",
         "gn": "group norm", "in": "instance norm"}  # fmt: skip


def in_batches(model: mg.nn.Module, x: mg.Tensor, y: mg.Tensor) -> float:
    """Accuracy in training mode, with batches of 64."""
    starts = range(0, len(y) - 63, 64)
    return sum(accuracy(model, x[k : k + 64], y[k : k + 64], training=True) for k in starts) / len(starts)


def measure(run: Run) -> None:
    split = partial(images, run.data, limit=10_000, device=run.device)
    classes = int(split().y.max().item()) + 1

    def cell(norm: str, seed: int) -> dict:
        data = split(seed=seed)
        model = initialise(cnn3(norm, data.x.shape[1:], classes), "he").to(run.device)
        train(model, data, lr=0.2, epochs=run.pick(6, 4), seed=seed, evaluate=False)
        found = {norm: [accuracy(model, data.test_x * scale, data.test_y) for scale in SCALES]}
        if norm == "bn":
            order = mg.randperm(len(data.test_y))
            x, y = data.test_x[order], data.test_y[order]
            found["bn train"] = [in_batches(model, x * scale, y) for scale in SCALES]
        return {"accuracy": found}

    norms = run.pick(["none", "bn", "ln", "gn", "in"], ["none", "bn", "ln"])
    cells = run.sweep(cell, norm=norms, seed=run.seeds)
    kinds = [kind for kind in NAMES if kind.split()[0] in norms]
    curves = {k: [found[k] for found in column(cells, "accuracy", norm=k.split()[0])] for k in kinds}
    middle = {k: [spread(values)["median"] for values in zip(*curves[k], strict=True)] for k in kinds}
    run.table(["contrast ×", *map(str, SCALES)], [[NAMES[k], *middle[k]] for k in kinds], "Held-out accuracy, median")
    run.keep(cells=cells, scales=SCALES, medians=middle)
    for k in kinds:
        one = middle[k][SCALES.index(1.0)]
        for name, places in (("less", (0, 1)), ("more", (5, 6))):
            worst = min(middle[k][place] for place in places)
            run.check("contrast changed 5 to 10 times costs less than 5 points", one - worst < 0.05, f"{NAMES[k]}, {name}",
                      accuracy=worst, unchanged=one)  # fmt: skip

    def draw(ax):
        for k in kinds:
            style = {"color": COLORS[k.split()[0]], "linestyle": ":" if k == "bn train" else "-"}
            band(ax, SCALES, curves[k], NAMES[k], marker="o", **style)
        ax.set(xlabel="contrast of the held-out digits, × that of training", ylabel="held-out accuracy", xscale="log")
        ax.legend()

    run.draw(draw, size=(7, 4.6))


if __name__ == "__main__":
    main(measure)
