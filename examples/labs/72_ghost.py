"""Ghost batches: can large batches have the noise of small ones?

Claim: "Large batches generalize worse because their statistics have too little noise; normalizing by ghost batches, small
parts of a large one, closes the gap, and as many steps as the small batch took close it too."

Source: Hoffer et al. 2017, Train longer, generalize better, §4 and table 1.

Set-up: MLP3 on 640 digits; B = 16 (rate 0.1) against B = 320 with the rate × √20, as the paper has it, for equal epochs and
for equal steps, with whole statistics and with ghost batches of 16; He first weights; accuracy on the held-out digits.

Changes: sets that are hard enough for a generalization gap: on these digits little is left to lose once steps are equal.
"""

import math
from functools import partial

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, main
from minigrad.labs.setups import accuracy, images, initialise, mlp3, train

SMALL, LARGE = 16, 320


class GhostBatchNorm(nn.BatchNorm1d):
    """Batch norm of each `SMALL` cases by themselves; the running statistics take part after part in."""

    def forward(self, input: mg.Tensor) -> mg.Tensor:
        if not self.training:
            return super().forward(input)
        return mg.cat([super(GhostBatchNorm, self).forward(part) for part in input.split(SMALL)])


WAYS = {  # batch, ghost, equal steps
    "B = 16": (SMALL, False, False), "B = 320": (LARGE, False, False), "B = 320, ghosts": (LARGE, True, False),
    "B = 320, longer": (LARGE, False, True), "B = 320, longer, ghosts": (LARGE, True, True),
}  # fmt: skip


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=640, device=run.device)
    classes, epochs = int(split().y.max().item()) + 1, run.pick(6, 3)

    def cell(way: str, seed: int) -> dict:
        data, (batch, ghost, longer) = split(seed=seed), WAYS[way]
        norm = (lambda channels, spatial: GhostBatchNorm(channels)) if ghost else "bn"
        model = initialise(mlp3(norm, inputs=data.x.shape[1], classes=classes), "he").to(run.device)
        lr, factor = 0.1 * math.sqrt(batch / SMALL), LARGE // SMALL if longer else 1
        seen = train(model, data, lr=lr, epochs=epochs * factor, batch=batch, seed=seed, evaluate=False)
        model.eval()
        with mg.no_grad():
            loss = nn.functional.cross_entropy(model(data.test_x), data.test_y).item()
        return {"test": accuracy(model, data.test_x, data.test_y), "test_loss": loss, "steps": len(seen["loss"])}

    cells = run.sweep(cell, way=list(WAYS), seed=run.seeds)
    run.keep(cells=cells)
    found = {way: spread(column(cells, "test", way=way)) for way in WAYS}
    losses = {way: spread(column(cells, "test_loss", way=way))["median"] for way in WAYS}
    rows = [[way, column(cells, "steps", way=way)[0], *(found[way][k] for k in ("median", "low", "high")), losses[way]]
            for way in WAYS]  # fmt: skip
    run.table(["", "steps", "held-out, median", "lowest", "highest", "held-out loss"], rows, "Large batches and small")
    small, large, ghosts, longer, both = (column(cells, "test", way=way) for way in WAYS)
    for under, whole, parts in (("equal epochs", large, ghosts), ("equal steps", longer, both)):
        run.ahead("large batches generalize worse (by a point)", under, 0.01, small=small, large=whole)
        run.ahead("ghost batches do better than whole ones", under, ghosts=parts, whole=whole)
        run.ahead("ghost batches close the gap (to half a point)", under, -0.005, ghosts=parts, small=small)

    def draw(left, right):
        for ax, name, what in ((left, "test", "held-out accuracy"), (right, "test_loss", "held-out loss")):
            for k, way in enumerate(WAYS):
                values = column(cells, name, way=way)
                color = "tab:blue" if "ghosts" in way else "black" if k == 0 else "tab:orange"
                ax.plot([k] * len(values), values, "o", color=color, alpha=0.6)
                ax.plot(k, spread(values)["median"], "_", color=color, markersize=26)
            ax.set_xticks(range(len(WAYS)), [way.replace(", ", "\n") for way in WAYS], fontsize=8)
            ax.set(ylabel=what, xlabel="equal epochs; 'longer': equal steps")

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, seeds=8)
