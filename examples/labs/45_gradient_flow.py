"""Gradient flow: does batch norm cure vanishing and exploding gradients, and dead units?

Claim: "Batch norm prevents vanishing and exploding gradients", and "it prevents dead ReLUs".

Source: the articles; Ioffe & Szegedy 2015, §1.

Set-up: digits; ReLU nets with 2 to 40 hidden layers of width 64, mean |∂L/∂z|² of the lowest hidden layer over that of the
highest, at the start, B = 64, default and He first weights. Dead units: 8 hidden layers after 6 epochs at rates .01 to 1; the
share of units that are 0 for every training image.

Changes: skips (lab 33). For dead units the rate: at small rates they hardly die without batch norm either.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import batch_norm_growth, column, layer_gradients, outputs, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS, THEORY
from minigrad.labs.setups import images, initialise, mlp

NORMS, INITS = {"none": "plain", "bn": "batch norm"}, ("default", "he")
RATES, LAYERS = [0.01, 0.1, 0.3, 1.0], 8


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=5000, device=run.device)
    depths, wide = run.pick([2, 5, 10, 20, 40], [2, 10, 20]), data.x.shape[1]

    def flow(norm: str, init: str, depth: int, seed: int) -> dict:
        model = initialise(mlp([wide, *[64] * depth, 10], norm), init).to(run.device)
        order = mg.randperm(len(data.y))[:64].to(run.device)
        found = layer_gradients(model, data.x[order], data.y[order], nn.functional.cross_entropy, nn.Linear)
        hidden = list(found.values())[:-1]
        return {"gradients": hidden, "ratio": hidden[0] / hidden[-1]}

    def dead(norm: str, init: str, seed: int) -> dict:
        def net() -> nn.Sequential:
            mg.manual_seed(seed)
            return initialise(mlp([wide, *[64] * LAYERS, 10], norm), init).to(run.device)

        model = beside([net() for _ in RATES])
        seen = train_beside(model, data, RATES, run.pick(6, 3), seed=seed)
        with mg.no_grad(), outputs(model.eval(), nn.ReLU) as layers:
            model(data.x.expand(len(RATES), *data.x.shape))
        shares = [(z == 0).all(1).float().mean(1).tolist() for z in layers.values()]
        by_rate = [[None if s["diverged"] else layer[k] for layer in shares] for k, s in enumerate(seen)]
        return {"dead": by_rate, "share": [None if None in row else sum(row) / LAYERS for row in by_rate],
                "train": [s["train"][-1] for s in seen]}  # fmt: skip

    flows = run.sweep(flow, norm=list(NORMS), init=INITS, depth=depths, seed=run.seeds)
    deaths = run.sweep(dead, norm=list(NORMS), init=INITS, seed=run.seeds)

    middle = {
        (n, i, d): spread(column(flows, "ratio", norm=n, init=i, depth=d))["median"]
        for n in NORMS
        for i in INITS
        for d in depths
    }
    lines = [[f"{NORMS[n]}, {i}", *(middle[n, i, d] for d in depths)] for n in NORMS for i in INITS]
    run.table(
        ["first weights", *(f"{d} hidden" for d in depths)], lines, "|∂L/∂z|², lowest over highest hidden layer, at the start"
    )
    deep = depths[-1]
    for init in INITS:
        ratio, plain = middle["bn", init, deep], middle["none", init, deep]
        run.check("gradients neither vanish nor explode with batch norm (within ×10)", 0.1 < ratio < 10,
                  f"{deep} layers, {init}", lowest_over_highest=ratio, plain=plain)  # fmt: skip
    shallow = [middle["bn", i, depths[0]] for i in INITS]
    run.check("gradients neither vanish nor explode with batch norm (within ×10)", min(shallow) > 0.1 and max(shallow) < 10,
              f"{depths[0]} layers", largest=max(shallow))  # fmt: skip
    run.check("default first weights vanish without it (below 1/1000)", middle["none", "default", deep] < 1e-3,
              lowest_over_highest=middle["none", "default", deep])  # fmt: skip
    shares = {
        (n, i, lr): spread(row[k] for row in column(deaths, "share", norm=n, init=i))
        for n in NORMS
        for i in INITS
        for k, lr in enumerate(RATES)
    }
    lines = [[f"{NORMS[n]}, {i}", *(shares[n, i, lr]["median"] for lr in RATES)] for n in NORMS for i in INITS]
    run.table(["first weights", *(f"rate {lr:g}" for lr in RATES)], lines, "Dead units after training (–: diverged)")
    for lr in RATES:
        worst = max(shares["bn", i, lr]["median"] for i in INITS)
        run.check("no more than 1 % of the units are dead with batch norm", worst <= 0.01, f"rate {lr:g}", share=worst,
                  plain_he=shares["none", "he", lr]["median"])  # fmt: skip
    run.keep(depths=depths, rates=RATES, flows=flows, deaths=deaths)

    def draw(left, middle_axes, right):
        for n, name in NORMS.items():
            for init, style in zip(INITS, ("--", "-"), strict=True):
                runs = [[column(flows, "ratio", norm=n, init=init, depth=d, seed=s)[0] for d in depths] for s in run.seeds]
                band(left, depths, runs, f"{name}, {init}", color=COLORS[n], linestyle=style, marker="o")
                band(
                    right,
                    RATES,
                    column(deaths, "share", norm=n, init=init),
                    f"{name}, {init}",
                    color=COLORS[n],
                    linestyle=style,
                    marker="o",
                )
                down = column(flows, "gradients", norm=n, init=init, depth=deep)
                band(middle_axes, range(1, deep + 1), down, f"{name}, {init}", color=COLORS[n], linestyle=style)
        rate = batch_norm_growth(64)
        left.plot(depths, [rate ** (d - 1) for d in depths], label="mean field, BN", **THEORY)
        left.set(xlabel="hidden layers", ylabel="|∂L/∂z|², lowest / highest", yscale="log", title="at the start, by depth")
        middle_axes.set(xlabel="hidden layer", ylabel="mean |∂L/∂z|²", yscale="log", title=f"at the start, {deep} layers")
        right.set(
            xlabel="learning rate",
            ylabel="share of dead units",
            xscale="log",
            ylim=(-0.02, 1),
            title="after training, 8 layers",
        )
        for part in (left, middle_axes, right):
            part.legend(fontsize=7)

    run.draw(draw, columns=3, size=(15, 4))


if __name__ == "__main__":
    main(measure)
