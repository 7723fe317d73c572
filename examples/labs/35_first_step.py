"""The first step: does the explosion last?

Claim: "The exploding gradients of a batch norm net at the start go away by themselves: after one step the large ones are gone."

Source: Yang et al. 2019, §5, and the scale invariance of batch norm (Hoffer et al. 2018): a large step makes weights larger and
their gradients smaller.

Set-up: digits, 20 hidden layers of width 128 with batch norm and ReLU, first weights of variance 1/N, B = 64; the range of the
weights' gradient norms over the layers (largest over smallest) before and after one step of SGD, by learning rate; then after
ten steps.

Changes: gradient clipping or warm-up, which keep the bottom weights from growing; skips, under which there is little to tame.
"""

import math

from minigrad import nn, optim
from minigrad.diagnose.measure import batch_norm_growth, column, norm, spread
from minigrad.labs import Run, band, main
from minigrad.labs.setups import images, mlp


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=640, device=run.device)
    depth, width = run.pick(20, 12), run.pick(128, 64)

    def gradients(model: nn.Module, step: int) -> list[float]:
        """|∂L/∂W| of the hidden layers on a batch; left in `.grad`."""
        x, y = data.x[64 * step : 64 * step + 64], data.y[64 * step : 64 * step + 64]
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        return [norm(layer.weight.grad) for layer in model if isinstance(layer, nn.Linear)][:-1]

    def cell(lr: float, seed: int) -> dict:
        model = mlp([data.x.shape[1], *[width] * depth, 10], "bn").to(run.device)
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, math.sqrt(1 / layer.in_features))
        optimizer, found = optim.SGD(model.parameters(), lr=lr), {}
        for step in range(10):
            slopes = gradients(model, step % 10)
            found |= {0: {"before": slopes}, 1: {"after": slopes}, 9: {"later": slopes}}.get(step, {})
            optimizer.step()
        return found

    rates = [10.0**k for k in range(-4, 2)]
    cells = run.sweep(cell, lr=rates, seed=run.seeds)

    def spans(when: str, lr: float) -> list[float]:
        """Largest over smallest gradient norm of the layers, by seed."""
        return [max(g) / min(g) if None not in g and min(g) > 0 else math.inf for g in column(cells, when, lr=lr)]

    middle = {(w, lr): sorted(spans(w, lr))[len(run.seeds) // 2] for w in ("before", "after", "later") for lr in rates}
    rows = [[lr, *(middle[when, lr] for when in ("before", "after", "later"))] for lr in rates]
    run.table(["learning rate", "at the start", "after 1 step", "after 9 steps"], rows, "Largest over smallest |∂L/∂W|")
    growth = spread(g[0] / g[-1] for g in column(cells, "before", lr=rates[0]))["median"]
    theory = batch_norm_growth(64) ** ((depth - 1) / 2)
    run.check("at the start gradients grow going down as theory says (to a factor of 1.5)", 1 / 1.5 < growth / theory < 1.5,
              bottom_over_top=growth, theory=theory)  # fmt: skip
    for lr in (1e-3, 1e-1, 1.0, 10.0):
        for when, name in (("after", "one step of SGD halves"), ("later", "nine steps of SGD halve")):
            smaller = middle[when, lr] < middle["before", lr] / 2
            run.check(f"{name} the range over the layers, or more", smaller, f"rate {lr:g}",
                      range=middle[when, lr], at_the_start=middle["before", lr])  # fmt: skip
    run.keep(cells=cells)

    def draw(left, right):
        for k, (when, name) in enumerate(
            (("before", "at the start"), ("after", "after one step"), ("later", "after nine steps"))
        ):
            runs = [[spans(when, lr)[s] for lr in rates] for s in range(len(run.seeds))]
            band(left, rates, runs, name, marker="o", color=f"C{k}")
        left.set(
            xlabel="learning rate of SGD",
            ylabel="largest / smallest |∂L/∂W|",
            xscale="log",
            yscale="log",
            title="range over the layers",
        )
        layers = range(1, depth + 1)
        band(right, layers, column(cells, "before", lr=rates[0]), "at the start", color="black")
        for k, lr in enumerate((1e-4, 1e-2, 1.0)):
            band(right, layers, column(cells, "after", lr=lr), f"after one step at {lr:g}", color=f"C{k}")
        right.set(xlabel="layer", ylabel="|∂L/∂W|", yscale="log", title="by layer")
        left.legend()
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure)
