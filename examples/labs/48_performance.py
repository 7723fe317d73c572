"""The articles' table: training speed, final accuracy, stability, learning-rate tolerance.

Claim: "With batch norm: training 2 to 10 times faster, higher final accuracy, stable instead of unstable training, high
learning rates instead of small ones only."

Source: the table that the articles end with, in which no number was measured.

Set-up: digits, CNN3 with and without batch norm, default and He first weights, B = 64, 8 epochs of SGD at rates 2^-7 ... 2^1.
Speed: epochs to 90 % held-out at the best rate. Accuracy: held-out at the best rate. Stability: the share of the rates at which
a run ends at .9 of the training images or more, and the sd over seeds. Tolerance: the largest such rate, and how many times
the smallest it is.

Changes: other data, nets and lengths, which all change the numbers; the other labs of this section take the rows one by one.
"""

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, cnn3, images, initialise, train

NORMS, INITS = {"none": "without", "bn": "with batch norm"}, ("default", "he")
ENOUGH = 0.9


def measure(run: Run) -> None:
    data = images(run.data, limit=5000, device=run.device)
    rates = [2.0**k for k in run.pick((-7, -5, -3, -1, 1), (-3, -1))]
    epochs = run.pick(8, 3)

    def cell(norm: str, init: str, lr: float, seed: int) -> dict:
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

    def measured(norm: str, init: str) -> dict[str, dict]:
        """The rows of the table, each with its spread over the seeds."""
        best = max(rates, key=lambda lr: spread(finals(norm, init, lr))["mean"])
        quickest = min(rates, key=lambda lr: spread(wait(norm, init, lr))["mean"])
        arrived = {lr: [a >= ENOUGH for a in column(cells, "train", norm=norm, init=init, lr=lr)] for lr in rates}
        by_seed = [[lr for lr in rates if arrived[lr][s]] for s in range(len(run.seeds))]
        return {
            "speed": spread(wait(norm, init, quickest)),
            "accuracy": spread(finals(norm, init, best)),
            "stability": spread(len(lrs) / len(rates) for lrs in by_seed),
            "largest": spread(max(lrs, default=0.0) for lrs in by_seed),
            "range": spread(max(lrs) / min(lrs) if lrs else 0.0 for lrs in by_seed),
        }

    found = {(n, i): measured(n, i) for n in NORMS for i in INITS}
    names = {"speed": "training speed: epochs to 90 % held-out", "accuracy": "final accuracy, held-out",
             "stability": "stability: share of rates that end well", "largest": "tolerance: largest usable rate",
             "range": "tolerance: usable range, ×"}  # fmt: skip

    def shown(row: dict) -> str:
        return f"{row['mean']:.3g}" + ("" if row["sd"] is None else f" ± {row['sd']:.1g}")

    run.table(["", *(f"{NORMS[n]}, {i}" for i in INITS for n in NORMS)],
              [[name, *(shown(found[n, i][key]) for i in INITS for n in NORMS)] for key, name in names.items()],
              f"The articles' table, measured (CNN3 on {run.data}, {len(run.seeds)} seeds, mean ± sd)",
              featured=True)  # fmt: skip
    for init in INITS:
        plain, bn = found["none", init], found["bn", init]
        where = f"{init} first weights"

        def pair(key: str, plain: dict = plain, bn: dict = bn) -> dict:
            return {"without": plain[key]["mean"], "with_bn": bn[key]["mean"]}

        run.check(
            "training is twice as fast or more", bn["speed"]["mean"] <= plain["speed"]["mean"] / 2, where, **pair("speed")
        )
        run.check("final accuracy is higher", bn["accuracy"]["mean"] > plain["accuracy"]["mean"], where, **pair("accuracy"))
        run.check(
            "more of the rates end well", bn["stability"]["mean"] > plain["stability"]["mean"], where, **pair("stability")
        )
        steady = bn["accuracy"]["sd"], plain["accuracy"]["sd"]
        if None not in steady:
            run.check("the seeds differ less (sd)", steady[0] < steady[1], where, without=steady[1], with_bn=steady[0])
        run.check(
            "the largest usable rate is larger", bn["largest"]["mean"] > plain["largest"]["mean"], where, **pair("largest")
        )
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
    main(measure, quick_seeds=1)
