"""Modes: what train, eval, no_grad and track_running_stats each decide.

Claim: "Use model.eval() and no_grad() at test time; inside no_grad the running statistics are not updated."

Source: one of the articles (no_grad); the documentation of PyTorch's BatchNorm.

Set-up: float64, every combination of no_grad, train or eval and track_running_stats on one batch: which statistics normalize,
whether the running ones move; then one value per channel, eval's backward, folding into a convolution, a bias before it.

Changes: nothing, these are definitions; a library with other definitions would change them.
"""

import math
from itertools import product

import minigrad as mg
from minigrad import nn
from minigrad.labs import Run, main
from minigrad.nn.utils import fuse_conv_bn_eval

F64 = {"dtype": mg.float64}


def behaviour(no_grad: bool, training: bool, track: bool) -> dict[str, object]:
    """What a layer does in a mode: the statistics it used, whether the running ones moved, whether a graph was made."""
    bn = nn.BatchNorm1d(3, track_running_stats=track, **F64).train(training)
    x = mg.randn(8, 3, **F64) * 2 + 1
    before = bn.running_mean.clone() if track else None
    with mg.set_grad_enabled(not no_grad):
        y = bn(x)
    of_batch = (x - x.mean(0)) / (x.var(0, correction=0) + bn.eps).sqrt()
    return {"statistics": "batch" if (y - of_batch).abs().max().item() < 1e-12 else "running",
            "moved": track and not mg.equal(before, bn.running_mean), "graph": y.requires_grad}  # fmt: skip


def folded() -> float:
    """The largest difference between conv + batch norm in evaluation and the one convolution made of both."""
    conv, bn = nn.Conv2d(3, 5, 3, **F64), nn.BatchNorm2d(5, **F64)
    for _ in range(20):
        bn(conv(mg.randn(4, 3, 6, 6, **F64)))
    with mg.no_grad():
        bn.weight.uniform_(0.5, 2)
        bn.bias.uniform_(-1, 1)
    conv.eval()
    bn.eval()
    x = mg.randn(4, 3, 6, 6, **F64)
    return (fuse_conv_bn_eval(conv, bn)(x) - bn(conv(x))).abs().max().item()


def bias_gradient(training: bool) -> float:
    """|dL/db| over |dL/dW| of a linear layer before batch norm."""
    linear, bn = nn.Linear(6, 5, **F64), nn.BatchNorm1d(5, **F64).train(training)
    nn.functional.cross_entropy(bn(linear(mg.randn(16, 6, **F64))), mg.randint(0, 5, (16,))).backward()
    return (linear.bias.grad.norm() / linear.weight.grad.norm()).item()


def measure(run: Run) -> None:
    rows = []
    for no_grad, training, track in product((False, True), repeat=3):
        found = behaviour(no_grad, training, track)
        rows.append([no_grad, training, track, *found.values()])
    run.table(["no_grad", "train", "track", "statistics", "running moved", "graph"], rows, "Every combination")
    run.keep(modes=rows)
    stopped = not any(row[4] for row in rows if row[0] and row[1] and row[2])
    run.check("no_grad stops the updates of the running statistics", stopped)
    only = all(row[4] == (row[1] and row[2]) for row in rows)
    run.check("running statistics move exactly in training with tracking", only)
    used = all((row[3] == "running") == (not row[1] and row[2]) for row in rows)
    run.check("running statistics normalize exactly in evaluation with tracking", used)

    refused = False
    try:
        nn.BatchNorm1d(3)(mg.randn(1, 3))
    except ValueError:
        refused = True
    alone = nn.BatchNorm1d(3).eval()(mg.randn(1, 3))
    finite = all(map(math.isfinite, alone.flatten().tolist()))
    run.check("one value per channel is refused in training and fine in evaluation", refused and finite)

    bn, x = nn.BatchNorm1d(4, **F64), mg.randn(16, 4, **F64)
    bn(x)
    bn.eval()
    x = mg.randn(16, 4, **F64).requires_grad_()
    g = mg.randn(16, 4, **F64)
    bn(x).backward(g)
    off = (x.grad - g * bn.weight / (bn.running_var + bn.eps).sqrt()).abs().max().item()
    run.check("eval's backward is a fixed scale, dx = γ g/√(running var + ε)", off < 1e-12, largest_difference=off)
    off = folded()
    run.check("batch norm folds into the convolution before it, in evaluation", off < 1e-12, largest_difference=off)
    shares = {mode: bias_gradient(mode == "train") for mode in ("train", "eval")}
    only_in_training = shares["train"] < 1e-12 < 1e-3 < shares["eval"]
    run.check("a bias before batch norm gets no gradient in training, and one in evaluation", only_in_training, **shares)
    run.keep(bias_gradient=shares)

    def draw(axes):
        columns = ["no_grad", "train()", "tracking", "batch's own\nstatistics", "running\nstatistics move", "graph made"]
        values = [[bool(r[0]), bool(r[1]), bool(r[2]), r[3] == "batch", bool(r[4]), bool(r[5])] for r in rows]
        axes.imshow(values, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
        for i, row in enumerate(values):
            for k, value in enumerate(row):
                axes.text(k, i, "yes" if value else "no", ha="center", va="center", color="black" if value else "0.5")
        axes.set_xticks(range(6), columns)
        axes.set_yticks(range(8), [f"case {i + 1}" for i in range(8)])
        axes.axvline(2.5, color="black")
        axes.set(xlabel="what is set (left of the line), and what follows", ylabel="combination")
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()

    run.draw(draw, size=(8, 4))


if __name__ == "__main__":
    main(measure, seeds=1, quick_seeds=1)
