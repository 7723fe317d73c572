"""Slices of the loss: flat because it is flat, or because the weights are large?

Claim: "Pictures of the loss show batch norm's minima flat and smooth." A slice along a random direction of fixed length looks
flatter when the weights before batch norm are multiplied by 10, though the function is the same.

Source: Li, Xu, Taylor, Studer & Goldstein 2018, §3–4; Santurkar et al. 2018, §3.

Set-up: 64-48-48-10 on the digits, trained with and without batch norm from default and He first weights, evaluated on 512
training images by the batch's statistics; ten directions each, then one plane.

Changes: the direction's normalization, first of all; for the comparison of nets, rate, size and how long they are trained.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, contour, direction, kept, slice_along, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import COLORS
from minigrad.labs.setups import images, initialise, mlp, train

AT = [-1 + 0.125 * k for k in range(17)]
DIRECTIONS = 10


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=1280, device=run.device)
    x, y = data.x[:512], data.y[:512]
    epochs = run.pick(15, 5)

    def trained(norm: str, init: str, seed: int) -> nn.Module:
        model = initialise(mlp([x.shape[1], 48, 48, 10], norm), init).to(run.device)
        train(model, data, lr=0.1, epochs=epochs, seed=seed, evaluate=False)
        return model.train()

    def loss_of(model: nn.Module):
        return lambda: nn.functional.cross_entropy(model(x), y)

    def times_ten(model: nn.Module) -> None:
        """The weights before batch norm times 10: the same function."""
        with mg.no_grad():
            for layer, behind in zip(list(model), list(model)[1:], strict=False):
                if isinstance(behind, nn.BatchNorm1d):
                    layer.weight.mul_(10)
                    layer.bias.mul_(10)

    def slices(model: nn.Module, normalise: str, fixed: float | None = None) -> list[list[float]]:
        """The loss along some directions; `fixed` makes them that long whatever the weights."""
        rows = []
        for k in range(run.pick(DIRECTIONS, 3)):
            mg.manual_seed(1000 + k)
            d = direction(model, normalise)
            d = d if fixed is None else d * (fixed / d.norm())
            rows.append(slice_along(loss_of(model), model, d, AT).tolist())
        return rows

    def rescaling(seed: int) -> dict:
        model = trained("bn", "he", seed)
        with mg.no_grad():
            length = sum((p * p).sum() for p in model.parameters()).sqrt().item()
        found = {"length": length}
        with kept(model):
            before = loss_of(model)().item()
            found["raw"], found["filter"] = slices(model, "none", length), slices(model, "filter")
            times_ten(model)
            found["apart"] = abs(loss_of(model)().item() - before)
            found["raw_10"], found["filter_10"] = slices(model, "none", length), slices(model, "filter")
        return found

    def rise(rows: list[list[float | None]]) -> float:
        """The mean of the loss at both ends less the loss in the middle."""
        ends = [v for row in rows for v in (row[0], row[-1]) if v is not None]
        return sum(ends) / len(ends) - rows[0][len(AT) // 2]

    cells = run.sweep(rescaling, seed=run.seeds)
    apart = max(c["apart"] for c in cells)
    run.check("weights before batch norm times 10 leave the loss as it is", apart < 1e-3, difference=apart)
    flatter = [rise(c["raw_10"]) / rise(c["raw"]) for c in cells]
    same = [rise(c["filter_10"]) / rise(c["filter"]) for c in cells]
    run.check("a slice shows how flat the loss is: the same for the same function", max(abs(v - 1) for v in flatter) < 0.1,
              "directions of fixed length", smallest_ratio=min(flatter))  # fmt: skip
    run.check("a slice shows how flat the loss is: the same for the same function", max(abs(v - 1) for v in same) < 0.1,
              "directions normalized by filter", smallest_ratio=min(same), largest_ratio=max(same))  # fmt: skip

    def compared(norm: str, init: str, seed: int) -> dict:
        return {"filter": slices(trained(norm, init, seed), "filter")}

    nets = run.sweep(compared, norm=["none", "bn"], init=["default", "he"], seed=run.seeds)
    rows = []
    for init in ("default", "he"):
        plain, bn = ([rise(f) for f in column(nets, "filter", norm=norm, init=init)] for norm in ("none", "bn"))
        rows.append([init, *(spread(rises)[k] for rises in (plain, bn) for k in ("median", "low", "high"))])
        run.ahead("a trained net with batch norm has the flatter slice", f"{init} first weights", plain=plain, bn=bn)
    run.table(["first weights", "plain", "least", "most", "batch norm", "least", "most"], rows,
              "Rise of the loss one filter-normalized length away")  # fmt: skip

    def plane(norm: str) -> dict:
        mg.manual_seed(run.seeds[0])
        model = trained(norm, "he", run.seeds[0])
        steps = [-1 + 2 * k / (count - 1) for k in range(count)]
        mg.manual_seed(77)
        return {"loss": contour(loss_of(model), model, (direction(model), direction(model)), steps, steps)}

    count = run.pick(25, 11)
    planes = {c["norm"]: c["loss"] for c in run.sweep(plane, norm=["none", "bn"])}
    run.keep(rescaling=cells, nets=nets, planes=planes, at=AT)

    def draw(raw, normal, plain, bn):
        first = cells[0]
        for part, kind, title in ((raw, "raw", "directions of fixed length"), (normal, "filter", "normalized by filter")):
            band(part, AT, first[kind], "weights w", color=COLORS["bn"])
            band(part, AT, first[f"{kind}_10"], "10 w: the same function", color="tab:red", linestyle="--")
            part.set(xlabel="step along the direction", ylabel="loss", title=title)
            part.legend()
        steps = [-1 + 2 * k / (count - 1) for k in range(count)]
        for part, norm, name in ((plain, "none", "plain, He"), (bn, "bn", "batch norm, He")):
            values = [[9.0 if v is None else v for v in row] for row in planes[norm]]
            lines = part.contour(steps, steps, values, levels=[0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5], cmap="viridis")
            part.clabel(lines, fontsize=7)
            part.set(xlabel="direction 1", ylabel="direction 2", title=f"loss, {name}", aspect="equal")

    run.draw(draw, columns=4, size=(17, 4))


if __name__ == "__main__":
    main(measure, quick_seeds=2)
