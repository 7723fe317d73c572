"""Learning-rate tolerance: does batch norm allow ten times the rate?

Claim: "With batch norm you can use a learning rate ten times as large", and "the choice of the rate matters much less".

Source: Ioffe & Szegedy 2015, §3.3 and §4.2 (5 and 30 times); nearly every article.

Set-up: digits; a net with 8 hidden layers of width 64 and ReLU, 10 epochs, and VGGs, 5 epochs and at most 3 seeds; plain SGD at
rates 2^-9 ... 2^9, B = 64, default and He first weights. A rate is usable if training accuracy reaches .95; the usable range is
the largest over the smallest such rate.

Changes: more epochs let smaller rates arrive; momentum shifts all rates; the last layer, which has no batch norm, sets the
upper end.
"""

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, images, initialise, mlp, train, vggs

ENOUGH = 0.95
NORMS, INITS = ("none", "bn"), ("default", "he")


def measure(run: Run) -> None:
    rows, pictures = (
        images(run.data, flat=True, limit=10000, device=run.device),
        images(run.data, limit=5000, device=run.device),
    )
    rates = [2.0**k for k in run.pick(range(-9, 10), range(-9, 10, 3))]
    coarse = [2.0**k for k in run.pick(range(-9, 10, 2), (-6, -4, -2, 4))]

    def deep(norm: str, init: str, seed: int) -> dict:
        def net():
            mg.manual_seed(seed)
            return initialise(mlp([rows.x.shape[1], *[64] * 8, 10], norm), init).to(run.device)

        seen = train_beside(beside([net() for _ in rates]), rows, rates, run.pick(10, 4), seed=seed)
        return {"train": [s["train"][-1] for s in seen], "test": [s["test"][-1] for s in seen]}

    def convolutional(norm: str, init: str, lr: float, seed: int) -> float:
        model = initialise(vggs(norm, pictures.x.shape[1:]), init).to(run.device)
        train(model, pictures, lr=lr, epochs=run.pick(5, 2), seed=seed, evaluate=False)
        return accuracy(model, pictures.x, pictures.y)

    many = run.sweep(deep, norm=NORMS, init=INITS, seed=run.seeds)
    some = run.seeds[: run.pick(3, 1)]  # convolutions take long
    few = f", {len(some)} of the seeds" if some != run.seeds else ""
    single = run.sweep(convolutional, norm=NORMS, init=INITS, lr=coarse, seed=some)

    def curves(net: str, norm: str, init: str) -> list[list[float]]:
        """Training accuracy by rate, for each seed."""
        if net == "8 hidden layers":
            return column(many, "train", norm=norm, init=init)
        return [column(single, "value", norm=norm, init=init, seed=s) for s in some]

    nets = {"8 hidden layers": rates, "VGGs": coarse}
    table = []
    for net, at in nets.items():
        for init in INITS:
            largest, ranges = {}, {}
            for norm in NORMS:
                usable = [[lr for lr, a in zip(at, curve, strict=True) if a >= ENOUGH] for curve in curves(net, norm, init)]
                largest[norm] = [max(lrs, default=0.0) for lrs in usable]
                ranges[norm] = [max(lrs) / min(lrs) if lrs else 0.0 for lrs in usable]
                found = spread(largest[norm])
                table.append([f"{net}, {init}, {norm}", *(found[k] for k in ("median", "low", "high")),
                              spread(ranges[norm])["median"]])  # fmt: skip
            where = f"{net}, {init} first weights{few if net == 'VGGs' else ''}"
            run.ahead("the largest usable rate is 10 times as large or more", where, bn=largest["bn"],
                      ten_times_plain=[10 * lr for lr in largest["none"]])  # fmt: skip
            run.ahead("the usable range is wider", where, bn=ranges["bn"], plain=ranges["none"])
    run.table(
        ["net", "largest usable rate", "least", "most", "usable range, ×"], table, f"Rates that reach {ENOUGH} (0: none does)"
    )
    run.keep(rates=rates, deep=many, coarse=coarse, vggs=single)

    def draw(*parts):
        for part, (net, init) in zip(parts, [(net, init) for net in nets for init in INITS], strict=True):
            for norm, name in (("none", "plain"), ("bn", "batch norm")):
                band(part, nets[net], curves(net, norm, init), name, color=COLORS[norm], marker="o", markersize=3)
            part.axhline(ENOUGH, color="grey", linewidth=0.8, linestyle=":")
            part.set_xscale("log", base=2)
            part.set(xlabel="learning rate", ylabel="training accuracy", ylim=(0, 1.03), title=f"{net}, {init} first weights")
            part.legend(loc="lower left", fontsize=8)

    run.draw(draw, columns=4, size=(16, 3.8))


if __name__ == "__main__":
    main(measure, quick_seeds=1)
