"""Noise: how far a batch's mean and variance are from the truth, and what B = 2 leaves over.

Claim: "The statistics of a small batch are noisy; with a batch of two, batch norm in a fully connected net passes nothing on
but signs, and no gradient."

Source: Ioffe & Szegedy 2015, §3; Wu & He 2018, §1; the closed forms of normal samples.

Set-up: float64, normal batches of 256 channels; B = 2 through a batch norm layer for ε from 1e-12 to 1 and pairs of random
distance.

Changes: correlated cases (pixels of an image) count less than their number; heavy tails widen the variance's noise. What B = 2
lets through comes from the few pairs that lie closer than about √ε: their gradients are huge.
"""

import math

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY

CHANNELS = 256


def noise(size: int, seed: int) -> dict[str, float]:
    """The standard deviations of batch mean, biased and unbiased variance over channels and batches; σ = 1."""
    count = 8
    x = mg.randn(count, size, CHANNELS, dtype=mg.float64)
    return {"mean": x.mean(1).std().item(), "biased": x.var(1, correction=0).std().item(), "unbiased": x.var(1).std().item()}


def pair(eps: float) -> dict[str, float]:
    """What B = 2 emits, and the size of the gradient that it lets through beside the closed form γ/s · ε/(v+ε)."""
    bn = nn.BatchNorm1d(CHANNELS, eps=eps, dtype=mg.float64)
    x = mg.randn(2, CHANNELS, dtype=mg.float64).requires_grad_()
    g = mg.randn(2, CHANNELS, dtype=mg.float64)
    y = bn(x)
    y.backward(g)
    v = x.detach().var(0, correction=0)
    s = (v + eps).sqrt()
    closed = (g - g.mean(0)) / s * eps / (v + eps)
    size = closed.abs().max().item()
    share = (x.grad / (g - g.mean(0)) * s).abs()
    return {"from_one": (y.detach().abs() - 1).abs().median().item(), "median": share.median().item(),
            "share": (x.grad.norm() / (g / s).norm()).item(),
            "off": (x.grad - closed).abs().max().item() / max(size, 1e-3)}  # fmt: skip


def measure(run: Run) -> None:
    sizes = [2, 4, 8, 16, 32, 64, *run.pick([128, 256], [])]
    cells = run.sweep(noise, size=sizes, seed=run.seeds)
    forms = {"mean": lambda b: 1 / math.sqrt(b), "biased": lambda b: math.sqrt(2 * (b - 1)) / b,
             "unbiased": lambda b: math.sqrt(2 / (b - 1))}  # fmt: skip
    names = {"mean": "σ/√B", "biased": "σ²√(2(B−1))/B", "unbiased": "σ²√(2/(B−1))"}
    runs = {k: [[c[k] for c in cells if c["seed"] == s] for s in run.seeds] for k in forms}
    rows = []
    for i, size in enumerate(sizes):
        middle = {k: sorted(r[i] for r in runs[k])[len(run.seeds) // 2] for k in forms}
        rows.append([size, *(x for k in forms for x in (middle[k], forms[k](size)))])
    run.table(["B", "sd of mean", "σ/√B", "of biased var", "form", "of unbiased var", "form"], rows, "Noise of a batch, σ = 1")
    for k, form in forms.items():
        ratios = [value / form(size) for r in runs[k] for value, size in zip(r, sizes, strict=True)]
        near = 0.85 < min(ratios) <= max(ratios) < 1.15
        what = "mean" if k == "mean" else f"{k} variance"
        run.check(f"the sd of the batch's {what} is {names[k]}", near, least_ratio=min(ratios), largest_ratio=max(ratios))

    steps = [1e-12, 1e-9, 1e-5, 1e-3, 1e-2, 1e-1, 1.0]
    pairs = [{"ε": eps, **pair(eps)} for eps in steps]
    columns = ["ε", "distance of |y| from 1", "share of the gradient, median", "share of its norm", "off the closed form"]
    run.table(columns, [list(p.values()) for p in pairs], "B = 2 in a fully connected layer")
    run.keep(noise=cells, pairs=pairs)
    usual = pairs[2]
    run.check("B = 2 emits only ±1 at ε = 1e-5", usual["from_one"] < 1e-3, median_distance=usual["from_one"])
    for p in (pairs[0], usual):
        run.check("B = 2 lets no gradient through", p["share"] < 0.01, f"ε = {p['ε']:g}", share_of_its_norm=p["share"],
                  median_share=p["median"])  # fmt: skip
    off = max(p["off"] for p in pairs)
    run.check("what comes through is γ/s · ε/(v+ε) · (g−ḡ)", off < 1e-6, largest_difference=off)

    def draw(left, right):
        for k, (name, form) in enumerate(forms.items()):
            band(left, sizes, runs[name], f"{name}: {names[name]}", marker="o", color=f"C{k}")
            left.plot(sizes, [form(b) for b in sizes], **THEORY)
        left.set(xlabel="batch size B", ylabel="standard deviation, σ = 1", title="a batch's statistics")
        left.set_xscale("log", base=2)
        left.set_yscale("log")
        left.legend()
        right.loglog(steps, [p["median"] for p in pairs], "o-", label="share of the gradient, median pair")
        right.loglog(steps, [p["share"] for p in pairs], "D-", label="|dx| over |γ g/s|, all pairs")
        right.loglog(steps, [p["from_one"] for p in pairs], "s-", label="distance of |y| from 1")
        right.set(xlabel="ε", ylabel="share", title="B = 2: only ε lets something through")
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure)
