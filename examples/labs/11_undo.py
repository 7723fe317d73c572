"""Undo: can batch norm be switched off by its own γ and β?

Claim: "With γ = √(σ² + ε) and β = μ the layer gives back exactly what came in, so normalizing takes nothing away"; two
articles, and the paper in words, take γ = √σ².

Source: Ioffe & Szegedy 2015, §3; three of the articles.

Set-up: float64, a batch normalized by its own statistics and by running ones; then γ and β made for one batch and used on a
fresh batch of the same size, normal data of 64 channels.

Changes: γ and β that follow each batch would undo it always, but they are parameters, and know only what came before.
"""

import math

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY

CHANNELS = 64


def layer(eps: float, channels: int = CHANNELS) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, eps=eps, dtype=mg.float64)


def undo(bn: nn.BatchNorm1d, mean: mg.Tensor, var: mg.Tensor, eps: float) -> None:
    """γ = √(var + eps) and β = mean."""
    with mg.no_grad():
        bn.weight.copy_((var + eps).sqrt())
        bn.bias.copy_(mean)


def batch(size: int, mean: float, deviation: float, channels: int = CHANNELS) -> mg.Tensor:
    return mg.randn(size, channels, dtype=mg.float64) * deviation + mean


def fresh(size: int, seed: int) -> float:
    """The rms error, over σ, on a batch that γ and β were not made for."""
    channels = max(64, 2**16 // size)
    first, second = batch(size, 3.0, 2.0, channels), batch(size, 3.0, 2.0, channels)
    bn = layer(1e-12, channels)
    undo(bn, first.mean(0), first.var(0, correction=0), 0.0)
    return math.sqrt(((bn(second) - second) ** 2).mean().item()) / 2.0


def measure(run: Run) -> None:
    x, eps = batch(32, 5.0, 2.0), 1e-5
    mean, var = x.mean(0), x.var(0, correction=0)
    bn = layer(eps)
    undo(bn, mean, var, eps)
    in_training = (bn(x) - x).abs().max().item()
    for _ in range(50):
        bn(batch(32, 5.0, 2.0))
    bn.eval()
    undo(bn, bn.running_mean, bn.running_var, eps)
    in_evaluation = (bn(x) - x).abs().max().item()
    run.check("γ=√(σ²+ε), β=μ undo it to rounding", in_training < 1e-12, "its own batch", largest_error=in_training)
    run.check("γ=√(σ²+ε), β=μ undo it to rounding", in_evaluation < 1e-12, "running statistics", largest_error=in_evaluation)

    deviations = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    rows = []
    for deviation in deviations:  # γ = √σ², without ε
        x, bn = batch(256, 0.0, deviation), layer(eps)
        v = x.var(0, correction=0)
        undo(bn, x.mean(0), v, 0.0)
        lost = ((x - bn(x)).detach() / (x - x.mean(0))).mean(0)  # the same share of every element
        theory = 1 - (v / (v + eps)).sqrt()
        rows.append([deviation, lost.mean().item(), theory.mean().item(), (lost - theory).abs().max().item()])
    run.table(["σ", "share lost with γ=√σ²", "1−√(v/(v+ε))", "largest difference"], rows, "γ without ε, at ε = 1e-5")
    off = max(row[3] for row in rows)
    run.check("γ=√σ² loses the share 1−√(v/(v+ε)) of each deviation", off < 1e-9, largest_difference=off)
    run.check("γ=√σ² gives back what came in", rows[0][1] < 1e-3, "σ = 1e-4", share_lost=rows[0][1])
    run.check("γ=√σ² gives back what came in", rows[-1][1] < 1e-3, "σ = 1", share_lost=rows[-1][1])

    sizes = [4, 8, 16, 32, 64, 128, 256, 512]
    cells = run.sweep(fresh, size=sizes, seed=run.seeds)
    errors = [[c["value"] for c in cells if c["seed"] == seed] for seed in run.seeds]
    theory = [math.sqrt(3 / size) for size in sizes]
    middle = [sorted(column)[len(column) // 2] for column in zip(*errors, strict=True)]
    run.keep(sizes=sizes, fresh_errors=errors, fresh_theory=theory, lost=rows)
    run.table(["B", "rms error / σ", "√(3/B)"], list(zip(sizes, middle, theory, strict=True)), "On a fresh batch")
    run.check("a fresh batch is given back", middle[3] < 0.01, "B = 32", error_over_σ=middle[3])
    ratios = [m / t for m, t in zip(middle, theory, strict=True)][3:]
    near = all(0.9 < r < 1.1 for r in ratios)
    run.check("its error is about σ√(3/B) from B = 32 on", near, least_ratio=min(ratios), largest_ratio=max(ratios))

    def draw(left, right):
        left.loglog([r[0] for r in rows], [r[2] for r in rows], label="1 − √(v/(v+ε))", **THEORY)
        left.loglog([r[0] for r in rows], [r[1] for r in rows], "o", label="measured")
        left.set(xlabel="σ of the data", ylabel="share of each deviation lost", title="γ = √σ², ε = 1e-5")
        right.plot(sizes, theory, label="√(3/B)", **THEORY)
        band(right, sizes, errors, "measured", marker="o")
        right.set(xlabel="batch size B", ylabel="rms error / σ", title="γ, β of one batch, used on the next")
        right.set_xscale("log", base=2)
        right.set_yscale("log")
        left.legend()
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, quick_seeds=3)
