"""Batch size: does batch norm fail where batches are small?

Claim: "Batch norm's error rises quickly as batches get smaller than 16 or so; group norm's hardly changes from 2 to 32
images, and only with large batches is batch norm a little ahead."

Source: Wu & He 2018, figure 1 and table 2; several articles ("use batches of at least 32").

Set-up: CNN3 on 256 digits with batch, layer, group, instance norm and none; B = 2, 4 ... 64 with the rate 0.4 · B / 64,
five epochs, He first weights; error on the held-out digits with the running statistics.

Changes: harder pictures, where the noise of small batches costs more; more epochs, which help the large batches most.
"""

from functools import partial

from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import accuracy, cnn3, images, initialise, train

NAMES = {"none": "none", "bn": "batch norm", "ln": "layer norm", "gn": "group norm", "in": "instance norm"}


def measure(run: Run) -> None:
    split = partial(images, run.data, limit=256, device=run.device)
    classes = int(split().y.max().item()) + 1
    sizes, norms = run.pick([2, 4, 8, 16, 32, 64], [2, 32]), run.pick(list(NAMES), ["bn", "gn"])

    def cell(norm: str, batch: int, seed: int) -> float:
        data = split(seed=seed)
        model = initialise(cnn3(norm, data.x.shape[1:], classes), "he").to(run.device)
        train(model, data, lr=0.4 * batch / 64, epochs=5, batch=batch, seed=seed, evaluate=False)
        return 1 - accuracy(model, data.test_x, data.test_y)

    cells = run.sweep(cell, norm=norms, batch=sizes, seed=run.seeds)
    middle = {n: [spread(column(cells, "value", norm=n, batch=b))["median"] for b in sizes] for n in norms}
    run.table(["", *(f"B = {b}" for b in sizes)], [[NAMES[n], *middle[n]] for n in norms], "Held-out error, median")
    run.keep(cells=cells, sizes=sizes, medians=middle)

    bn, gn = middle["bn"], middle["gn"]
    errors = {(n, b): column(cells, "value", norm=n, batch=b) for n in norms for b in sizes}
    run.ahead("batch norm's error at B = 2 is 2 points or more above its best", by=0.02, at_2=errors["bn", 2],
              best=errors["bn", sizes[bn.index(min(bn))]])  # fmt: skip
    run.check("group norm's error at B = 2 is within 2 points of its best", gn[0] - min(gn) < 0.02, at_2=gn[0], best=min(gn))
    for batch in sorted({2, 8, 32} & set(sizes)):
        run.ahead(
            "group norm's error is below batch norm's", f"B = {batch}", batch=errors["bn", batch], group=errors["gn", batch]
        )
    run.ahead("with its largest batches batch norm is ahead of group norm", group=errors["gn", sizes[-1]],
              batch=errors["bn", sizes[-1]])  # fmt: skip

    def draw(ax):
        for n in norms:
            runs = [column(cells, "value", norm=n, seed=seed) for seed in run.seeds]
            band(ax, sizes, runs, NAMES[n], color=COLORS[n], marker="o")
        ax.set_xscale("log", base=2)
        ax.set(xlabel="batch size B, at equal epochs and a rate in proportion to B", ylabel="held-out error", yscale="log")
        ax.legend()

    run.draw(draw, size=(7, 4.6))


if __name__ == "__main__":
    main(measure)
