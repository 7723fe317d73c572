"""The dots picture: three batches with means 2, 5 and 3, before batch norm and after.

Claim: "The batches arrive with means 2, 5 and 3; after batch norm all have mean 0 and variance 1, so the next layer always
sees the same distribution."

Source: the picture of dots in several articles.

Set-up: batches of 256 numbers of one unit, means 2, 5, 3 and deviations 1, 0.5, 2: all normal, or normal, skewed
(exponential) and in two heaps; through a batch norm in training, and in evaluation after 200 such batches in turn. Distance
of two distributions: the largest difference of their cumulative shares (Kolmogorov & Smirnov).

Changes: batches that are drawn from one distribution, as a shuffled training set gives them: then there was little to remove.
"""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import spread
from minigrad.labs import Run, main

MEANS, DEVIATIONS, CASES = (2.0, 5.0, 3.0), (1.0, 0.5, 2.0), 256
NAMES = ("mean 2", "mean 5", "mean 3")


def batch(which: int, shapes: str) -> mg.Tensor:
    """A batch (256, 1) of mean and deviation `which`."""
    z = mg.randn(CASES, 1, dtype=mg.float64)
    if shapes == "other shapes" and which == 1:
        z = -mg.log(1 - mg.rand(CASES, 1, dtype=mg.float64)) - 1
    if shapes == "other shapes" and which == 2:
        z = (mg.where(mg.rand(CASES, 1) < 0.5, -1.0, 1.0) + 0.3 * z) / (1 + 0.3**2) ** 0.5
    return MEANS[which] + DEVIATIONS[which] * z


def apart(a: mg.Tensor, b: mg.Tensor) -> float:
    """The largest difference of the cumulative shares of two sets of numbers."""
    x, y = (np.sort(t.numpy(force=True).ravel()) for t in (a, b))
    places = np.concatenate([x, y])
    return float(np.abs(np.searchsorted(x, places, "right") / x.size - np.searchsorted(y, places, "right") / y.size).max())


def measure(run: Run) -> None:
    def cell(shapes: str, seed: int) -> dict:
        bn = nn.BatchNorm1d(1, dtype=mg.float64)
        for step in range(run.pick(200, 60)):
            bn(batch(step % 3, shapes))
        given = [batch(k, shapes) for k in range(3)]
        after = [bn(x) for x in given]
        bn.eval()
        told = [bn(x) for x in given]
        fours = [((4.0 - x.mean()) / x.std(correction=0)).item() for x in given]
        return {"mean": max(abs(x.mean().item()) for x in after), "sd": max(abs(x.std(correction=0).item() - 1) for x in after),
                "distance": max(apart(after[i], after[j]) for i, j in ((0, 1), (1, 2), (0, 2))),
                "evaluation": max(abs(x.mean().item()) for x in told), "four": fours,
                "dots": [[x.flatten().tolist() for x in part] for part in (given, after, told)]}  # fmt: skip

    kinds = ["all normal", "other shapes"]
    cells = run.sweep(cell, shapes=kinds, seed=run.seeds)
    run.keep(cells=[{k: v for k, v in c.items() if k != "dots"} for c in cells])
    names = ("mean", "sd", "distance", "evaluation")
    found = {s: {n: spread(c[n] for c in cells if c["shapes"] == s)["median"] for n in names} for s in kinds}
    run.table(["batches", "largest |mean|", "largest |sd − 1|", "largest distance", "largest |mean|, evaluation"],
              [[s, *found[s].values()] for s in kinds], "After batch norm, medians over the seeds")  # fmt: skip
    chance = 1.36 * (2 / CASES) ** 0.5  # two batches of one distribution are further apart in one case of twenty
    for s in kinds:
        run.check("after batch norm each batch has mean 0", found[s]["mean"] < 1e-9, f"{s}, training", mean=found[s]["mean"])
        run.check(
            "after batch norm each batch has deviation 1 (to ε)", found[s]["sd"] < 1e-4, f"{s}, training", off=found[s]["sd"]
        )
        run.check("after batch norm each batch has mean 0", found[s]["evaluation"] < 0.1, f"{s}, evaluation",
                  mean=found[s]["evaluation"])  # fmt: skip
        run.check("after batch norm all batches have the same distribution", found[s]["distance"] < chance, s,
                  distance=found[s]["distance"], by_chance=chance)  # fmt: skip
    fours = [spread(c["four"][k] for c in cells if c["shapes"] == kinds[0])["median"] for k in range(3)]
    run.check("a value keeps its meaning: 4 becomes the same in every batch (to 0.5)", max(fours) - min(fours) < 0.5,
              mean_2=fours[0], mean_5=fours[1], mean_3=fours[2])  # fmt: skip

    def draw(*axes):
        for k, shapes in enumerate(kinds):
            dots = next(c["dots"] for c in cells if c["shapes"] == shapes)
            for j, (part, name) in enumerate(zip(dots, ("before", "after, training", "after, evaluation"), strict=True)):
                ax = axes[3 * k + j]
                for row, (values, color) in enumerate(zip(part, ("tab:orange", "tab:green", "tab:purple"), strict=True)):
                    lift = 0.5 * np.random.default_rng(row).random(len(values)) - 0.25
                    ax.plot(values, row + lift, ".", color=color, alpha=0.45, markersize=4)
                    ax.plot([np.mean(values)] * 2, [row - 0.4, row + 0.4], color="black", linewidth=2)
                ax.set_yticks(range(3), NAMES)
                ax.set(xlabel=f"{name} ({shapes}); bars: means", ylabel="batch")

    run.draw(draw, rows=2, columns=3, size=(14, 6.5))


if __name__ == "__main__":
    main(measure)
