"""The Hessian: is a net with batch norm better conditioned?

Claim: "Batch norm whitens what each layer gets, so the loss surface of the hidden layers is rounder": a smaller spread of the
second moments of hidden inputs and of the Hessian's eigenvalues.

Source: Ioffe & Szegedy 2015, §2; Santurkar et al. 2018, §3; Ghorbani, Krishnan & Xiao 2019 (outliers of the spectrum).

Set-up: float64, digits of 4 × 4 pixels (2 × 2 averaged), 16-10-10-10 ReLU with and without batch norm, default and He first
weights, a batch of 128; the full Hessian at the start and after training by SGD at one rate.

Changes: other sizes and rates; the Hessian by all parameters counts directions along which batch norm changes nothing.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import Hessian, column, condition, outputs, participation, spread
from minigrad.labs import Run, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import Images, images, initialise, mlp, train

TOP = 20
SHOWN = ("hidden", "top", "ratio", "participation", "negative")


def small(run: Run) -> Images:
    """Pixels of 2 × 2 averaged, as rows in float64."""
    data = images(run.data, device=run.device)
    size = data.x.shape[-1] // 4
    pooled = [nn.functional.avg_pool2d(x, size).flatten(1).double() for x in (data.x[:1280], data.test_x)]
    return Images(pooled[0], data.y[:1280], pooled[1], data.test_y)


def measure(run: Run) -> None:
    data = small(run)
    x, y = data.x[:128], data.y[:128]

    def cell(norm: str, init: str, seed: int) -> dict:
        model = initialise(mlp([x.shape[1], 10, 10, 10], norm), init).double()
        found = {}
        for when in ("start", "trained"):
            if when == "trained":
                found["loss"] = train(model, data, lr=0.1, epochs=run.pick(15, 4), seed=seed, evaluate=False)["loss"][-1]
            model.train()
            with mg.no_grad(), outputs(model, nn.ReLU) as hidden:
                model(x)
            second = [condition(h) for h in hidden.values()]
            spectrum = Hessian(lambda: nn.functional.cross_entropy(model(x), y), model).spectrum()
            found[when] = {
                "hidden": [c.eigenvalues[0] / c.eigenvalues[min(c.rank, 8) - 1] for c in second], "spectrum": spectrum.tolist(),
                "top": spectrum[0], "ratio": spectrum[0] / spectrum[TOP - 1], "participation": participation(spectrum),
                "negative": -spectrum[-1] / spectrum[0],
            }  # fmt: skip
        return found

    cells = run.sweep(cell, norm=["none", "bn"], init=["default", "he"], seed=run.seeds)
    rows = []

    def by_seed(norm: str, init: str, when: str, what: str) -> list[float]:
        """One number for each seed; of the hidden layers the worst."""
        return [max(c[what]) if what == "hidden" else c[what] for c in column(cells, when, norm=norm, init=init)]

    for when in ("start", "trained"):
        for init in ("default", "he"):
            for norm in ("none", "bn"):
                numbers = [spread(by_seed(norm, init, when, k))["median"] for k in SHOWN]
                rows.append([f"{when}, {init}, {norm}", *numbers])
    run.table(["", "hidden λ₁/λ₈", "Hessian λ₁", f"λ₁/λ_{TOP}", "participation", "−λ_min/λ₁"], rows, "Medians over the seeds")
    for when in ("start", "trained"):
        for init in ("default", "he"):
            under = f"{init} first weights, {when}"
            (p_hidden, p_ratio, p_shared), (hidden, ratio, shared) = (
                [by_seed(norm, init, when, k) for k in ("hidden", "ratio", "participation")] for norm in ("none", "bn")
            )
            run.ahead("batch norm makes the hidden second moments rounder", under, plain=p_hidden, bn=hidden)
            run.ahead(f"batch norm makes the Hessian's λ₁/λ_{TOP} smaller", under, plain=p_ratio, bn=ratio)
            run.ahead("batch norm shares the curvature among more directions", under, bn=shared, plain=p_shared)
    run.keep(cells=cells)

    def draw(*axes):
        for part, (when, init) in zip(axes, [(w, i) for w in ("start", "trained") for i in ("default", "he")], strict=True):
            for norm in ("none", "bn"):
                for k, found in enumerate(column(cells, when, norm=norm, init=init)):
                    values = [v for v in found["spectrum"] if v > 0]
                    part.loglog(range(1, len(values) + 1), values, color=COLORS[norm], alpha=0.6, linewidth=1.1,
                                label=None if k else {"none": "plain", "bn": "batch norm"}[norm])  # fmt: skip
            part.set(xlabel="rank", ylabel="eigenvalue of the Hessian", title=f"{when}, {init} first weights", ylim=(1e-8, 1e2))
            part.legend()

    run.draw(draw, rows=2, columns=2, size=(10, 7))


if __name__ == "__main__":
    main(measure, quick_seeds=1)
