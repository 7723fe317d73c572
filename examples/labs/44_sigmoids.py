"""Sigmoids: does batch norm make saturating nets trainable?

Claim: "Batch norm makes it possible to use saturating nonlinearities by keeping them out of the saturated modes", and "the
inputs of its sigmoids are distributed much more stably during training".

Source: Ioffe & Szegedy 2015, abstract, §3.2 and figure 1; repeated by the articles.

Set-up: digits; stacks of 1, 3, 5 and 8 hidden sigmoid layers of width 64, 8 epochs at the best of five rates, default and He
first weights. Then the paper's toy: 3 hidden layers of 100 sigmoids, normal first weights of deviation 0.1, B = 60; the 15th,
50th and 85th percentile of what goes into the last hidden layer's sigmoids, the mean over 20 units.

Changes: Adam or weights in Glorot's scale take the plain stack a few layers further; stability depends on the rate.
"""

from functools import partial

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, outputs, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import images, initialise, mlp, train

NORMS, INITS = {"none": "plain", "bn": "batch norm"}, ("default", "he")
RATES, PERCENTILES = [0.03, 0.1, 0.3, 1.0, 3.0], (0.15, 0.5, 0.85)


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=5000, device=run.device)
    wide, depths = split().x.shape[1], run.pick([1, 3, 5, 8], [1, 5])

    def stack(norm: str, init: str, depth: int, seed: int) -> dict:
        def net() -> nn.Sequential:
            mg.manual_seed(seed)
            return initialise(mlp([wide, *[64] * depth, 10], norm, "sigmoid"), init).to(run.device)

        seen = train_beside(beside([net() for _ in RATES]), split(seed=seed), RATES, run.pick(8, 4), seed=seed)
        return {"test": max(s["test"][-1] for s in seen), "by_rate": [s["test"][-1] for s in seen]}

    def toy(norm: str, seed: int) -> dict:
        model = mlp([wide, 100, 100, 100, 10], norm, "sigmoid").to(run.device)
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.1)
                nn.init.zeros_(layer.bias)
        last = [name for name, layer in model.named_children() if isinstance(layer, nn.Sigmoid)][-1]
        before = str(int(last) - 1)  # the layer whose output the last sigmoids get
        shares, rows = mg.tensor(PERCENTILES), []

        def watch(step: int, loss: float) -> None:
            if step % every == 0:
                rows.append(mg.quantile(found[before].detach()[:, :20].cpu(), shares, dim=0).mean(1).tolist())

        every = run.pick(10, 5)
        with outputs(model) as found:
            seen = train(model, split(seed=seed), lr=0.5, epochs=run.pick(30, 5), batch=60, seed=seed, watch=watch)
        return {"test": seen["test"], "percentiles": rows}

    stacks = run.sweep(stack, norm=list(NORMS), init=INITS, depth=depths, seed=run.seeds)
    toys = run.sweep(toy, norm=list(NORMS), seed=run.seeds)

    middle = {
        (n, i, d): spread(column(stacks, "test", norm=n, init=i, depth=d))["median"]
        for n in NORMS
        for i in INITS
        for d in depths
    }
    lines = [[f"{NORMS[n]}, {i}", *(middle[n, i, d] for d in depths)] for n in NORMS for i in INITS]
    run.table(["first weights", *(f"{d} hidden" for d in depths)], lines, "Held-out accuracy at the best rate")
    for depth in (depths[0], depths[-1]):
        plain = max(middle["none", i, depth] for i in INITS)
        bn = min(middle["bn", i, depth] for i in INITS)
        run.check("with batch norm a stack of sigmoids trains (held-out .9)", bn >= 0.9, f"{depth} hidden", bn=bn)
        run.check("without it, it does not (held-out below .5)", plain < 0.5, f"{depth} hidden", plain=plain)
    plain, bn = ([row[-1] for row in column(toys, "test", norm=n)] for n in NORMS)
    run.ahead("the paper's toy ends more accurate with batch norm", bn=bn, plain=plain)

    def drift(rows: list[list[float]]) -> float:
        """How far the median moves during training, over the distance of the outer percentiles at the end."""
        middles = [row[1] for row in rows]
        return (max(middles) - min(middles)) / (rows[-1][2] - rows[-1][0])

    def swelling(rows: list[list[float]]) -> float:
        """The widest distance of the outer percentiles during training, over the first."""
        return max(row[2] - row[0] for row in rows) / (rows[0][2] - rows[0][0])

    for change, name in ((drift, "drift of the median over the spread"), (swelling, "widest spread over the first")):
        plain, bn = ([change(rows) for rows in column(toys, "percentiles", norm=n)] for n in NORMS)
        run.ahead("the inputs of the last sigmoids are more stable with it", name, plain=plain, bn=bn)
    run.keep(rates=RATES, depths=depths, stacks=stacks, toys=toys)

    def draw(first, second, third, fourth):
        for n, name in NORMS.items():
            for init, style in zip(INITS, ("--", "-"), strict=True):
                runs = [[column(stacks, "test", norm=n, init=init, depth=d, seed=s)[0] for d in depths] for s in run.seeds]
                band(first, depths, runs, f"{name}, {init}", color=COLORS[n], linestyle=style, marker="o")
            band(second, range(1, len(toys[0]["test"]) + 1), column(toys, "test", norm=n), name, color=COLORS[n])
            part = third if n == "none" else fourth
            steps = [run.pick(10, 5) * k for k in range(len(toys[0]["percentiles"]))]
            for k, share in enumerate(PERCENTILES):
                runs = [[row[k] for row in rows] for rows in column(toys, "percentiles", norm=n)]
                band(part, steps, runs, f"{100 * share:.0f} %", color=COLORS[n], linestyle=("--", "-", ":")[k])
            part.set(xlabel="step", ylabel="input of the last sigmoids", title=f"the toy's percentiles, {name}")
        first.set(xlabel="hidden sigmoid layers", ylabel="held-out accuracy", ylim=(0, 1.03), title="stacks, best rate")
        second.set(xlabel="epoch", ylabel="held-out accuracy", ylim=(0, 1.03), title="the paper's toy")
        for part in (first, second, third, fourth):
            part.legend(fontsize=8)

    run.draw(draw, columns=4, size=(16, 3.8))


if __name__ == "__main__":
    main(measure)
