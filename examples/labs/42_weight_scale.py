"""First weights: does their scale no longer matter with batch norm?

Claim: "Batch norm makes the net insensitive to initialisation."

Source: Ioffe & Szegedy 2015, abstract ("be less careful about initialization") and §3.3; nearly every article.

Set-up: digits, MLP3 with He's first weights times 1e-4 ... 1e2, B = 64, 10 epochs of SGD at three rates; accuracy on held-out
images at one rate for all (0.1), and at the best of the three for each scale. PyTorch's default is He's times 0.41.

Changes: time. Behind batch norm a weight's rate is lr/|w|², so large weights learn slowly, but they do; a
normalized last layer would take away its scale too.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, train_beside
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import images, initialise, mlp3

RATES, USUAL, GOOD = [0.01, 0.1, 1.0], 0.1, 0.9
NORMS = {"none": "plain", "bn": "batch norm"}


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=10000, device=run.device)
    scales = [10.0 ** (k / 2) for k in run.pick((-8, -6, -4, -2, -1, 0, 1, 2, 3, 4), (-8, -4, 0, 2, 4))]
    nets = [(scale, lr) for scale in scales for lr in RATES]

    def cell(norm: str, seed: int) -> dict:
        data = split(seed=seed)

        def net(scale: float):
            mg.manual_seed(seed)
            return initialise(mlp3(norm, inputs=data.x.shape[1]), "he", scale).to(run.device)

        model = beside([net(scale) for scale, _ in nets])
        seen = train_beside(model, data, [lr for _, lr in nets], run.pick(10, 5), seed=seed)
        by_net = {at: s["test"][-1] for at, s in zip(nets, seen, strict=True)}
        return {"usual": [by_net[scale, USUAL] for scale in scales],
                "best": [max(by_net[scale, lr] for lr in RATES) for scale in scales]}  # fmt: skip

    cells = run.sweep(cell, norm=list(NORMS), seed=run.seeds)
    middle = {(norm, kind): [spread(v)["median"] for v in zip(*column(cells, kind, norm=norm), strict=True)]
              for norm in NORMS for kind in ("usual", "best")}  # fmt: skip
    lines = [
        [f"{s:.2g}", *(middle[norm, kind][k] for kind in ("usual", "best") for norm in NORMS)] for k, s in enumerate(scales)
    ]
    run.table(["scale × He", "plain, lr 0.1", "BN, lr 0.1", "plain, best rate", "BN, best rate"], lines, "Held-out accuracy")

    def working(accuracies: list[float]) -> list[float]:
        return [scale for scale, a in zip(scales, accuracies, strict=True) if a >= GOOD]

    for kind, name in (("usual", "one rate for all"), ("best", "the best of three rates")):
        good = working(middle["bn", kind])
        run.check("the scale of the first weights does not matter: all reach .9", len(good) == len(scales), name,
                  smallest=min(good, default=None), largest=max(good, default=None))  # fmt: skip
        width = {norm: [max(g, default=1.0) / min(g, default=1.0) for g in map(working, column(cells, kind, norm=norm))]
                 for norm in NORMS}  # fmt: skip
        run.ahead("it matters less: more than ten times the range of scales works", name, bn=width["bn"],
                  ten_times_plain=[10 * w for w in width["none"]])  # fmt: skip
    small = [k for k, s in enumerate(scales) if s < 0.02]
    worst = {norm: max(middle[norm, "best"][k] for k in small[:1]) for norm in NORMS}
    run.check("weights far too small are made up for", worst["bn"] >= GOOD > worst["none"], **worst)
    run.keep(scales=scales, rates=RATES, cells=cells)

    def draw(left, right):
        for part, kind, name in ((left, "usual", "learning rate 0.1"), (right, "best", "best of the rates .01, .1, 1")):
            for norm, label in NORMS.items():
                band(part, scales, column(cells, kind, norm=norm), label, color=COLORS[norm], marker="o")
            part.axhline(GOOD, color="grey", linewidth=0.8, linestyle=":")
            part.axvline(0.41, color="grey", linewidth=0.8)
            part.text(0.39, 0.02, "PyTorch's default", rotation=90, ha="right", fontsize=8)
            part.set(xscale="log", xlabel="first weights, times He's", ylabel="held-out accuracy", ylim=(0, 1.03), title=name)
            part.legend(loc="center left")

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, quick_seeds=1)
