"""Three factors: are gradients steadier, smaller and less noisy with batch norm, for every activation?

Claim: "Batch norm lowers the gradient's Lipschitz constant, the expected square of the stochastic gradient's norm and its
variance, and these three explain that training is faster."

Source: Peng et al. 2024 (three factors); Santurkar et al. 2018 for the first.

Set-up: MLP3 with ReLU, tanh and sigmoid, plain and with batch norm, default and He first weights, at the start and after one
and four epochs of SGD at 0.1: the largest |g(p + d) − g(p)| / |d| over random d of length 0.5 on 512 digits, and E|g|² and
the variance E|g − ḡ|² of the gradients of the batches of 64.

Changes: the weights that γ and β rescale count differently in any norm of all parameters; another length of d.
"""

import numpy as np

from minigrad import nn
from minigrad.diagnose.measure import column, gradient, gradient_lipschitz, kept, spread
from minigrad.labs import Run, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import batches, images, initialise, mlp, train
from minigrad.ops.random import Generator

FACTORS = {"lipschitz": "gradient Lipschitz", "square": "E|g|²", "variance": "variance of g"}
ACTS, INITS = ("relu", "tanh", "sigmoid"), ("default", "he")


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=run.pick(None, 512), device=run.device)
    classes, loss_of = int(data.y.max().item()) + 1, nn.CrossEntropyLoss()
    x, y = data.x[:512], data.y[:512]

    def factors(model: nn.Module, seed: int) -> dict:
        steep = gradient_lipschitz(lambda: loss_of(model(x), y), model, 0.5, run.pick(5, 2))
        with kept(model) as parameters:
            pairs = batches(data, 64, Generator().manual_seed(seed + 1000))
            seen = [gradient(lambda a=a, b=b: loss_of(model(a), b), parameters)[1].numpy(force=True) for a, b in pairs]
        slopes = np.stack(seen).astype(np.float64)
        return {"lipschitz": max(steep), "square": float((slopes**2).sum(1).mean()),
                "variance": float(slopes.var(0, ddof=1).sum()), "loss": loss_of(model(x), y).item()}  # fmt: skip

    def cell(act: str, norm: str, init: str, seed: int) -> dict:
        model = initialise(mlp([data.x.shape[1], 128, 128, 128, classes], norm, act), init).to(run.device)
        found = {"0": factors(model, seed)}
        for before, epochs in zip((0, 1), run.pick((1, 4), (1,)), strict=False):
            train(model, data, lr=0.1, epochs=epochs - before, seed=seed + before, evaluate=False)
            found[str(epochs)] = factors(model, seed)
        return {"factors": found}

    cells = run.sweep(cell, act=ACTS, norm=["none", "bn"], init=INITS, seed=run.seeds)
    run.keep(cells=cells)
    times = list(cells[0]["factors"])

    def values(factor: str, when: str, **where: str) -> list:
        return [found[when][factor] for found in column(cells, "factors", **where)]

    rows = []
    for act in ACTS:
        for init in INITS:
            for when in times:
                pairs = {f: [values(f, when, act=act, init=init, norm=n) for n in ("none", "bn")] for f in ("loss", *FACTORS)}
                under = f"{act}, {init}, " + (f"after {when} epoch{'s' * (when != '1')}" if when != "0" else "at the start")
                rows.append([under, *(spread(found)["median"] for pair in pairs.values() for found in pair)])
                for f, name in FACTORS.items():
                    run.ahead(f"{name} is lower with batch norm", under, plain=pairs[f][0], bn=pairs[f][1])
    run.table(["", *(f"{name}, {net}" for name in ("loss", *FACTORS.values()) for net in ("plain", "BN"))], rows,
              "The three factors, medians over the seeds")  # fmt: skip

    def draw(*axes):
        for ax, (factor, name) in zip(axes, FACTORS.items(), strict=True):
            spots = []
            for k, (act, init) in enumerate((a, i) for a in ACTS for i in INITS):
                for j, when in enumerate(times):
                    spots.append((4 * k + j, f"{act}\n{init}" if j == len(times) // 2 else ""))
                    for norm in ("none", "bn"):
                        found = values(factor, when, act=act, init=init, norm=norm)
                        ax.plot([4 * k + j] * len(found), found, "o", alpha=0.5, markersize=4, color=COLORS[norm],
                                label={"none": "plain", "bn": "batch norm"}[norm] if not k + j else None)  # fmt: skip
            ax.set_xticks([s for s, t in spots if t], [t for _, t in spots if t], fontsize=8)
            ax.set(ylabel=name, yscale="log", xlabel=f"after {', '.join(times)} epochs, from left to right")
        axes[0].legend()

    run.draw(draw, columns=3, size=(15, 4.4))


if __name__ == "__main__":
    main(measure)
