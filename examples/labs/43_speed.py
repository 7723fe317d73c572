"""Speed and accuracy: two to ten times faster, and 85 % become 92 %?

Claim: "Training is 2 to 10 times faster with batch norm, and the final accuracy rises, from 85 to 92 % say."

Source: the articles (one of them gives 85 → 92 %); Ioffe & Szegedy 2015, §4.2 (14 times fewer steps).

Set-up: digits, MLP3, B = 64, 12 epochs of SGD at rates 2^-7 ... 2^2, default and He first weights; epochs (to a third) until 90
and 95 % of held-out images are right, at equal rate and with each net at its own best (13: it does not arrive; no finding:
neither does); best final accuracy against best.

Changes: equal seconds instead of equal epochs, as a step with batch norm takes longer; a deeper net, where the plain one hardly
starts; momentum or Adam, which help the plain net more.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import images, initialise, mlp3

INITS, LEVELS, PARTS = ("default", "he"), (0.9, 0.95), 3
NORMS = {"none": "plain", "bn": "batch norm"}
EQUAL = (2.0**-6, 2.0**-3)


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=10000, device=run.device)
    rates = [2.0**k for k in run.pick(range(-7, 3), (-6, -3, -1, 1))]
    epochs, every = run.pick(12, 3), len(split().y) // 64 // PARTS

    def cell(norm: str, init: str, seed: int) -> dict:
        data = split(seed=seed)

        def net():
            mg.manual_seed(seed)
            return initialise(mlp3(norm, inputs=data.x.shape[1]), init).to(run.device)

        seen = train_beside(beside([net() for _ in rates]), data, rates, epochs, seed=seed, every=every)
        return {"test": [s["test"] for s in seen]}

    cells = run.sweep(cell, norm=list(NORMS), init=INITS, seed=run.seeds)

    def wait(curve: list[float], level: float) -> float | None:
        """Epochs until the level is reached."""
        return next(((k + 1) / PARTS for k, accuracy in enumerate(curve) if accuracy >= level), None)

    def waits(norm: str, init: str, level: float, k: int) -> list[float]:
        """Epochs at the k-th rate for each seed; one more than there were, if the level is not reached."""
        return [wait(row[k], level) or epochs + 1.0 for row in column(cells, "test", norm=norm, init=init)]

    def median(norm: str, init: str, level: float, k: int) -> float:
        return spread(waits(norm, init, level, k))["median"]

    def finals(norm: str, init: str, k: int) -> list[float]:
        return [row[k][-1] for row in column(cells, "test", norm=norm, init=init)]

    def compared(level: float, plain: list[float], bn: list[float], where: str) -> None:
        """Enter which is sooner."""
        run.ahead(f"it takes half the epochs to {level:.0%} or less".replace("%", " %"), where, by=-1e-9, plain=plain,
                  twice_bn=[2 * epoch for epoch in bn])  # fmt: skip

    table = []
    for init in INITS:
        final = {}
        for norm in NORMS:
            top = max(range(len(rates)), key=lambda k: spread(finals(norm, init, k))["mean"])
            final[norm] = finals(norm, init, top)
            found = spread(final[norm])
            table.append(
                [
                    f"{init}, {NORMS[norm]}, final accuracy",
                    f"best: {rates[top]:g}",
                    *(found[k] for k in ("median", "low", "high")),
                ]
            )
        for level in LEVELS:
            for lr in EQUAL:
                k, speed = rates.index(lr), {}
                for norm in NORMS:
                    speed[norm] = waits(norm, init, level, k)
                    found = spread(speed[norm])
                    table.append(
                        [f"{init}, {NORMS[norm]}, epochs to {level}", f"{lr:g}", *(found[s] for s in ("median", "low", "high"))]
                    )
                if (
                    min(spread(waited)["median"] for waited in speed.values()) <= epochs
                ):  # else neither arrives, which says nothing
                    compared(level, speed["none"], speed["bn"], f"equal rate {lr:g}, {init}")
            best = {norm: min(range(len(rates)), key=lambda k: median(norm, init, level, k)) for norm in NORMS}
            for norm, k in best.items():
                found = spread(waits(norm, init, level, k))
                table.append(
                    [
                        f"{init}, {NORMS[norm]}, epochs to {level}",
                        f"best: {rates[k]:g}",
                        *(found[s] for s in ("median", "low", "high")),
                    ]
                )
            compared(level, *(waits(norm, init, level, k) for norm, k in best.items()), f"each at its best rate, {init}")
        for points, statement in ((0, "final accuracy rises, best against best"), (7, "it rises by 7 points")):
            run.ahead(statement, f"{init} first weights", by=points / 100, bn=final["bn"], plain=final["none"])
    run.table(["MLP3 on held-out images", "rate", "median", "least", "most"], table, f"{epochs + 1} epochs: not reached")
    run.keep(rates=rates, every=1 / PARTS, epochs=epochs, cells=cells)

    def draw(*parts):
        at = [(k + 1) / PARTS for k in range(len(cells[0]["test"][0]))]
        for part, init in zip(parts[:2], INITS, strict=True):
            for norm, name in NORMS.items():
                band(part, rates, list(zip(*(waits(norm, init, LEVELS[1], k) for k in range(len(rates))), strict=True)), name,
                     color=COLORS[norm], marker="o")  # fmt: skip
            part.axhline(epochs + 1, color="grey", linewidth=0.8, linestyle=":")
            part.text(rates[0], epochs + 0.9, "not reached", va="top", fontsize=8)
            part.set_xscale("log", base=2)
            part.set(xlabel="learning rate", ylabel="epochs to 95 % held-out", yscale="log", title=f"{init} first weights")
            part.set_yticks([0.5, 1, 2, 4, 8], ["½", "1", "2", "4", "8"])
            part.minorticks_off()
            part.legend()
        for norm, name in NORMS.items():
            for init, style in zip(INITS, ("--", "-"), strict=True):
                top = max(range(len(rates)), key=lambda k: spread(finals(norm, init, k))["mean"])
                runs = [row[top] for row in column(cells, "test", norm=norm, init=init)]
                band(parts[2], at, runs, f"{name}, {init}, rate {rates[top]:g}", color=COLORS[norm], linestyle=style)
        parts[2].set(xlabel="epochs", ylabel="held-out accuracy", ylim=(0.8, 1.0), title="each at its best rate")
        parts[2].legend(fontsize=8)

    run.draw(draw, columns=3, size=(15, 4))


if __name__ == "__main__":
    main(measure, seeds=8, quick_seeds=1)
