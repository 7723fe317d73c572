"""The articles' table: training speed, final accuracy, stability, learning-rate tolerance.

Claim: "With batch norm: training 2 to 10 times faster, higher final accuracy, stable instead of unstable training, high
learning rates instead of small ones only."

Source: the table that the articles end with, in which no number was measured.

Set-up: digits, CNN3 with and without batch norm, default and He first weights, B = 64, 8 epochs of SGD at rates 2^-7 ... 2^1.
Speed: epochs to 90 % held-out at the best rate. Accuracy: held-out at the best rate. Stability: the share of the rates at which
a run ends at .9 of the training images or more. Tolerance: the largest such rate, and how many times the smallest it is. The
table has sds over the seeds; a handful of seeds is too few to say which of two sds is smaller.

Changes: other data, nets and lengths, which all change the numbers; the other labs of this section take the rows one by one.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, cnn3, images, initialise, train

NORMS, INITS = {"none": "without", "bn": "with batch norm"}, ("default", "he")
ENOUGH = 0.9


def measure(run: Run) -> None:
    split = partial(images, run.data, limit=5000, device=run.device)
    rates = [2.0**k for k in run.pick((-7, -5, -3, -1, 1), (-3, -1))]
    epochs = run.pick(8, 3)

    def cell(norm: str, init: str, lr: float, seed: int) -> dict:
        data = split(seed=seed)
        model = initialise(cnn3(norm, data.x.shape[1:]), init).to(run.device)
        seen = train(model, data, lr=lr, epochs=epochs, seed=seed)
        with mg.no_grad():
            return {"train": accuracy(model, data.x, data.y), "test": seen["test"]}

    cells = run.sweep(cell, norm=list(NORMS), init=INITS, lr=rates, seed=run.seeds)

    def finals(norm: str, init: str, lr: float) -> list[float]:
        return [row[-1] for row in column(cells, "test", norm=norm, init=init, lr=lr)]

    def wait(norm: str, init: str, lr: float) -> list[float]:
        """Epochs to 90 % held-out; one more than there were, if that is not reached."""
        return [next((k + 1.0 for k, a in enumerate(row) if a >= 0.9), epochs + 1.0)
                for row in column(cells, "test", norm=norm, init=init, lr=lr)]  # fmt: skip

    def measured(norm: str, init: str) -> dict[str, list[float]]:
        """The rows of the table, each by seed."""
        best = max(rates, key=lambda lr: spread(finals(norm, init, lr))["mean"])
        quickest = min(rates, key=lambda lr: spread(wait(norm, init, lr))["mean"])
        arrived = {lr: [a >= ENOUGH for a in column(cells, "train", norm=norm, init=init, lr=lr)] for lr in rates}
        by_seed = [[lr for lr in rates if arrived[lr][s]] for s in range(len(run.seeds))]
        return {
            "speed": wait(norm, init, quickest),
            "accuracy": finals(norm, init, best),
            "stability": [len(lrs) / len(rates) for lrs in by_seed],
            "largest": [max(lrs, default=0.0) for lrs in by_seed],
            "range": [max(lrs) / min(lrs) if lrs else 0.0 for lrs in by_seed],
        }

    found = {(n, i): measured(n, i) for n in NORMS for i in INITS}
    names = {"speed": "training speed: epochs to 90 % held-out", "accuracy": "final accuracy, held-out",
             "stability": "stability: share of rates that end well", "largest": "tolerance: largest usable rate",
             "range": "tolerance: usable range, ×"}  # fmt: skip

    def shown(values: list[float]) -> str:
        row = spread(values)
        return f"{row['mean']:.3g}" + ("" if row["sd"] is None else f" ± {row['sd']:.1g}")

    run.table(["", *(f"{NORMS[n]}, {i}" for i in INITS for n in NORMS)],
              [[name, *(shown(found[n, i][key]) for i in INITS for n in NORMS)] for key, name in names.items()],
              f"The articles' table, measured (CNN3 on {run.data}, {len(run.seeds)} seeds, mean ± sd)",
              featured=True)  # fmt: skip
    for init in INITS:
        plain, bn = found["none", init], found["bn", init]
        where = f"{init} first weights"

        run.ahead("training is twice as fast or more", where, -1e-9, without=plain["speed"],
                  twice_with_bn=[2 * epoch for epoch in bn["speed"]])  # fmt: skip
        for key, statement in (("accuracy", "final accuracy is higher"), ("stability", "more of the rates end well"),
                               ("largest", "the largest usable rate is larger")):  # fmt: skip
            run.ahead(statement, where, with_bn=bn[key], without=plain[key])
    run.keep(rates=rates, epochs=epochs, cells=cells, table={f"{n}, {i}": row for (n, i), row in found.items()})

    def draw(left, right):
        for n, name in NORMS.items():
            for init, style in zip(INITS, ("--", "-"), strict=True):
                look = {"color": COLORS[n], "linestyle": style, "marker": "o"}
                seeds = range(len(run.seeds))
                band(left, rates, [[finals(n, init, lr)[s] for lr in rates] for s in seeds], f"{name}, {init}", **look)
                band(right, rates, [[wait(n, init, lr)[s] for lr in rates] for s in seeds], f"{name}, {init}", **look)
        right.axhline(epochs + 1, color="grey", linewidth=0.8, linestyle=":")
        right.text(rates[0], epochs + 0.9, "not reached", va="top", fontsize=8)
        for part in (left, right):
            part.set_xscale("log", base=2)
            part.legend(fontsize=8)
        left.set(xlabel="learning rate", ylabel="held-out accuracy", ylim=(0, 1.03))
        right.set(xlabel="learning rate", ylabel="epochs to 90 % held-out", ylim=(0, epochs + 2))

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, seeds=8, quick_seeds=1)
