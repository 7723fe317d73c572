"""Real tables: how much of a bad condition is scale, and can batch norm make up for raw inputs?

Claim: "Inputs must be normalized, or the network will not train; with batch norm inside, it trains on raw inputs just as well."

Source: several articles; LeCun et al. 1998, §4.3.

Set-up: the wine table (178 × 13) and, where scikit-learn is installed, its breast cancer table (569 × 30); the condition of
XᵀX; then a net d-32-32-c on raw and on z-scored columns, without batch norm, with it in the hidden layers, and with it as first
layer too; 120 steps of SGD at the best of three rates, default and He first weights; training accuracy, as the claim is about
training.

Changes: Adam, or a rate of its own for each column, would help the plain net on raw columns.
"""

import contextlib
import importlib

import minigrad as mg
from minigrad import nn
from minigrad.data import wine
from minigrad.diagnose.measure import column, condition, spread
from minigrad.labs import Run, main
from minigrad.labs.setups import Images, initialise, mlp, train

BATCH = 44  # four batches of wine, twelve of breast cancer


def tables() -> dict[str, tuple[mg.Tensor, mg.Tensor]]:
    """The tables, float64, and their classes; breast cancer only where scikit-learn, which has it, is installed."""
    rows, kinds = wine().tensors
    found = {"wine": (rows.double(), kinds)}
    with contextlib.suppress(ImportError):
        table = importlib.import_module("sklearn.datasets").load_breast_cancer()
        found["breast cancer"] = mg.tensor(table.data), mg.tensor(table.target)
    return found


def ways(x: mg.Tensor) -> dict[str, mg.Tensor]:
    spans = x.amax(0) - x.amin(0)
    return {"raw": x, "centred": x - x.mean(0), "min-max": (x - x.amin(0)) / spans,
            "z-scored": (x - x.mean(0)) / x.std(0, correction=0)}  # fmt: skip


def measure(run: Run) -> None:
    data = tables()
    conditions = {name: {how: condition(z).number for how, z in ways(x).items()} for name, (x, _) in data.items()}
    kinds = list(next(iter(conditions.values())))
    run.table(["columns", *conditions], [[kind, *(c[kind] for c in conditions.values())] for kind in kinds], "Condition of XᵀX")
    for name, found in conditions.items():
        run.check("z-scores are within ten times of a circle", found["z-scored"] < 10, name, condition=found["z-scored"],
                  raw=found["raw"])  # fmt: skip

    def cell(table: str, inputs: str, net: str, init: str, lr: float, seed: int) -> float:
        x, y = data[table]
        x = ways(x)[inputs].float()
        model = initialise(mlp([x.shape[1], 32, 32, int(y.max().item()) + 1], "none" if net == "plain" else "bn"), init)
        if net == "bn first":
            model = nn.Sequential(nn.BatchNorm1d(x.shape[1]), *model)
        epochs = run.pick(120, 40) // (len(x) // BATCH)
        seen = train(model, Images(x, y, x, y), lr=lr, epochs=epochs, batch=BATCH, seed=seed, evaluate=False)
        model.train()
        with mg.no_grad():  # the batch's own statistics: the whole table is one batch
            return (model(x).argmax(1) == y).float().mean().item() if not seen["diverged"] else 0.0

    nets = ("plain", "bn inside", "bn first")
    rates = run.pick([1e-3, 1e-2, 1e-1], [1e-1])
    cells = run.sweep(cell, table=list(run.pick(data, ["wine"])), inputs=["raw", "z-scored"], net=nets,
                      init=["default", "he"], lr=rates, seed=run.seeds)  # fmt: skip
    names = sorted({c["table"] for c in cells}, reverse=True)

    def best(table: str, inputs: str, net: str, init: str) -> dict:
        """Spread over the seeds at the rate whose median is highest."""
        by_rate = [column(cells, "value", table=table, inputs=inputs, net=net, init=init, lr=lr) for lr in rates]
        return spread(max(by_rate, key=lambda v: spread(v)["median"]))

    rows, bars = [], {}
    for table in names:
        for inputs in ("raw", "z-scored"):
            for net in nets:
                both = [best(table, inputs, net, init) for init in ("default", "he")]
                bars[table, inputs, net] = both
                rows.append([f"{table}, {inputs}, {net}", *(b[k] for b in both for k in ("median", "low"))])
    run.table(["", "default, median", "worst seed", "He, median", "worst seed"], rows, "Training accuracy at the best rate")
    for table in names:
        raw, z = bars[table, "raw", "plain"], bars[table, "z-scored", "plain"]
        lost = min(b["median"] - a["median"] for a, b in zip(raw, z, strict=True))
        run.check("a plain net on raw columns stays 10 points or more behind z-scores", lost > 0.1, table, least_gap=lost)
        inside, first = (min(b["median"] for b in bars[table, "raw", net]) for net in ("bn inside", "bn first"))
        whole = min(b["median"] for b in bars[table, "z-scored", "bn inside"])
        for net, reached in (("in the hidden layers only", inside), ("also before the first layer", first)):
            run.check("with batch norm raw columns train as well as z-scores (to 3 points)", whole - reached < 0.03,
                      f"{table}, {net}", raw=reached, z_scored=whole)  # fmt: skip
    run.keep(conditions=conditions, accuracies=cells)

    def draw(left, right):
        for k, (name, found) in enumerate(conditions.items()):
            left.plot(range(4), list(found.values()), "os"[k] + "-", label=name)
        left.set_xticks(range(4), kinds)
        left.set(yscale="log", ylabel="condition of XᵀX", xlabel="columns")
        left.legend()
        table, spots = names[0], range(6)
        for k, init in enumerate(("default", "he")):
            picked = [bars[table, inputs, net][k] for inputs in ("raw", "z-scored") for net in nets]
            middle = [b["median"] for b in picked]
            sides = [[m - b["low"] for m, b in zip(middle, picked, strict=True)],
                     [b["high"] - m for m, b in zip(middle, picked, strict=True)]]  # fmt: skip
            right.bar([s + 0.38 * k for s in spots], middle, 0.36, yerr=sides, capsize=3, label=f"{init} first weights")
        right.set_xticks(
            [s + 0.19 for s in spots], [f"{i}\n{n}" for i in ("raw", "z-scored") for n in ("plain", "bn inside", "bn first")]
        )
        right.set(ylabel="training accuracy at the best rate", xlabel=table, ylim=(0, 1.05))
        right.legend(loc="lower right")

    run.draw(draw, columns=2, size=(12, 4))


if __name__ == "__main__":
    main(measure)
