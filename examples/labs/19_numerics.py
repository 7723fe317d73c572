"""Numerics: where the textbook formula breaks, and what ε, weight norm and dropout do to a variance.

Claim: "Var = E[x²] − E[x]²" (how several tutorials compute it), "ε only avoids a division by zero", and "dropout and batch norm
go well together in any order".

Source: the articles' code; Chan, Golub & LeVeque 1983 on the one-pass variance; Salimans & Kingma 2016, §2–3; Li et al. 2019 on
dropout before batch norm.

Set-up: float32 data of deviation 1 at means up to 1e5; ε = 1e-5 against deviations down to 1e-5; a weight-normalized layer with
data-dependent first values; dropout of rate p before batch norm.

Changes: float64 moves the break by eight digits of the mean; statistics recomputed without dropout repair the last.
"""

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY
from minigrad.nn import functional as F


def variances(mean: float, seed: int) -> dict[str, float]:
    """Relative errors of the variance in float32: in one pass, in two, and of what batch norm makes of it (1)."""
    x = mg.randn(4096, 1, dtype=mg.float64) + mean
    single = x.float()
    true = single.double().var(0, correction=0).item()
    one = ((single * single).mean(0) - single.mean(0) ** 2).item()
    two = ((single - single.mean(0)) ** 2).mean(0).item()
    y = F.batch_norm(single, None, None, training=True, eps=0.0).double()
    ours = 1 / y.var(0, correction=0).item()
    return {"one_pass": abs(one / true - 1), "negative": one < 0, "two_pass": abs(two / true - 1), "batch_norm": abs(ours - 1)}


def shrunk(deviation: float, eps: float) -> tuple[float, float]:
    """The deviation that batch norm gives data of a deviation, and √(v/(v+ε))."""
    x = mg.randn(512, 8, dtype=mg.float64) * deviation
    v = x.var(0, correction=0)
    y = F.batch_norm(x, None, None, training=True, eps=eps)
    return y.std(0, correction=0).mean().item(), (v / (v + eps)).sqrt().mean().item()


def weight_normalized() -> dict[str, float]:
    """v·∇v over |v||∇v|, and mean and variance of the units after data-dependent first values of g and b."""
    layer, x = nn.utils.weight_norm(nn.Linear(20, 10, dtype=mg.float64)), mg.randn(200, 20, dtype=mg.float64) * 3 + 1
    with mg.no_grad():
        layer.weight_g.fill_(1.0)
        layer.bias.zero_()
        z = layer(x)
        layer.weight_g.copy_(1 / z.std(0, correction=0).reshape(-1, 1))
        layer.bias.copy_(-z.mean(0) / z.std(0, correction=0))
        z = layer(x)
    F.cross_entropy(layer(x), mg.randint(0, 10, (200,))).backward()
    v, g = layer.weight_v.detach(), layer.weight_v.grad
    cosine = ((v * g).sum(1).abs() / (v.norm(dim=1) * g.norm(dim=1))).max().item()
    return {"cosine": cosine, "mean": z.mean(0).abs().max().item(), "variance": (z.var(0, correction=0) - 1).abs().max().item()}


def dropout_shift(p: float, mean: float, seed: int) -> float:
    """The variance that batch norm sees in training over that in evaluation, with dropout of rate p before it."""
    x = mg.randn(8000, 4, dtype=mg.float64) + mean
    return (F.dropout(x, p, training=True).var(0) / x.var(0)).mean().item()


def measure(run: Run) -> None:
    means = [0.0, 1e1, 1e2, 1e3, 1e4, 1e5]
    cells = run.sweep(variances, mean=means, seed=run.seeds)
    worst = {k: [max(c[k] for c in cells if c["mean"] == m) for m in means] for k in ("one_pass", "two_pass", "batch_norm")}
    run.table(["mean", "one pass", "two passes", "batch norm's output"], list(zip(means, *worst.values(), strict=True)),
              "Relative error of the variance in float32, deviation 1")  # fmt: skip
    for at, name in ((1, "mean 10"), (4, "mean 1e4")):
        run.check(
            "E[x²] − E[x]² gives the variance to 1 %", worst["one_pass"][at] < 0.01, name, relative_error=worst["one_pass"][at]
        )
    ours = worst["batch_norm"][4]
    run.check("batch norm gives variance 1 to 1 % at mean 1e4", ours < 0.01, relative_error=ours)

    deviations = [10.0**k for k in range(-5, 1)]
    rows = [[d, *shrunk(d, 1e-5)] for d in deviations]
    run.table(["σ", "σ after batch norm", "√(v/(v+ε))"], rows, "ε = 1e-5 against the variance")
    off = max(abs(r[1] - r[2]) for r in rows)
    run.check("batch norm gives a deviation of √(v/(v+ε))", off < 1e-3, largest_difference=off)
    for row in (rows[-1], rows[2]):
        run.check("ε changes nothing but 0/0", abs(row[1] - 1) < 0.01, f"σ = {row[0]:g}", deviation=row[1])

    wn = weight_normalized()
    run.check("weight norm: v·∇v = 0", wn["cosine"] < 1e-12, cosine=wn["cosine"])
    ready = max(wn["mean"], wn["variance"])
    run.check("weight norm's first values give mean 0 and variance 1", ready < 1e-12, largest_difference=ready)

    rates = [0.0, 0.1, 0.2, 0.3, 0.5]
    shifts = run.sweep(dropout_shift, p=rates, mean=[0.0, 1.0, 2.0], seed=run.seeds)
    ratio = [c["value"] / (1 + c["p"] / (1 - c["p"]) * (1 + c["mean"] ** 2)) for c in shifts]
    run.check("dropout multiplies the variance by 1 + p/(1−p)·(1 + μ²/σ²)", 0.95 < min(ratio) <= max(ratio) < 1.05,
              least_ratio=min(ratio), largest_ratio=max(ratio))  # fmt: skip
    half = min(c["value"] for c in shifts if c["p"] == 0.5 and c["mean"] == 0)
    run.check("batch norm after dropout sees one variance in training and evaluation", abs(half - 1) < 0.1, variance_ratio=half)
    run.keep(variance_errors=cells, eps=rows, weight_norm=wn, dropout=shifts)

    def draw(left, middle, right):
        at = [max(m, 1.0) for m in means]
        for k, (name, values) in enumerate(worst.items()):
            left.loglog(at, [max(v, 1e-9) for v in values], "osD"[k] + "-", label=name.replace("_", " "))
        left.set(
            xlabel="mean (deviation 1; the first point is mean 0)", ylabel="relative error of the variance", title="float32"
        )
        middle.semilogx(deviations, [r[2] for r in rows], label="√(v/(v+ε))", **THEORY)
        middle.semilogx(deviations, [r[1] for r in rows], "o", label="measured")
        middle.set(xlabel="σ of the data", ylabel="σ after batch norm", title="ε = 1e-5")
        for k, mean in enumerate((0.0, 1.0, 2.0)):
            runs = [[c["value"] for c in shifts if c["mean"] == mean and c["seed"] == s] for s in run.seeds]
            right.plot(rates, [1 + p / (1 - p) * (1 + mean**2) for p in rates], **THEORY)
            band(right, rates, runs, f"μ/σ = {mean:g}", marker="o", color=f"C{k}")
        right.set(xlabel="dropout rate p", ylabel="variance in training / in evaluation", title="dropout before batch norm")
        for part in (left, middle, right):
            part.legend()

    run.draw(draw, columns=3, size=(14, 3.9))


if __name__ == "__main__":
    main(measure)
