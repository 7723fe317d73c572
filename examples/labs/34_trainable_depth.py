"""Trainable depth: how deep a net still learns?

Claim: "With batch norm very deep networks can be trained."

Source: Ioffe & Szegedy 2015, §1; the articles' "deeper networks"; Yang et al. 2019, figure 1 (depth about 50 without skips).

Set-up: digits, fully connected ReLU nets of width 64 and 5 to 80 hidden layers: default and He first weights, batch norm (He),
skips x + W ReLU(x) (He), and both; 40 steps of SGD, B = 128, at the better of two rates by training accuracy.

Changes: more steps, warm-up, or normalization of the skips' branch; the ranking of depths, less so.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main
from minigrad.labs.setups import images, initialise, train

WIDTH = 64
NETS = ("default", "He", "BN", "skip", "BN + skip")


class Deep(nn.Module):
    """Blocks of (batch norm,) ReLU and linear layer, with or without a skip, between a first and a last linear layer."""

    def __init__(self, net: str, depth: int, inputs: int) -> None:
        super().__init__()
        self.skip = "skip" in net
        self.first, self.last = nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, 10)
        self.blocks = nn.ModuleList([self.block("BN" in net) for _ in range(depth - 1)])
        initialise(self, "default" if net == "default" else "he")

    def block(self, norm: bool) -> nn.Sequential:
        return nn.Sequential(*[nn.BatchNorm1d(WIDTH)] * norm, nn.ReLU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x) if self.skip else block(x)
        return self.last(x.relu())


def measure(run: Run) -> None:
    data = images(run.data, flat=True, limit=run.pick(1280, 640), device=run.device)
    epochs = run.pick(4, 6)

    def cell(net: str, depth: int, lr: float, seed: int) -> float:
        model = Deep(net, depth, data.x.shape[1]).to(run.device)
        seen = train(model, data, lr=lr, epochs=epochs, batch=128, seed=seed, evaluate=False)
        if seen["diverged"]:
            return 0.1
        with mg.no_grad():  # the batch's own statistics, as in training
            return (model.train()(data.x[:640]).argmax(1) == data.y[:640]).float().mean().item()

    depths, rates = run.pick([5, 10, 20, 40, 80], [5, 20, 40]), [1e-2, 1e-1]
    cells = run.sweep(cell, net=NETS, depth=depths, lr=rates, seed=run.seeds)

    def best(net: str, depth: int) -> list[float]:
        """Accuracies by seed at the rate whose median is highest."""
        return max((column(cells, "value", net=net, depth=depth, lr=lr) for lr in rates), key=lambda v: spread(v)["median"])

    found = {(net, depth): best(net, depth) for net in NETS for depth in depths}
    middle = {key: spread(values)["median"] for key, values in found.items()}
    rows = [[net, *(middle[net, depth] for depth in depths)] for net in NETS]
    run.table(["training accuracy", *(f"depth {d}" for d in depths)], rows, "At the better rate, median over the seeds")
    reach = {net: max((d for d in depths if middle[net, d] >= 0.8), default=0) for net in NETS}
    for net in ("default", "He"):
        run.check("batch norm lets deeper nets learn (to 80 %) than the same without", reach["BN"] > reach[net],
                  f"{net} first weights", bn=reach["BN"], without=reach[net])  # fmt: skip
    deepest = depths[-1]
    run.check("with batch norm the deepest net learns", middle["BN", deepest] >= 0.8, "without skips", depth=deepest,
              accuracy=middle["BN", deepest])  # fmt: skip
    run.check("with batch norm the deepest net learns", middle["BN + skip", deepest] >= 0.8, "with skips", depth=deepest,
              accuracy=middle["BN + skip", deepest])  # fmt: skip
    run.keep(cells=cells, reach=reach)

    def draw(axes):
        for k, net in enumerate(NETS):
            runs = list(zip(*(found[net, d] for d in depths), strict=True))
            band(axes, depths, runs, net, marker="o", color=f"C{k}")
        axes.axhline(0.1, color="gray", linestyle=":", linewidth=1)
        axes.set(xlabel="hidden layers", ylabel="training accuracy at the better rate", xscale="log", ylim=(0, 1.03))
        axes.set_xticks(depths, [str(d) for d in depths])
        axes.minorticks_off()
        axes.legend()

    run.draw(draw, size=(7.5, 4.4))


if __name__ == "__main__":
    main(measure, quick_seeds=1)
