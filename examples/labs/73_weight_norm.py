"""Weight norm and the others: what do batch norm's relatives allow?

Claim: "Weight norm gives the benefits of batch norm (larger rates, robustness to the first weights) without its noise, the
more so with data-dependent first values or with mean-only batch norm."

Source: Salimans & Kingma 2016, §§2–4 and table 1; Ba et al. 2016 for layer norm.

Set-up: MLP3 on 900 digits, SGD, four epochs: plain, batch norm, layer norm, weight norm (w = g v/|v|), weight norm whose g
and biases make the first batch's outputs normal, weight norm with mean-only batch norm. Rates 0.1 ... 10 with He first
weights; then first weights times 0.01 ... 10 at the rate 0.1. Best held-out accuracy; largest rate, and the scales, with 90 %
or more.

Changes: deeper nets, where scale matters more; first weights with the biases that data give.
"""

from functools import partial

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.setups import Images, accuracy, images, initialise, mlp3, train

KINDS = {"plain": "tab:orange", "batch norm": "tab:blue", "layer norm": "tab:green", "weight norm": "tab:brown",
         "weight norm, data": "tab:pink", "weight norm, mean-only": "tab:olive"}  # fmt: skip


class MeanOnly(nn.Module):
    """Mean-only batch norm: y = x − mean(x) + β, with a running mean for evaluation (Salimans & Kingma 2016, equation 9)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(mg.zeros(channels))
        self.register_buffer("running_mean", mg.zeros(channels))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        if not self.training:
            return x - self.running_mean + self.bias
        mean = x.mean(0)
        with mg.no_grad():
            self.running_mean.lerp_(mean.detach(), 0.1)
        return x - mean + self.bias


@mg.no_grad()
def fit(model: nn.Sequential, x: mg.Tensor) -> None:
    """Set g and the bias of each weight-normalized layer so that its outputs on x have mean 0 and deviation 1."""
    for layer in model:
        z = layer(x)
        if isinstance(layer, nn.Linear):
            deviation = z.std(0, correction=0) + 1e-8
            layer.weight_g.div_(deviation[:, None])
            layer.bias.copy_((layer.bias - z.mean(0)) / deviation)
            z = layer(x)
        x = z


def network(kind: str, gain: float, data: Images, classes: int) -> nn.Sequential:
    norms = {"batch norm": "bn", "layer norm": "ln", "weight norm, mean-only": lambda channels, spatial: MeanOnly(channels)}
    model = initialise(mlp3(norms.get(kind, "none"), inputs=data.x.shape[1], classes=classes), "he", gain).to(data.x.device)
    if kind.startswith("weight norm"):
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.utils.weight_norm(layer)
    if kind == "weight norm, data":
        fit(model, data.x[:256])
    return model


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=run.pick(900, 640), device=run.device)
    classes = int(split().y.max().item()) + 1
    rates = run.pick([0.1, 0.3, 1.0, 3.0, 10.0], [0.1, 1.0, 10.0])
    gains = run.pick([0.01, 0.1, 3.0, 10.0], [0.01, 10.0])
    kinds = run.pick(list(KINDS), ["plain", "batch norm", "weight norm", "weight norm, data"])

    def cell(kind: str, setting: tuple, seed: int) -> float:
        data, (lr, gain) = split(seed=seed), setting
        model = network(kind, gain, data, classes)
        train(model, data, lr=lr, epochs=4, seed=seed, evaluate=False)
        return accuracy(model, data.test_x, data.test_y)

    settings = [[lr, 1.0] for lr in rates] + [[0.1, gain] for gain in gains]
    cells = run.sweep(cell, kind=kinds, setting=settings, seed=run.seeds)
    run.keep(cells=cells)
    scales = sorted([*gains, 1.0])

    def by_seed(kind: str, lr: float, gain: float = 1.0) -> list[float]:
        return column(cells, "value", kind=kind, setting=[lr, gain])

    def enough(kind: str, tried: list[list[float]]) -> list[list[int]]:
        """For each seed, which of the settings (rate, scale) reach 90 %."""
        return [[k for k, a in enumerate(seen) if a >= 0.9] for seen in zip(*(by_seed(kind, *s) for s in tried), strict=True)]

    best = {k: max((by_seed(k, lr) for lr in rates), key=lambda seen: spread(seen)["median"]) for k in kinds}
    most = {k: [rates[max(some)] if some else 0.0 for some in enough(k, [[lr] for lr in rates])] for k in kinds}
    good = {k: [len(some) for some in enough(k, [[0.1, gain] for gain in scales])] for k in kinds}
    middle = {k: [g for g in scales if spread(by_seed(k, 0.1, g))["median"] >= 0.9] for k in kinds}
    rows = [[k, spread(best[k])["median"], spread(most[k])["median"], spread(good[k])["median"], min(middle[k], default=None),
             max(middle[k], default=None)] for k in kinds]  # fmt: skip
    run.table(["", "best accuracy", "largest rate", f"scales of {len(scales)}", "smallest", "largest"], rows,
              "Best held-out accuracy; largest rate and scales of the first weights with 90 %")  # fmt: skip
    for k in kinds[2:]:
        run.ahead(
            "as accurate as batch norm at best rates (to a point)", k, -0.01, accuracy=best[k], batch_norm=best["batch norm"]
        )
        run.ahead("larger rates than the plain net", k, rate=most[k], plain=most["plain"])
        run.ahead("rates as large as with batch norm", k, -1e-9, rate=most[k], batch_norm=most["batch norm"])
        run.ahead("trains from more scales of the first weights than the plain net", k, scales=good[k], plain=good["plain"])

    def draw(left, right):
        for k in kinds:
            runs = [[column(cells, "value", kind=k, setting=[lr, 1.0], seed=s)[0] for lr in rates] for s in run.seeds]
            band(left, rates, runs, k, color=KINDS[k], marker="o")
            runs = [[column(cells, "value", kind=k, setting=[0.1, g], seed=s)[0] for g in scales] for s in run.seeds]
            band(right, scales, runs, k, color=KINDS[k], marker="o")
        left.set(xlabel="learning rate (He first weights)", ylabel="held-out accuracy", xscale="log")
        right.set(xlabel="first weights × (rate 0.1)", ylabel="held-out accuracy", xscale="log")
        left.legend(fontsize=8)

    run.draw(draw, columns=2, size=(12, 4.6))


if __name__ == "__main__":
    main(measure, seeds=8)
