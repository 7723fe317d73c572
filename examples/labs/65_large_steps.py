"""Large steps: is the whole gain of batch norm the larger rate that it allows?

Claim: "At the same small learning rate nets with and without batch norm do equally well; what batch norm gains, it gains by
allowing larger rates."

Source: Bjorck et al. 2018, §2 and figure 1.

Set-up: VGGs, plain and with batch norm, default and He first weights, SGD with momentum 0.9, six rates, six epochs on 640
digits; held-out accuracy at the smallest rate, at the plain net's best and at each net's best.

Changes: many more epochs, which let the small rates catch up; residual connections, which let the plain net take larger ones.
"""

from functools import partial

from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, images, initialise, train, vggs


def measure(run: Run) -> None:
    split = partial(images, run.data, limit=run.pick(640, 450), device=run.device)
    classes = int(split().y.max().item()) + 1
    rates = run.pick([0.001, 0.003, 0.01, 0.03, 0.1, 0.3], [0.01, 0.1])

    def cell(norm: str, init: str, lr: float, seed: int) -> dict:
        data = split(seed=seed)
        model = initialise(vggs(norm, data.x.shape[1:], classes), init).to(run.device)
        seen = train(model, data, lr=lr, epochs=6, seed=seed, momentum=0.9, evaluate=False)
        return {"accuracy": accuracy(model, data.test_x, data.test_y), "loss": seen["loss"][-1], "diverged": seen["diverged"]}

    cells = run.sweep(cell, norm=["none", "bn"], init=["default", "he"], lr=rates, seed=run.seeds)
    run.keep(cells=cells)
    rows = []
    for init in ("default", "he"):
        reached = {
            n: [spread(column(cells, "accuracy", norm=n, init=init, lr=lr))["median"] for lr in rates] for n in ("none", "bn")
        }
        rows += [[f"{init}, {name}", *reached[n]] for n, name in (("none", "plain"), ("bn", "batch norm"))]
        best = {n: max(range(len(rates)), key=reached[n].__getitem__) for n in reached}
        small = reached["bn"][0] - reached["none"][0]
        run.check("at the smallest rate both do equally well (to 3 points)", abs(small) < 0.03, init, rate=rates[0],
                  plain=reached["none"][0], bn=reached["bn"][0])  # fmt: skip
        same = reached["bn"][best["none"]] - reached["none"][best["none"]]
        run.check("at the plain net's best rate both do equally well (to 3 points)", abs(same) < 0.03, init,
                  rate=rates[best["none"]], plain=reached["none"][best["none"]], bn=reached["bn"][best["none"]])  # fmt: skip
        run.check("batch norm's best rate is larger than the plain net's", best["bn"] > best["none"], init,
                  plain=rates[best["none"]], bn=rates[best["bn"]])  # fmt: skip
        curves = {n: [column(cells, "accuracy", norm=n, init=init, seed=seed) for seed in run.seeds] for n in reached}
        most = {n: [max((lr for lr, a in zip(rates, curve, strict=True) if a > 0.8), default=0.0) for curve in some]
                for n, some in curves.items()}  # fmt: skip
        run.ahead("batch norm trains (to 80 %) at larger rates", init, bn=most["bn"], plain=most["none"])
        top = {n: [curve[best[n]] for curve in some] for n, some in curves.items()}
        run.ahead("at best rates batch norm is ahead by a point or more", init, 0.01, bn=top["bn"], plain=top["none"])
    run.table(["", *map(str, rates)], rows, "Held-out accuracy by rate, medians over the seeds")

    def draw(*axes):
        for ax, init in zip(axes, ("default", "he"), strict=True):
            for norm, name in (("none", "plain"), ("bn", "batch norm")):
                runs = [column(cells, "accuracy", norm=norm, init=init, seed=seed) for seed in run.seeds]
                band(ax, rates, runs, name, color=COLORS[norm], marker="o")
            ax.set(xlabel=f"learning rate ({init} first weights)", ylabel="held-out accuracy", xscale="log", ylim=(0, 1.03))
            ax.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, seeds=8)
