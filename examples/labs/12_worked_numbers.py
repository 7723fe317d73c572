"""Worked numbers: what γ and β do to four numbers.

Claim: "x̂ = [−1.5, −0.5, 0.5, 1.5] with γ = 2, β = 3 becomes data of mean 3 and standard deviation 2; with γ = 0.5, β = −1 of
mean −1 and standard deviation 0.5."

Source: a worked example in one of the articles; Ioffe & Szegedy 2015, algorithm 1.

Set-up: float64; y = γ x̂ + β of the numbers as they stand, then through a batch norm layer with ε = 1e-5, for γ below, at and
above 0; a batch of mean 5 and variance 20 there and back.

Changes: x̂ that is normalized: the claim is right for any batch whose standard deviation is 1.
"""

import math

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, main

XHAT = [-1.5, -0.5, 0.5, 1.5]
EPS = 1e-5


def moments(x: mg.Tensor) -> tuple[float, float]:
    """Mean and (biased) standard deviation."""
    return x.mean().item(), x.std(correction=0).item()


def through_layer(x: mg.Tensor, gamma: float, beta: float) -> tuple[mg.Tensor, mg.Tensor]:
    """What a batch norm layer makes of the column x, and the gradient of y² by x."""
    bn = nn.BatchNorm1d(1, eps=EPS, dtype=mg.float64)
    with mg.no_grad():
        bn.weight.fill_(gamma)
        bn.bias.fill_(beta)
    column = x.reshape(-1, 1).detach().requires_grad_()
    y = bn(column)
    (y**3).sum().backward()
    return y.detach()[:, 0], column.grad[:, 0]


def measure(run: Run) -> None:
    xhat = mg.tensor(XHAT, dtype=mg.float64)
    rows, lines = [], []
    for gamma, beta in ((2.0, 3.0), (0.5, -1.0)):
        y = gamma * xhat + beta
        mean, sd = moments(y)
        rows.append([f"γ={gamma:g}, β={beta:g}", ", ".join(f"{v:g}" for v in y.tolist()), mean, sd])
        lines.append((f"γ={gamma:g}, β={beta:g}", y.tolist()))
        run.check("the mean becomes β", abs(mean - beta) < 1e-12, f"γ={gamma:g}", mean=mean)
        run.check("the standard deviation becomes γ", abs(sd - gamma) < 1e-12, f"γ={gamma:g}, these numbers", sd=sd)
    run.table(["", "y = γ x̂ + β", "mean", "sd"], rows, f"x̂ = {XHAT}, whose own sd is {moments(xhat)[1]:.4f}")

    rows, v = [], xhat.var(correction=0).item()
    for gamma in (-2.0, -0.5, 0.0, 0.5, 1.0, 2.0, 5.0):
        y, slope = through_layer(xhat, gamma, 3.0)
        mean, sd = moments(y)
        rising = (y[1:] > y[:-1]).all().item()
        rows.append([gamma, mean, sd, abs(gamma) * math.sqrt(v / (v + EPS)), rising, slope.abs().max().item()])
        lines.append((f"layer, γ={gamma:g}", y.tolist()))
    run.table(["γ", "mean", "sd", "|γ|√(v/(v+ε))", "order kept", "largest |dx|"], rows, "Through a layer, β = 3, ε = 1e-5")
    off = max(abs(row[2] - row[3]) for row in rows)
    run.check("through a layer the standard deviation is |γ|√(v/(v+ε))", off < 1e-12, largest_difference=off)
    two = next(row for row in rows if row[0] == 2)
    close = abs(two[2] - 2) < 1e-4
    run.check("the standard deviation becomes γ", close, "γ=2, through a normalizing layer", sd=two[2])
    turned = not any(row[4] for row in rows if row[0] < 0) and all(row[4] for row in rows if row[0] > 0)
    run.check("γ < 0 turns the order round, γ > 0 keeps it", turned)
    nothing = next(row for row in rows if row[0] == 0)
    run.check("γ = 0 gives β everywhere and stops the gradient", nothing[2] == nothing[5] == 0, sd=nothing[2], dx=nothing[5])

    x = mg.tensor([-1.0, 3.0, 7.0, 11.0], dtype=mg.float64)  # mean 5, variance 20
    mean, var = x.mean().item(), x.var(correction=0).item()
    plain, _ = through_layer(x, 1.0, 0.0)
    back, _ = through_layer(x, math.sqrt(var + EPS), mean)
    rows = [["x", *x.tolist(), *moments(x)], ["γ=1, β=0", *plain.tolist(), *moments(plain)],
            ["γ=√(20+ε), β=5", *back.tolist(), *moments(back)]]  # fmt: skip
    run.table(["", "y₁", "y₂", "y₃", "y₄", "mean", "sd"], rows, "A batch of mean 5 and variance 20")
    error = (back - x).abs().max().item()
    run.check("mean 5 and variance 20 come back with γ=√(20+ε), β=5", error < 1e-12, largest_error=error)
    run.keep(numbers=dict(lines), there_and_back=rows)

    def draw(axes):
        for k, (_, y) in enumerate(reversed(lines)):
            axes.plot(y, [k] * 4, "o-", color=f"C{k % 10}")
            for value, mark in zip(y, "1234", strict=True):
                axes.annotate(mark, (value, k), textcoords="offset points", xytext=(0, 5), ha="center", fontsize=7)
        axes.plot(XHAT, [len(lines)] * 4, "ks-")
        axes.set_yticks(range(len(lines) + 1), [*(name for name, _ in reversed(lines)), "x̂"])
        axes.set(xlabel="value; the marks number the cases")

    run.draw(draw, size=(8, 4.6))


if __name__ == "__main__":
    main(measure, seeds=1, quick_seeds=1)
