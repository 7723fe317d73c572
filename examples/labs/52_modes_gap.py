"""The gap between the modes: what does a batch norm net say that was left in training mode?

Claim: "Forget model.eval() and the predictions are wrong", and "with large batches it makes no difference".

Source: most articles; Ioffe & Szegedy 2015, §3.1 (why inference must not depend on the batch).

Set-up: MLP3 with batch norm, trained on the digits with B = 64 (0.3, six epochs, He); then the held-out digits in batches of
B = 2 ... 256 in either mode: the rms difference of the logits over their deviation, the accuracy in training mode with mixed
batches, and with batches of one class each. Statistics from B independent cases err by 1/√B, and so should the logits.

Changes: layers that share statistics over space (convolutions) have more values in each mean, and a smaller gap.
"""

from functools import partial

import numpy as np

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY
from minigrad.labs.setups import accuracy, images, initialise, mlp3, train


@mg.no_grad()
def logits(model: mg.nn.Module, x: mg.Tensor, batch: int, training: bool) -> mg.Tensor:
    """The logits of the rows that fill whole batches; the running statistics stay as they are."""
    for layer in model.modules():
        if isinstance(layer, mg.nn.BatchNorm1d):
            layer.momentum = 0.0
    model.train(training)
    return mg.cat([model(x[k : k + batch]) for k in range(0, len(x) - batch + 1, batch)])


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=10_000, device=run.device)
    classes = int(split().y.max().item()) + 1
    sizes = [2, 4, 8, 16, 32, 64, 128, 256]

    def cell(seed: int) -> dict:
        data = split(seed=seed)
        model = initialise(mlp3("bn", inputs=data.x.shape[1], classes=classes), "he").to(run.device)
        train(model, data, lr=0.3, epochs=run.pick(6, 4), seed=seed, evaluate=False)
        found = {"evaluation": accuracy(model, data.test_x, data.test_y), "gap": [], "mixed": [], "one_class": []}
        mixed = mg.randperm(len(data.test_y))
        by_class = mg.argsort(data.test_y, stable=True)
        for order, name in ((mixed, "mixed"), (by_class, "one_class")):
            x, y = data.test_x[order], data.test_y[order]
            for batch in sizes:
                seen = logits(model, x, batch, True)
                told = logits(model, x, batch, False)
                found[name].append((seen.argmax(1) == y[: len(seen)]).float().mean().item())
                if name == "mixed":
                    found["gap"].append(((seen - told).square().mean().sqrt() / told.std()).item())
        return found

    cells = run.sweep(cell, seed=run.seeds)
    gaps, mixed, one = (np.median([c[name] for c in cells], 0) for name in ("gap", "mixed", "one_class"))
    evaluation = spread(column(cells, "evaluation"))["median"]
    rows = list(zip(sizes, gaps, mixed, one, strict=True))
    run.table(["B", "gap of the logits", "accuracy, mixed batches", "sorted by class"], rows,
              f"In training mode (in evaluation: {evaluation:.3f})")  # fmt: skip
    run.keep(cells=cells, sizes=sizes)
    middle = slice(2, 7)  # B = 8 ... 128: below, ε and the clipping of two-case batches matter, above, there is one batch
    slope = float(np.polyfit(np.log(sizes[middle]), np.log(gaps[middle]), 1)[0])
    run.check("the gap falls as 1/√B (exponent within 0.15)", abs(slope + 0.5) < 0.15, exponent=slope)
    told = column(cells, "evaluation")
    for k in (0, 3, 5, 7):
        run.ahead("training mode costs 2 points of accuracy or more", f"mixed, B = {sizes[k]}", 0.02, evaluation=told,
                  training=[accuracies[k] for accuracies in column(cells, "mixed")])  # fmt: skip
    run.ahead("training mode costs 2 points of accuracy or more", f"sorted by class, B = {sizes[4]}", 0.02, evaluation=told,
              training=[accuracies[4] for accuracies in column(cells, "one_class")])  # fmt: skip

    def draw(left, right):
        band(left, sizes, [c["gap"] for c in cells], "measured", marker="o")
        left.plot(sizes, gaps[4] * np.sqrt(sizes[4] / np.array(sizes)), label="∝ 1/√B", **THEORY)
        left.set(xlabel="batch size B", ylabel="rms gap of the logits / their deviation", yscale="log")
        band(right, sizes, [c["mixed"] for c in cells], "mixed batches", marker="o")
        band(right, sizes, [c["one_class"] for c in cells], "sorted by class", marker="s")
        right.axhline(evaluation, label="evaluation mode", **THEORY)
        right.set(xlabel="batch size B", ylabel="held-out accuracy in training mode", ylim=(0, 1.03))
        for ax in (left, right):
            ax.set_xscale("log", base=2)
            ax.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure)
