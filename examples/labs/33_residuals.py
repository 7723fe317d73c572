"""Residuals: are skips what tames the explosion?

Claim: "Only skip connections tame the exploding gradients of deep nets; batch norm alone does not."

Source: several articles; Yang et al. 2019, §4; De & Smith 2020 (batch norm shrinks the residual branch).

Set-up: float64, width 128, B = 64, at the start: x + W ReLU(BN(x)) with W of variance 1/N, the same without the skip, and
x + W ReLU(x) with He's variance 2/N without batch norm; depths 10 to 80; how much larger mean |∂L/∂z|² is at the bottom than at
the top.

Changes: scaling the residual branch by 1/√depth, which makes even the He net tame.
"""

import math

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main

WIDTH, BATCH = 128, 64
NETS = ("plain + BN", "residual + BN", "residual, He", "residual, He, /√depth")


def blow_up(net: str, depth: int, seed: int) -> float:
    """ln of mean |∂L/∂z|² at the bottom over that at the top."""
    norm = nn.BatchNorm1d(WIDTH, 1e-12, affine=False, track_running_stats=False, dtype=mg.float64)
    variance = 1 if "BN" in net else 2
    x = mg.randn(BATCH, WIDTH, dtype=mg.float64).requires_grad_()
    z = x
    for _ in range(depth):
        w = mg.randn(WIDTH, WIDTH, dtype=mg.float64) * math.sqrt(variance / WIDTH)
        branch = (norm(z) if "BN" in net else z).relu() @ w.T
        branch = branch / math.sqrt(depth) if "depth" in net else branch
        z = branch if net.startswith("plain") else z + branch
    top = mg.randn(BATCH, WIDTH, dtype=mg.float64)
    (z * top).sum().backward()
    return math.log((x.grad**2).mean().item() / (top**2).mean().item())


def measure(run: Run) -> None:
    depths = run.pick([10, 20, 40, 60, 80], [10, 20, 40])
    cells = run.sweep(blow_up, net=NETS, depth=depths, seed=run.seeds)
    middle = {(n, d): spread(column(cells, "value", net=n, depth=d))["median"] for n in NETS for d in depths}
    rows = [[n, *(math.exp(middle[n, d]) for d in depths), math.exp((middle[n, depths[-1]] - middle[n, depths[0]]) /
             (depths[-1] - depths[0]))] for n in NETS]  # fmt: skip
    run.table(["|∂L/∂z|², bottom / top", *(f"depth {d}" for d in depths), "factor per layer"], rows, "At the start")
    rate = {row[0]: row[-1] for row in rows}
    run.check(
        "without skips batch norm nets explode (factor above 1.3 a layer)", rate["plain + BN"] > 1.3, factor=rate["plain + BN"]
    )
    tame = rate["residual + BN"] < 1.1
    run.check("a skip tames the explosion (factor below 1.1 a layer)", tame, "with batch norm", factor=rate["residual + BN"])
    run.check("a skip tames the explosion (factor below 1.1 a layer)", rate["residual, He"] < 1.1, "He, without batch norm",
              factor=rate["residual, He"])  # fmt: skip
    run.check(
        "a scaled branch does it without batch norm", rate["residual, He, /√depth"] < 1.1, factor=rate["residual, He, /√depth"]
    )
    first, last = (middle["residual + BN", d] for d in (depths[0], depths[-1]))
    power = (last - first) / math.log(depths[-1] / depths[0])
    run.check("with skips and batch norm the growth is a power of depth below 2", 0 < power < 2, power=power)
    run.keep(cells=cells, power=power)

    def draw(axes):
        for k, net in enumerate(NETS):
            runs = [[math.exp(c["value"]) for c in cells if c["net"] == net and c["seed"] == s] for s in run.seeds]
            band(axes, depths, runs, net, marker="o", color=f"C{k}")
        dense = range(depths[0], depths[-1] + 1)
        axes.plot(dense, [(math.pi / (math.pi - 1)) ** d for d in dense], "k--", linewidth=1, label="(π/(π−1))^depth")
        axes.plot(dense, [2.0**d for d in dense], "k:", linewidth=1, label="2^depth")
        axes.set(xlabel="depth", ylabel="mean |∂L/∂z|² at the bottom / at the top", yscale="log")
        axes.legend()

    run.draw(draw, size=(7.5, 4.4))


if __name__ == "__main__":
    main(measure)
