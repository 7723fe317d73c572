"""On the logits: does batch norm harm as the last layer?

Claim: "Never put batch norm on the output: it hampers learning and makes the answers less accurate."

Source: several articles; the paper puts it before nonlinearities only.

Set-up: digits, MLP3 with batch norm in its hidden layers, with and without one more on the ten logits; B = 64, 12 epochs of SGD
at the best of six rates, default and He first weights; loss on training batches, accuracy and cross-entropy on held-out images,
mean probability of the answer.

Changes: classes that are rare or missing in a batch (lab 52), since each logit is normalized over the batch's classes; a
regression, whose target has a mean and a scale.
"""

from functools import partial

import minigrad as mg
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.beside import beside, losses, train_beside
from minigrad.labs.setups import images, initialise, mlp3

KINDS, INITS = {"hidden": "hidden layers only", "logits": "and on the logits"}, ("default", "he")
LOOKS = {"hidden": "tab:blue", "logits": "tab:red"}
RATES = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
OTHERS = ("loss", "held_out", "sure")


def measure(run: Run) -> None:
    split = partial(images, run.data, flat=True, limit=10000, device=run.device)

    def cell(kind: str, init: str, seed: int) -> dict:
        data = split(seed=seed)

        def net() -> mg.nn.Sequential:
            mg.manual_seed(seed)
            model = initialise(mlp3("bn", inputs=data.x.shape[1]), init)
            return (mg.nn.Sequential(*model, mg.nn.BatchNorm1d(10)) if kind == "logits" else model).to(run.device)

        model = beside([net() for _ in RATES])
        seen = train_beside(model, data, RATES, run.pick(12, 3), seed=seed, every=len(data.y) // 64)
        model.eval()
        x = data.test_x.expand(len(RATES), *data.test_x.shape)
        with mg.no_grad():
            sure = model(x).softmax(2).amax(2).mean(1).tolist()
            held_out = losses(model, x, data.test_y).tolist()
        last = len(data.y) // 64
        return {"loss": [sum(s["loss"][-last:]) / last for s in seen], "test": [s["test"] for s in seen],
                "held_out": held_out, "sure": sure}  # fmt: skip

    inits = run.pick(INITS, ("he",))
    cells = run.sweep(cell, kind=list(KINDS), init=inits, seed=run.seeds)

    def best(kind: str, init: str) -> int:
        by_rate = list(zip(*([row[-1] for row in rows] for rows in column(cells, "test", kind=kind, init=init)), strict=True))
        return max(range(len(RATES)), key=lambda k: spread(by_rate[k])["mean"])

    rows = []
    for init in inits:
        found = {}
        for kind in KINDS:
            k = best(kind, init)
            found[kind] = {"accuracy": [seen[k][-1] for seen in column(cells, "test", kind=kind, init=init)]}
            found[kind] |= {name: [seen[k] for seen in column(cells, name, kind=kind, init=init)] for name in OTHERS}
            middle = {name: spread(values) for name, values in found[kind].items()}
            ends = middle["accuracy"]["low"], middle["accuracy"]["high"]
            rows.append([f"{KINDS[kind]}, {init}", RATES[k], middle["accuracy"]["mean"], *ends,
                         *(middle[name]["mean"] for name in OTHERS)])  # fmt: skip
        plain, more = found["hidden"], found["logits"]
        where = f"{init} first weights"
        run.ahead("answers are less accurate (by a point)", where, 0.01, without=plain["accuracy"],
                  on_the_logits=more["accuracy"])  # fmt: skip
        for name, statement in (("loss", "the training loss stays higher"), ("held_out", "the held-out loss is higher")):
            run.ahead(statement, where, on_the_logits=more[name], without=plain[name])
        run.ahead("answers are less sure", where, without=plain["sure"], on_the_logits=more["sure"])
    run.table(
        ["batch norm", "best rate", "held-out accuracy", "least", "most", "training loss", "held-out loss", "mean probability"],
        rows,
    )
    run.keep(rates=RATES, cells=cells)

    def draw(left, middle, right):
        for kind, name in KINDS.items():
            for init, style in zip(inits, ("-", "--"), strict=False):
                look = {"color": LOOKS[kind], "linestyle": style}
                both = column(cells, "test", kind=kind, init=init)
                band(left, RATES, [[row[-1] for row in rows] for rows in both], f"{name}, {init}", marker="o", **look)
                band(middle, RATES, column(cells, "loss", kind=kind, init=init), f"{name}, {init}", marker="o", **look)
                k = best(kind, init)
                epochs = range(1, len(both[0][k]) + 1)
                band(right, epochs, [rows[k] for rows in both], f"{name}, {init}, rate {RATES[k]:g}", **look)
        left.set(xscale="log", xlabel="learning rate", ylabel="held-out accuracy", ylim=(0.5, 1.0), title="at the end")
        middle.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss on training batches", title="last epoch")
        right.set(xlabel="epoch", ylabel="held-out accuracy", ylim=(0.8, 1.0), title="each at its best rate")
        for part in (left, middle, right):
            part.legend(fontsize=8)

    run.draw(draw, columns=3, size=(15, 4))


if __name__ == "__main__":
    main(measure, quick_seeds=1)
