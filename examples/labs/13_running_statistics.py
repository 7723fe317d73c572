"""Running statistics: two conventions, one average.

Claim: "running = 0.9 · running + 0.1 · batch" and "momentum = 0.99 in Keras, 0.1 in PyTorch" are told as if they were the same;
the running variance is that of the batches; after some hundred steps the statistics have settled.

Source: Ioffe & Szegedy 2015, algorithm 2 (unbiased variance m/(m−1), which two articles leave out); the documentation of both
libraries.

Set-up: float64, a batch norm layer fed with normal batches; a constant batch to see how fast the start is forgotten.

Changes: batches that follow each other are not independent while a network learns: the stationary width then grows.
"""

import math

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import running_convergence, stationary_sd, steps_until
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY

CHANNELS = 256


def batches(count: int, size: int) -> list[mg.Tensor]:
    return [2.0 * mg.randn(size, CHANNELS, dtype=mg.float64) + 5.0 for _ in range(count)]


def layer(momentum: float | None) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(CHANNELS, momentum=momentum, dtype=mg.float64)


def forgetting(momentum: float) -> list[float]:
    """The share of the start that is left after each step, on a batch that is always the same."""
    bn = nn.BatchNorm1d(1, momentum=momentum, dtype=mg.float64)
    seen = running_convergence(bn, [mg.tensor([[4.0], [6.0]], dtype=mg.float64)] * steps_until(0.005, momentum))
    return (1 - seen["mean"][:, 0] / 5.0).tolist()


def trembling(momentum: float, size: int, seed: int) -> float:
    """The deviation of running means from the true mean, once the start is forgotten."""
    bn = layer(momentum)
    with mg.no_grad():
        for batch in batches(steps_until(0.001, momentum), size):
            bn(batch)
    return (bn.running_mean - 5.0).std().item()


def measure(run: Run) -> None:
    some = batches(30, 8)
    seen = running_convergence(layer(0.1), some)
    new_weight = old_weight = np.zeros(CHANNELS)
    for batch in some:  # PyTorch's words and Keras' words for one average
        mean = batch.mean(0).numpy()
        new_weight = (1 - 0.1) * new_weight + 0.1 * mean
        old_weight = 0.9 * old_weight + (1 - 0.9) * mean
    apart = float(abs(new_weight - old_weight).max())
    ours = float(abs(seen["mean"][-1] - new_weight).max())
    run.check(
        "momentum 0.1 as weight of the new batch is 0.9 as weight of the old value", apart < 1e-12, apart=apart, layer=ours
    )
    halves = {a: steps_until(0.5, a) for a in (0.1, 0.9)}
    swapped = halves[0.9] == halves[0.1]
    run.check("the same number means the same in both libraries", swapped, half_life_at_a_tenth=halves[0.1],
              half_life_at_nine_tenths=halves[0.9])  # fmt: skip

    cumulative = running_convergence(layer(None), some)["mean"][-1]
    off = float(abs(cumulative - np.mean([b.mean(0).numpy() for b in some], 0)).max())
    run.check("momentum=None gives the plain average of all batches", off < 1e-12, largest_difference=off)

    rows = []
    for size in (2, 4, 16):
        found = running_convergence(layer(0.1), batches(run.pick(300, 80), size))["var"][-1].mean()
        rows.append([size, found / 4.0, 1.0, (size - 1) / size])
    run.table(["B", "running variance / σ²", "unbiased", "biased (m−1)/m"], rows, "What the running variance estimates")
    for size, found, unbiased, biased in rows:
        run.check("the running variance is the unbiased one", abs(found - unbiased) < abs(found - biased), f"B = {size}",
                  over_σ2=found)  # fmt: skip

    rows, curves = [], {}
    for momentum in (0.3, 0.1, 0.01):
        curves[momentum] = forgetting(momentum)
        steps = next(k for k, left in enumerate(curves[momentum]) if left <= 0.01)
        rows.append([momentum, 1 - momentum, steps, math.log(0.01) / math.log1p(-momentum)])
    run.table(
        ["weight of new", "weight of old", "steps to 1 %", "ln .01 / ln(1−a)"], rows, "Steps until 1 % of the start is left"
    )
    run.check("steps to 1 % are ln .01 / ln(1−a)", all(row[2] == math.ceil(row[3]) for row in rows),
              at_a_tenth=rows[1][2], at_a_hundredth=rows[2][2])  # fmt: skip
    for row in rows[1:]:
        run.check("after 100 steps they have settled to 1 %", row[2] <= 100, f"weight {row[0]}", steps=row[2])

    sizes, weights = [2, 8, 32, 128], [0.3, 0.1, *run.pick([0.02], [])]
    cells = run.sweep(trembling, momentum=weights, size=sizes, seed=run.seeds)
    ratios = [c["value"] / stationary_sd(c["momentum"], c["size"], 2.0) for c in cells]
    run.check("the running mean keeps a deviation of σ√(a/((2−a)B))", 0.85 < min(ratios) <= max(ratios) < 1.15,
              least_ratio=min(ratios), largest_ratio=max(ratios))  # fmt: skip
    run.keep(forgetting={str(k): v for k, v in curves.items()}, trembling=cells)

    def draw(left, right):
        for k, (momentum, curve) in enumerate(curves.items()):
            left.semilogy(curve, color=f"C{k}", label=f"a = {momentum}")
            left.plot(steps_until(0.01, momentum), 0.01, "o", color=f"C{k}")
        left.axhline(0.01, **THEORY)
        left.set(
            xlim=(0, 700),
            xlabel="step",
            ylabel="share of the start that is left",
            title="forgetting (a: weight of the new batch)",
        )
        left.set_xscale("symlog", linthresh=10)
        for k, momentum in enumerate(weights):
            runs = [[c["value"] for c in cells if c["momentum"] == momentum and c["seed"] == s] for s in run.seeds]
            band(right, sizes, runs, f"a = {momentum}", marker="o", color=f"C{k}")
            right.plot(sizes, [stationary_sd(momentum, size, 2.0) for size in sizes], **THEORY)
        right.set(xlabel="batch size B", ylabel="sd of the running mean (σ = 2)", title="trembling; dashed σ√(a/((2−a)B))")
        right.set_xscale("log", base=2)
        right.set_yscale("log")
        left.legend()
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure)
