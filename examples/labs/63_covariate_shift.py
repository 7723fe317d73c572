"""Internal covariate shift, as gradients see it: does batch norm reduce it?

Claim: "With batch norm a layer's gradient depends less on what the layers below it do in the same step."

Source: Ioffe & Szegedy 2015, §2; Santurkar et al. 2018, definition 2.1 and figure 3, who find no such thing.

Set-up: a deep linear net (ten layers, digits) and VGGs, plain and with batch norm, SGD at 0.05 (linear net: 0.01), default
and He first weights (linear net: of variance 1/fan_in). Every seventh step: a layer's gradient g on the batch, then g' once
all layers below have made their update; cos(g, g') and |g − g'| / |g|, for the second and the fourth convolution (linear net:
layers 5 and 9).

Changes: larger rates lower every cosine; a deeper net lowers them further.
"""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, flat, kept, norm, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import Images, images, initialise, mlp, train, vggs

EVERY, RATES = 7, {"deep linear": 0.01, "VGGs": 0.05}


def shift(model: nn.Module, layer: nn.Module, x: mg.Tensor, y: mg.Tensor, lr: float) -> tuple[float, float]:
    """cos(g, g') and |g − g'| / |g| of a layer's weight, before and after the layers below have moved."""
    names = [p for p in model.parameters() if p.requires_grad]
    place = next(k for k, p in enumerate(names) if p is layer.weight)

    def slopes() -> tuple:
        return mg.autograd.grad(nn.functional.cross_entropy(model(x), y), names)

    with kept(model):
        before = slopes()
        with mg.no_grad():
            for p, g in zip(names[:place], before[:place], strict=True):
                p.sub_(lr * g)
        g, moved = flat([before[place]]), flat([slopes()[place]])
    sizes = norm(g) * norm(moved)
    return (mg.dot(g, moved).item() / sizes if sizes else np.nan), (norm(moved - g) / norm(g) if norm(g) else np.nan)


def measure(run: Run) -> None:
    pictures = images(run.data, limit=run.pick(900, 450), device=run.device)
    rows = Images(pictures.x.flatten(1), pictures.y, pictures.test_x.flatten(1), pictures.test_y)
    classes = int(rows.y.max().item()) + 1

    def cell(net: str, norm: str, init: str, seed: int) -> dict:
        if net == "VGGs":
            model, data, gain = vggs(norm, pictures.x.shape[1:], classes), pictures, 1.0
        else:
            model, data = mlp([rows.x.shape[1], *[48] * 9, classes], norm, "linear"), rows
            gain = 0.5**0.5 if init == "he" else 1.0
        initialise(model, init, gain).to(run.device)
        layers = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
        watched = {"lower": layers[1 if net == "VGGs" else 4], "upper": layers[3 if net == "VGGs" else 8]}
        x, y = data.x[:64], data.y[:64]
        found = {"steps": [], **{f"{what} {which}": [] for which in watched for what in ("cos", "distance")}}

        def watch(step: int, loss: float) -> None:
            if step % EVERY == 0:
                found["steps"].append(step)
                for which, layer in watched.items():
                    cos, distance = shift(model, layer, x, y, RATES[net])
                    found[f"cos {which}"].append(cos)
                    found[f"distance {which}"].append(distance)

        found["losses"] = train(model, data, lr=RATES[net], epochs=run.pick(6, 4), seed=seed, watch=watch, evaluate=False)[
            "loss"
        ]
        return found

    nets, inits = list(RATES), ["default", "he"]
    cells = run.sweep(cell, net=nets, norm=["none", "bn"], init=inits, seed=run.seeds)
    run.keep(cells=cells)
    table, middles = [], {}
    for net in nets:
        for init in inits:
            line = [f"{net}, {init}"]
            for which in ("lower", "upper"):
                for what in ("cos", "distance"):
                    for kind in ("none", "bn"):
                        runs = column(cells, f"{what} {which}", net=net, norm=kind, init=init)
                        middles[what, kind] = [spread(run_)["median"] for run_ in runs]
                        line.append(spread(middles[what, kind])["median"])
                under = f"{net}, {init}, {which} layer"
                run.ahead("the gradient's direction changes less with batch norm", under, cos_bn=middles["cos", "bn"],
                          cos_plain=middles["cos", "none"])  # fmt: skip
                run.ahead("the gradient changes less with batch norm, of its length", under, plain=middles["distance", "none"],
                          bn=middles["distance", "bn"])  # fmt: skip
            table.append(line)
    columns = [
        f"{what}, {which}, {kind}" for which in ("lower", "upper") for what in ("cos", "dist") for kind in ("plain", "BN")
    ]
    run.table(["", *columns], table, "g before and g' after the layers below have moved, medians over steps and seeds")

    def draw(*axes):
        for k, net in enumerate(nets):
            for j, init in enumerate(inits):
                ax = axes[2 * k + j]
                for kind, name in (("none", "plain"), ("bn", "batch norm")):
                    for which, line in (("lower", "-"), ("upper", ":")):
                        runs = column(cells, f"cos {which}", net=net, norm=kind, init=init)
                        steps = column(cells, "steps", net=net, norm=kind, init=init)
                        most = max(steps, key=len)
                        runs = [[*r, *[None] * (len(most) - len(r))] for r in runs]
                        band(ax, most, runs, f"{name}, {which} layer", color=COLORS[kind], linestyle=line)
                ax.set(xlabel="step", ylabel="cos(g, g')", title=f"{net}, {init} first weights")
        axes[0].legend()

    run.draw(draw, rows=2, columns=2)


if __name__ == "__main__":
    main(measure)
