"""The table of four people: does normalization turn the ellipse into a circle?

Claim: "Age and salary have scales so different that the loss is a long ellipse; normalization turns it into a circle, and
gradient descent goes straight to the minimum."

Source: the figure that most articles begin with; LeCun et al. 1998, Efficient BackProp, §4.3.

Set-up: float64, a linear model of the weight from age and salary, by full-batch gradient descent on ½ mean (Xw − y)², with y
centred; raw, centred, min-max, z-scored and whitened columns.

Changes: columns that are not correlated: then z-scores are a circle. Age and salary always are.
"""

import math

import numpy as np

import minigrad as mg
from minigrad.data import body
from minigrad.diagnose.measure import condition
from minigrad.labs import Run, main

LIMIT = 200_000


def scaled(x: mg.Tensor, how: str) -> mg.Tensor:
    """Columns as they are, less their mean, from 0 to 1, as z-scores, or whitened."""
    if how == "raw":
        return x
    if how == "min-max":
        return (x - x.amin(0)) / (x.amax(0) - x.amin(0))
    centred = x - x.mean(0)
    if how == "centred":
        return centred
    z = centred / x.std(0, correction=0)
    if how == "z-scored":
        return z
    values, vectors = mg.linalg.eigh(z.T @ z / len(z))
    return z @ (vectors / values.sqrt()) @ vectors.T


def descend(x: mg.Tensor, y: mg.Tensor, lr: float, steps: int) -> tuple[int | None, list]:
    """Steps of gradient descent until the loss is within a thousandth of where it started above its minimum, and the path."""
    x, target = x.numpy(), y.numpy()
    best = mg.linalg.lstsq(mg.tensor(x), y.reshape(-1, 1)).solution.numpy()[:, 0]
    w = best * 0.0
    path = [w]
    matrix, slope = x.T @ x / len(x), x.T @ target / len(x)
    start = (best @ matrix @ best) / 2
    for step in range(1, steps + 1):
        w = w - lr * (matrix @ w - slope)
        away = (w - best) @ matrix @ (w - best) / 2
        if step < 200:
            path.append(w)
        if away <= 1e-3 * start:
            return step, path
        if not away < 1e6 * start:
            break
    return None, path


def measure(run: Run) -> None:
    people = body().double()
    x, y = people[:, :2], people[:, 3] - people[:, 3].mean()
    ways, rows, paths, found = ("raw", "centred", "min-max", "z-scored", "whitened"), [], {}, {}
    for how in run.bar(ways):
        data = scaled(x, how)
        c = condition(data)
        largest = 2 / c.eigenvalues[0]
        below, above = (descend(data, y, f * largest, 3000)[1] for f in (0.99, 1.01))
        steps, paths[how] = descend(data, y, 2 / (c.eigenvalues[0] + c.eigenvalues[-1]), run.pick(LIMIT, 20_000))
        grew = abs(above[-1]).max() > abs(below[-1]).max()
        found[how] = {"condition": c.number, "rank": c.rank, "largest_step": largest, "steps": steps, "edge": bool(grew)}
        rows.append([how, c.number, largest, steps if steps else "more", bool(grew)])
    z = scaled(x, "z-scored")
    r = (z[:, 0] * z[:, 1]).mean().item()
    columns = ["columns", "condition of XᵀX", "largest stable step 2/λ₁", "steps to 1e-3", "1 % above it grows"]
    run.table(columns, rows, f"Age and salary, whose correlation is {r:.4f}")
    kappa = {how: found[how]["condition"] for how in ways}
    for how in ("z-scored", "whitened"):
        circle = kappa[how] < 2
        run.check("normalization turns the ellipse into a circle (condition below 2)", circle, how, condition=kappa[how])
    form = (1 + r) / (1 - r)
    run.check("z-scores have the condition (1+r)/(1−r)", abs(kappa["z-scored"] / form - 1) < 1e-6, condition=kappa["z-scored"],
              formula=form)  # fmt: skip
    gain = kappa["raw"] / kappa["z-scored"]
    run.check("z-scores make the ellipse rounder", gain > 1, times=gain)
    worse = kappa["centred"] / kappa["raw"]
    run.check("centring makes the ellipse rounder", worse < 1, condition_over_raw=worse)
    faster = found["raw"]["steps"] is None and found["z-scored"]["steps"] is not None
    run.check("gradient descent arrives sooner", faster, "z-scores", steps=found["z-scored"]["steps"])
    edges = all(f["edge"] for f in found.values())
    run.check("steps up to 2/λ₁ are stable, larger ones are not", edges)
    whole = condition(scaled(people, "centred"))
    run.check("four centred rows of four columns have rank 3, so no condition", whole.rank == 3, rank=whole.rank)
    run.keep(ways=found, correlation=r)

    def draw(*axes):
        for part, how in zip(axes, ways[:4], strict=True):
            bowl(part, scaled(x, how), y, paths[how])
            part.set_title(f"{how}: condition {kappa[how]:.3g}", fontsize=10)

    run.draw(draw, columns=4, size=(15, 4))


def bowl(axes, x: mg.Tensor, y: mg.Tensor, path: list) -> None:
    """Lines of equal loss over the two weights, both in one unit, and where gradient descent goes."""
    x, y = x.numpy(), y.numpy()
    matrix = mg.tensor(x.T @ x / len(x))
    best = mg.linalg.solve(matrix, mg.tensor(x.T @ y / len(x))).numpy()
    values, vectors = (part.numpy() for part in mg.linalg.eigh(matrix))
    start = best @ matrix.numpy() @ best / 2
    turn = mg.linspace(0, 2 * math.pi, 721).numpy()
    for k, level in enumerate((0.01, 0.1, 0.4, 1.0)):  # of the loss that the start has above the minimum
        lengths = [math.sqrt(2 * level * start / value) for value in values]
        ring = [lengths[0] * vectors[i, 0] * np.cos(turn) + lengths[1] * vectors[i, 1] * np.sin(turn) + best[i] for i in (0, 1)]
        axes.plot(*ring, color=f"{0.7 - 0.15 * k}", linewidth=1.0)
    axes.plot([p[0] for p in path], [p[1] for p in path], "-", color="tab:red", linewidth=0.8, label="the first 200 steps")
    axes.plot(0, 0, "o", color="tab:red", markersize=4, label="start")
    axes.plot(*best, "k*", markersize=10, label="minimum")
    axes.set(xlabel="weight of age", ylabel="weight of salary")
    axes.axis("equal")
    axes.legend(fontsize=8)


if __name__ == "__main__":
    main(measure, seeds=1, quick_seeds=1)
