"""Along the gradient: is the loss smoother with batch norm?

Claim: "Batch norm makes the landscape smoother: along the gradient the loss varies less, gradients change less, and the
effective β-smoothness is lower, at every step of training."

Source: Santurkar et al. 2018, §3.1 and figure 4.

Set-up: VGGs, plain and with batch norm, SGD at 0.1, default and He first weights. Every sixth step, on the batch at hand: the
range of the losses, the largest |g − g'| and the largest |g − g'| / |step| over steps of 0.5, 1, 2, 3 and 4 times the update.
Compared step by step, and at equal progress: where the running loss passes the same level.

Changes: the rate (steps are measured in it), the depth; and what is held equal, as batch norm is ahead at the same step.
"""

import numpy as np

from minigrad import nn
from minigrad.diagnose.measure import along_gradient, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import batches, images, initialise, vggs
from minigrad.ops.random import Generator
from minigrad.optim import SGD

RATE, EVERY = 0.1, 6
LEVELS = [2.0, 1.5, 1.0, 0.5, 0.25]
MEASURES = {"range": "range of the loss", "distance": "|g − g'|", "beta": "effective β"}


def measure(run: Run) -> None:
    data = images(run.data, limit=run.pick(None, 700), device=run.device)
    classes, steps, loss_of = int(data.y.max().item()) + 1, run.pick(84, 30), nn.CrossEntropyLoss()

    def cell(norm: str, init: str, seed: int) -> dict:
        model = initialise(vggs(norm, data.x.shape[1:], classes), init).to(run.device)
        step_of, generator = SGD(model.parameters(), lr=RATE), Generator().manual_seed(seed)
        stream: list = []
        while len(stream) < steps:
            stream += batches(data, 64, generator)
        found = {"step": [], "loss": [], "range": [], "distance": [], "beta": []}
        for step, (x, y) in enumerate(stream[:steps]):
            if step % EVERY == 0:
                along = along_gradient(lambda x=x, y=y: loss_of(model(x), y), model, RATE)
                seen = (step, along.loss, along.range, max(along.distances), along.beta)
                for name, value in zip(found, seen, strict=True):
                    found[name].append(value)
            loss = loss_of(model(x), y)
            step_of.zero_grad()
            loss.backward()
            step_of.step()
        return found

    cells = run.sweep(cell, norm=["none", "bn"], init=["default", "he"], seed=run.seeds)
    run.keep(cells=cells)

    def passed(cell: dict, level: float) -> int | None:
        """Where the loss (a mean of three looks) is first below a level."""
        calm = np.convolve(cell["loss"], np.ones(3) / 3, "valid")
        below = np.flatnonzero(calm < level)
        return int(below[0]) + 1 if below.size else None

    def typical(norm: str, init: str, what: str, level: float | None = None) -> list[float | None]:
        """By seed the median over the steps, or what is met where a level is passed, None if it is not."""
        values: list[float | None] = []
        for c in cells:
            if (c["norm"], c["init"]) == (norm, init):
                k = None if level is None else passed(c, level)
                numbers = [np.inf if v is None else v for v in c[what]]
                values.append(float(np.median(numbers)) if level is None else None if k is None else numbers[k])
        return values

    rows = []
    for init in ("default", "he"):
        for level in (None, *LEVELS):
            pairs = {what: [typical(norm, init, what, level) for norm in ("none", "bn")] for what in MEASURES}
            both = sum(None not in two for two in zip(*pairs["range"], strict=True))
            if both > len(run.seeds) / 2:
                under = f"{init}, " + ("at the same steps" if level is None else f"where the loss passes {level}")
                rows.append([under, *(spread(values)["median"] for pair in pairs.values() for values in pair)])
                for what, pair in pairs.items():  # of the seeds in which both nets pass the level
                    plain, bn = zip(*(two for two in zip(*pair, strict=True) if None not in two), strict=True)
                    run.ahead(f"{MEASURES[what]} is lower with batch norm", under, plain=plain, bn=bn)
    columns = [f"{name}, {net}" for name in MEASURES.values() for net in ("plain", "BN")]
    run.table(["", *columns], rows, "Along the gradient, medians over the seeds")

    def draw(*axes):
        for k, init in enumerate(("default", "he")):
            for j, what in enumerate(("loss", *MEASURES)):
                ax = axes[4 * k + j]
                for norm in ("none", "bn"):
                    runs = [c[what] for c in cells if (c["norm"], c["init"]) == (norm, init)]
                    band(ax, cells[0]["step"], runs, {"none": "plain", "bn": "batch norm"}[norm], color=COLORS[norm])
                ax.set(xlabel=f"step ({init} first weights)", ylabel=MEASURES.get(what, "loss"), yscale="log")
        axes[0].legend()

    run.draw(draw, rows=2, columns=4, size=(16, 7))


if __name__ == "__main__":
    main(measure, seeds=8)
