"""Gradient flow: does batch norm cure vanishing and exploding gradients, and dead units?

Claim: "Batch norm prevents vanishing and exploding gradients", and "it prevents dead ReLUs".

Source: the articles; Ioffe & Szegedy 2015, §1.

Set-up: digits; ReLU nets with 2 to 40 hidden layers of width 64, mean |∂L/∂z|² of the lowest hidden layer over that of the
highest, at the start, B = 64, default and He first weights. Dead units: nets with 2, 8 and 16 hidden layers after 6 epochs at
rates .01 to 1; the share of units that are 0 for every training image.

Changes: skips (lab 33). For dead units depth and rate: in shallow nets at small rates few die without batch norm either.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import batch_norm_growth, column, layer_gradients, outputs, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS, THEORY
from minigrad.labs.setups import images, initialise, mlp

NORMS, INITS = {"none": "plain", "bn": "batch norm"}, ("default", "he")
RATES = [0.01, 0.1, 0.3, 1.0]


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=5000, device=run.device)
    depths, wide = run.pick([2, 5, 10, 20, 40], [2, 10, 20]), data.x.shape[1]
    hidden = run.pick([2, 8, 16], [2, 8])  # layers of the nets whose dead units are counted

    def flow(norm: str, init: str, depth: int, seed: int) -> dict:
        model = initialise(mlp([wide, *[64] * depth, 10], norm), init).to(run.device)
        order = mg.randperm(len(data.y))[:64].to(run.device)
        found = layer_gradients(model, data.x[order], data.y[order], nn.functional.cross_entropy, nn.Linear)
        slopes = list(found.values())[:-1]
        return {"gradients": slopes, "ratio": slopes[0] / slopes[-1]}

    def dead(norm: str, init: str, layers: int, seed: int) -> dict:
        def net() -> nn.Sequential:
            mg.manual_seed(seed)
            return initialise(mlp([wide, *[64] * layers, 10], norm), init).to(run.device)

        model = beside([net() for _ in RATES])
        seen = train_beside(model, data, RATES, run.pick(6, 3), seed=seed)
        with mg.no_grad(), outputs(model.eval(), nn.ReLU) as found:
            model(data.x.expand(len(RATES), *data.x.shape))
        shares = [(z == 0).all(1).float().mean(1).tolist() for z in found.values()]
        by_rate = [[None if s["diverged"] else layer[k] for layer in shares] for k, s in enumerate(seen)]
        return {"dead": by_rate, "share": [None if None in row else sum(row) / layers for row in by_rate],
                "train": [s["train"][-1] for s in seen]}  # fmt: skip

    flows = run.sweep(flow, norm=list(NORMS), init=INITS, depth=depths, seed=run.seeds)
    deaths = run.sweep(dead, norm=list(NORMS), init=INITS, layers=hidden, seed=run.seeds)

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
    shares = {(n, i, d, lr): [row[k] for row in column(deaths, "share", norm=n, init=i, layers=d)]
              for n in NORMS for i in INITS for d in hidden for k, lr in enumerate(RATES)}  # fmt: skip
    lines = [[f"{NORMS[n]}, {i}, {d} hidden", *(spread(shares[n, i, d, lr])["median"] for lr in RATES)]
             for n in NORMS for i in INITS for d in hidden]  # fmt: skip
    run.table(["first weights", *(f"rate {lr:g}" for lr in RATES)], lines, "Dead units after training (–: diverged)")
    for d in hidden:
        worst = {n: max(v for i in INITS for lr in RATES for v in shares[n, i, d, lr] if v is not None) for n in NORMS}
        run.check("no more than 1 % of the units are dead with batch norm, at any rate and seed", worst["bn"] <= 0.01,
                  f"{d} hidden layers", largest_share=worst["bn"])  # fmt: skip
        run.check("without it more than 1 % are dead, at some rate and seed", worst["none"] > 0.01, f"{d} hidden layers",
                  largest_share=worst["none"])  # fmt: skip
    run.keep(depths=depths, rates=RATES, layers=hidden, flows=flows, deaths=deaths)

    def draw(left, middle_axes, right):
        for n, name in NORMS.items():
            for init, style in zip(INITS, ("--", "-"), strict=True):
                runs = [[column(flows, "ratio", norm=n, init=init, depth=d, seed=s)[0] for d in depths] for s in run.seeds]
                band(left, depths, runs, f"{name}, {init}", color=COLORS[n], linestyle=style, marker="o")
                for d, mark in zip(hidden, "^os", strict=False):
                    band(right, RATES, column(deaths, "share", norm=n, init=init, layers=d),
                         f"{name}, {init}, {d} hidden" if d in (hidden[0], hidden[-1]) else "", color=COLORS[n],
                         linestyle=style, marker=mark)  # fmt: skip
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
            title="after training",
        )
        for part in (left, middle_axes, right):
            part.legend(fontsize=7)

    run.draw(draw, columns=3, size=(15, 4))


if __name__ == "__main__":
    main(measure)
