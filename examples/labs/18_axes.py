"""Axes: what each normalization averages over, and what it therefore does not notice.

Claim: "Batch norm normalizes over the batch, layer norm over the features, instance and group norm in between", and the table
of invariances of the layer norm paper.

Source: Wu & He 2018, figure 2; Ba, Kiros & Hinton 2016, table 1.

Set-up: float64, a tensor (4, 4, 3, 2) through each; then a linear layer of 12 units with each normalization behind it, whose
weights and data are perturbed, ε = 1e-12.

Changes: nothing as long as ε is far below the variances.
"""

from itertools import product

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, main
from minigrad.nn import functional as F

EPS = 1e-12
NAMES = ("batch norm", "weight norm", "layer norm")
PERTURBED = ("weights × a", "weights + shift", "one unit's weights × a", "data × a", "data + shift", "one case × a")
PAPER = {  # table 1 of the layer norm paper: invariant or not, in the order of PERTURBED
    "batch norm": (True, False, True, True, True, False),
    "weight norm": (True, False, True, False, False, False),
    "layer norm": (True, True, False, True, False, True),
}


def normalized(name: str, x: mg.Tensor, w: mg.Tensor) -> mg.Tensor:
    """The output of a linear layer without bias under a normalization with γ = 1, β = 0."""
    if name == "weight norm":
        return x @ (w / w.norm(dim=1, keepdim=True)).T
    z = x @ w.T
    return F.batch_norm(z, None, None, training=True, eps=EPS) if name == "batch norm" else F.layer_norm(z, (12,), eps=EPS)


def perturbed(what: str, x: mg.Tensor, w: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
    """Data and weights after one of the table's perturbations."""
    x, w = x.clone(), w.clone()
    shift = mg.randn(w.shape[1], dtype=mg.float64)
    if what == "weights × a":
        w *= 3.0
    elif what == "weights + shift":  # the same vector added to the weights of every unit
        w += shift
    elif what == "one unit's weights × a":
        w[2] *= 3.0
    elif what == "data × a":
        x *= 3.0
    elif what == "data + shift":
        x += shift
    else:
        x[1] *= 3.0
    return x, w


def change(name: str, what: str, seed: int) -> float:
    """The largest change of the output."""
    x, w = mg.randn(10, 8, dtype=mg.float64), mg.randn(12, 8, dtype=mg.float64)
    return (normalized(name, *perturbed(what, x, w)) - normalized(name, x, w)).abs().max().item()


def measure(run: Run) -> None:
    x = mg.randn(4, 4, 3, 2, dtype=mg.float64) * 2 + 1
    ways = {
        "BN": F.batch_norm(x, None, None, training=True, eps=EPS), "LN": F.layer_norm(x, (4, 3, 2), eps=EPS),
        "IN": F.instance_norm(x, eps=EPS), "GN": F.group_norm(x, 2, eps=EPS),
    }  # fmt: skip
    dims = {"BN": (0, 2, 3), "LN": (1, 2, 3), "IN": (2, 3)}
    off = {name: max(ways[name].mean(d).abs().max().item(), (ways[name].var(d, correction=0) - 1).abs().max().item())
           for name, d in dims.items()}  # fmt: skip
    groups = ways["GN"].reshape(4, 2, -1)
    off["GN"] = max(groups.mean(2).abs().max().item(), (groups.var(2, correction=0) - 1).abs().max().item())
    for name, over in (
        ("BN", "cases and pixels"),
        ("LN", "channels and pixels"),
        ("IN", "pixels"),
        ("GN", "a group and pixels"),
    ):
        run.check(f"{name} gives mean 0 and variance 1 over {over}", off[name] < 1e-9, largest_difference=off[name])
    same = {
        "group norm of one group is layer norm": (F.group_norm(x, 1, eps=EPS), ways["LN"]),
        "group norm of C groups is instance norm": (F.group_norm(x, 4, eps=EPS), ways["IN"]),
        "batch norm of one case is instance norm": (F.batch_norm(x[:1], None, None, training=True, eps=EPS), ways["IN"][:1]),
    }  # fmt: skip
    for statement, (one, two) in same.items():
        apart = (one - two).abs().max().item()
        run.check(statement, apart < 1e-12, largest_difference=apart)
    v = mg.randn(5, 7, dtype=mg.float64)
    layer = nn.utils.weight_norm(nn.Linear(7, 5, dtype=mg.float64))
    with mg.no_grad():
        layer.weight_v.copy_(v)
        layer.weight_g.fill_(1.0)
    data = mg.randn(3, 7, dtype=mg.float64)
    unit = ((layer(data) - layer.bias) - data @ (v / v.norm(dim=1, keepdim=True)).T).abs().max().item()
    run.check("weight norm divides weights, not activations: γ x·v/|v|", unit < 1e-12, largest_difference=unit)

    cells = run.sweep(change, name=NAMES, what=PERTURBED, seed=run.seeds)
    rows = []
    for what in PERTURBED:
        changes = {n: max(c["value"] for c in cells if (c["name"], c["what"]) == (n, what)) for n in NAMES}
        rows.append([what, *("invariant" if changes[n] < 1e-9 else f"changes {changes[n]:.2g}" for n in NAMES)])
    run.table(["", *NAMES], rows, "What is not noticed")
    wrong = [(n, what) for (k, what), n in product(enumerate(PERTURBED), NAMES)
             if (rows[k][1 + NAMES.index(n)] == "invariant") != PAPER[n][k]]  # fmt: skip
    run.check("the paper's table of invariances is right in all 18 cells", not wrong, cells=18, wrong=len(wrong))
    run.keep(changes=cells)

    def draw(*axes):
        shades = {
            "BN": lambda n, c, p: c,
            "LN": lambda n, c, p: n,
            "IN": lambda n, c, p: 4 * n + c,
            "GN": lambda n, c, p: 2 * n + c // 2,
        }
        for part, (name, group) in zip(axes, shades.items(), strict=True):
            cube(part, group, 16 if name == "IN" else 8 if name == "GN" else 4)
            part.set_title(f"{name}: {'4 4 16 8'.split()[list(shades).index(name)]} means and variances", fontsize=10)

    run.draw(draw, columns=4, size=(12, 3.4))


def cube(axes, group, count: int) -> None:
    """The three visible faces of (N=4, C=4, pixels=6); what shares a mean and a variance has one colour."""
    tilt = 0.45
    for a, b in product(range(4), range(6)):
        patch(axes, [(a, b), (a + 1, b), (a + 1, b + 1), (a, b + 1)], group(0, a, b), count)  # front: case 0
    for c, n in product(range(4), range(4)):
        corner = c + tilt * n, 6 + tilt * n
        patch(axes, [corner, (corner[0] + 1, corner[1]), (corner[0] + 1 + tilt, corner[1] + tilt),
                     (corner[0] + tilt, corner[1] + tilt)], group(n, c, 5), count)  # top: last pixel  # fmt: skip
    for n, p in product(range(4), range(6)):
        corner = 4 + tilt * n, p + tilt * n
        patch(axes, [corner, (corner[0] + tilt, corner[1] + tilt), (corner[0] + tilt, corner[1] + 1 + tilt),
                     (corner[0], corner[1] + 1)], group(n, 3, p), count)  # side: last channel  # fmt: skip
    axes.set(
        xlim=(-0.3, 6.2), ylim=(-0.3, 8.2), aspect="equal", xticks=[], yticks=[], xlabel="channels →, cases ↗", ylabel="pixels"
    )


def patch(axes, corners: list, group: int, count: int) -> None:
    shade = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#eeca3b", "#b279a2", "#ff9da6"]
    alpha = 0.55 if count > 8 and group >= 8 else 1.0
    axes.fill(*zip(*corners, strict=True), facecolor=shade[group % 8], edgecolor="white", linewidth=0.8, alpha=alpha)


if __name__ == "__main__":
    main(measure)
