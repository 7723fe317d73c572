"""Growth: do gradients explode in a deep net because of batch norm?

Claim: "Batch norm keeps gradients from vanishing and exploding." Mean-field theory says the opposite for deep nets at random
weights: going down, |gradient|² grows by a factor per layer that depends on the batch and the activation alone.

Source: Ioffe & Szegedy 2015, §1 and §3.3 (the claim); Yang et al. 2019, §3 (the factor).

Set-up: float64, z → W φ(BN(z)) with W of variance 1/N, N = 256, 24 layers, ε = 1e-12, normal data, a random linear loss; the
slope of ln mean |∂L/∂z|² over layers 4 to 21, for linear and ReLU nets and several batch sizes; the weights times 100; He nets
without batch norm.

Changes: skip connections (lab 33), fewer layers, or training: the theory is about the start.
"""

import math

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import batch_norm_growth, column, layer_gradients, theory_meter
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY

DEPTH, FIRST, LAST = 24, 4, 21


def deep(act: str, norm: bool, width: int, variance: float = 1.0) -> nn.Sequential:
    """Linear layers with weights of variance `variance`/N, batch norm if asked for, and the activation between them."""
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        linear = nn.Linear(width, width, bias=False, dtype=mg.float64)
        nn.init.normal_(linear.weight, 0.0, math.sqrt(variance / width))
        middle = [nn.BatchNorm1d(width, 1e-12, dtype=mg.float64)] * norm
        layers += [linear, *middle, nn.ReLU() if act == "relu" else nn.Identity()]
    return nn.Sequential(*layers[: len(layers) - 1 - norm])


def linear_loss(z: mg.Tensor, direction: mg.Tensor) -> mg.Tensor:
    return (z * direction).sum()


def slope(values: list[float]) -> float:
    """The factor per layer going down, by a straight line through the logarithms of layers 4 to 21."""
    logs = [math.log(v) for v in values[FIRST - 1 : LAST]]
    middle = (len(logs) - 1) / 2
    rise = sum((k - middle) * v for k, v in enumerate(logs)) / sum((k - middle) ** 2 for k in range(len(logs)))
    return math.exp(-rise)


def measure(run: Run) -> None:
    width = run.pick(256, 128)

    def cell(act: str, batch: int, seed: int, variance: float = 1.0) -> dict:
        x, direction = (mg.randn(batch, width, dtype=mg.float64) for _ in range(2))
        found = layer_gradients(deep(act, True, width, variance), x, direction, linear_loss, nn.Linear)
        return {"gradients": list(found.values()), "factor": slope(list(found.values()))}

    sizes = run.pick([6, 8, 16, 32, 64, 128], [8, 32, 128])
    cells = run.sweep(cell, act=["linear", "relu"], batch=sizes, seed=run.seeds)
    rows = []
    for act in ("linear", "relu"):
        for size in sizes:
            factors = column(cells, "factor", act=act, batch=size)
            mean = math.exp(sum(map(math.log, factors)) / len(factors))
            rows.append([f"{act}, B = {size}", mean, min(factors), max(factors), batch_norm_growth(size, act)])
    run.table(["", "factor per layer", "least", "most", "theory"], rows, "Growth of |∂L/∂z|² per layer, with batch norm")
    for act in ("linear", "relu"):
        off = max(abs(r[1] / r[4] - 1) for r in rows if r[0].startswith(act))
        run.check(f"theory's factor is measured, to 10 %, at every B ({act})", off < 0.1, largest_error=off)
    large = run.sweep(cell, act=["relu"], batch=[32], variance=[1e4], seed=run.seeds)
    off = max(abs(c["factor"] / batch_norm_growth(32) - 1) for c in large)
    run.check("the weights' scale does not matter: times 100, the same to 10 %", off < 0.1, largest_error=off)
    relu, linear = ([r[1] for r in rows if r[0].startswith(act)] for act in ("relu", "linear"))
    for name, factor in (("ReLU", relu[-1]), ("linear", linear[-1])):
        run.check("batch norm keeps the gradient's size through the layers (to 10 % a layer)", abs(factor - 1) < 0.1,
                  f"{name}, B = {sizes[-1]}", factor=factor)  # fmt: skip

    def plain(seed: int) -> dict:
        x, direction = (mg.randn(32, width, dtype=mg.float64) for _ in range(2))
        meter = theory_meter(deep("relu", False, width, 2.0), x, direction, linear_loss)
        return {"gradients": meter.gradients, "factor": slope(meter.gradients), "theory": meter.expected}

    he = run.sweep(plain, seed=run.seeds)
    middle = sorted(c["factor"] for c in he)[len(he) // 2]
    run.check("He's first weights keep it without batch norm (to 10 % a layer)", abs(middle - 1) < 0.1, factor=middle)
    run.keep(cells=cells, he=he, times_100=large)

    def draw(left, right):
        dense = [sizes[0] * (sizes[-1] / sizes[0]) ** (j / 40) for j in range(41)]
        for k, act in enumerate(("linear", "relu")):
            runs = [[c["factor"] for c in cells if c["act"] == act and c["seed"] == s] for s in run.seeds]
            left.plot(dense, [batch_norm_growth(b, act) for b in dense], **THEORY, label="theory" if k else None)
            band(left, sizes, runs, {"linear": "linear", "relu": "ReLU"}[act], marker="o", color=f"C{k}")
        left.axhline(math.pi / (math.pi - 1), color="gray", linewidth=0.8, linestyle=":")
        left.annotate("π/(π−1)", (sizes[0], math.pi / (math.pi - 1)), textcoords="offset points", xytext=(0, -11), fontsize=8)
        left.set(xlabel="batch size B", ylabel="factor per layer", title="growth of |∂L/∂z|² per layer")
        left.set_xscale("log", base=2)
        for k, act in enumerate(("linear", "relu")):
            runs = [c["gradients"] for c in cells if c["act"] == act and c["batch"] == 32]
            band(right, range(1, DEPTH + 1), runs, {"linear": "linear, BN", "relu": "ReLU, BN"}[act], color=f"C{k}")
            top, factor = sorted(r[-1] for r in runs)[len(runs) // 2], batch_norm_growth(32, act)
            right.plot(range(1, DEPTH + 1), [top * factor ** (DEPTH - n) for n in range(1, DEPTH + 1)], **THEORY)
        band(right, range(1, DEPTH + 1), [c["gradients"] for c in he], "ReLU, He, no BN", color="C2")
        right.set(xlabel="layer (the loss is at the right)", ylabel="mean |∂L/∂z|²", yscale="log", title="by layer, B = 32")
        left.legend()
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure)
