"""Before or after: where does batch norm go?

Claim: "Batch norm belongs before the activation", as the paper has it; "after it is better", as others say.

Source: Ioffe & Szegedy 2015, §3.2 (before: the sum is more symmetric, and its distribution more stable); several articles and a
long argument among practitioners.

Set-up: digits, MLP3 with ReLU, tanh or sigmoid; none, before, after; B = 64, 6 epochs of SGD, each at the best of six rates by
the mean held-out accuracy over the seeds; default and He first weights. Differences below half a point count as none.

Changes: a deeper net, another optimizer, larger data, on which a tenth of a point is more than chance.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.setups import images, initialise, mlp

PLACES, ACTS, INITS = ("none", "before", "after"), ("relu", "tanh", "sigmoid"), ("default", "he")
RATES, POINT = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0], 0.005
LOOKS = {"none": "tab:orange", "before": "tab:blue", "after": "tab:cyan"}


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=10000, device=run.device)

    def cell(act: str, place: str, init: str, seed: int) -> dict:
        data = split(seed=seed)

        def net():
            mg.manual_seed(seed)
            norm = "none" if place == "none" else "bn"
            return initialise(mlp([data.x.shape[1], 128, 128, 128, 10], norm, act, place == "after"), init).to(run.device)

        seen = train_beside(beside([net() for _ in RATES]), data, RATES, run.pick(6, 2), seed=seed)
        return {"test": [s["test"][-1] for s in seen]}

    inits = run.pick(INITS, ("he",))
    cells = run.sweep(cell, act=ACTS, place=PLACES, init=inits, seed=run.seeds)

    def tops(act: str, place: str, init: str) -> tuple[float, list[float]]:
        """The best rate, and the accuracies there."""
        by_rate = list(zip(*column(cells, "test", act=act, place=place, init=init), strict=True))
        k = max(range(len(RATES)), key=lambda k: spread(by_rate[k])["mean"])
        return RATES[k], list(by_rate[k])

    best = {(a, p, i): tops(a, p, i) for a in ACTS for p in PLACES for i in inits}
    rows = []
    for (act, place, init), (rate, values) in best.items():
        found = spread(values)
        rows.append([f"{act}, {place}, {init}", rate, found["mean"], found["low"], found["high"]])
    run.table(["activation, place, first weights", "best rate", "held-out", "least", "most"], rows, "At the best rate")
    for act in ACTS:
        for init in inits:
            before, after, none = (best[act, p, init][1] for p in ("before", "after", "none"))
            where, worse = f"{act}, {init}", min(before, after, key=lambda values: spread(values)["mean"])
            run.ahead("before the activation is better (by half a point)", where, POINT, before=before, after=after)
            run.ahead("after the activation is better (by half a point)", where, POINT, after=after, before=before)
            run.ahead("either is better than none", where, worse=worse, none=none)
    run.keep(rates=RATES, cells=cells)

    def draw(*parts):
        for part, act in zip(parts, ACTS, strict=True):
            for place in PLACES:
                for init, style in zip(inits, ("-", "--"), strict=False):
                    runs = column(cells, "test", act=act, place=place, init=init)
                    band(part, RATES, runs, f"{place}, {init}", color=LOOKS[place], linestyle=style, marker="o")
            part.set(xscale="log", xlabel="learning rate", ylabel="held-out accuracy", ylim=(0, 1.03), title=act)
            part.legend(fontsize=8)

    run.draw(draw, columns=3, size=(14, 4))


if __name__ == "__main__":
    main(measure, seeds=8, quick_seeds=1)
