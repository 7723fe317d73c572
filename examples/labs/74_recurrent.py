"""Recurrent nets: which normalization works over time?

Claim: "Batch norm is of no use in recurrent nets"; "on the inputs' part alone it speeds training up"; "with statistics for
each step it works after all"; "layer norm keeps the hidden state steady".

Source: Laurent et al. 2015 (W x); Cooijmans et al. 2016 (each step, γ = 0.1); Ba et al. 2016, §3.1; the first in most
articles.

Set-up: h' = tanh(W x + U h), 48 units, U orthogonal times 1 or 3; digits as 8 rows of 8 and as 64 single pixels; plain, batch
norm on x, on W x (over cases and time), on W x + U h with γ, β and statistics of each step, layer norm on W x + U h. Adam at
0.003, B = 64; held-out accuracy, in evaluation mode.

Changes: gated cells, which keep what they have by themselves; longer sequences than those of training, for which no
statistics were collected.
"""

import minigrad as mg
from minigrad import nn, optim
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, main
from minigrad.labs.setups import accuracy, images, train

KINDS = {"plain": "tab:orange", "BN on x": "tab:cyan", "BN on Wx": "tab:blue", "BN each step": "tab:purple", "LN": "tab:green"}
TASKS = {"rows": (900, 8), "pixels": (450, 8)}  # images and epochs


class Recurrent(nn.Module):
    """tanh(W x + U h) over (N, T, I), normalized as `kind` says, and a linear layer on the last state."""

    def __init__(self, kind: str, inputs: int, steps: int, gain: float, classes: int, hidden: int = 48) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(inputs, hidden), nn.Linear(hidden, classes)
        self.around = nn.Parameter(nn.init.orthogonal_(mg.empty(hidden, hidden), gain))
        self.on_x = nn.BatchNorm1d(inputs) if kind == "BN on x" else None
        self.on_wx = nn.BatchNorm1d(hidden) if kind == "BN on Wx" else None
        each = [nn.BatchNorm1d(hidden) for _ in range(steps)] if kind == "BN each step" else []
        for layer in each:
            nn.init.constant_(layer.weight, 0.1)
        self.each = nn.ModuleList(each or [nn.LayerNorm(hidden) if kind == "LN" else nn.Identity()] * steps)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        cases, steps = x.shape[:2]
        x = x.flatten(0, 1)
        a = self.into(x if self.on_x is None else self.on_x(x))
        a = (a if self.on_wx is None else self.on_wx(a)).reshape(cases, steps, -1)
        h = mg.zeros(cases, a.shape[2], device=x.device)
        for at, norm in zip(a.unbind(1), self.each, strict=True):
            h = mg.tanh(norm(at + h @ self.around))
        return self.out(h)


def measure(run: Run) -> None:
    def cell(task: str, kind: str, gain: float, seed: int) -> float:
        limit, epochs = TASKS[task]
        data = images(run.data, limit=limit, device=run.device, seed=seed)
        rows = data.x.shape[1] * data.x.shape[2] if task == "rows" else data.x[0].numel()
        data = data._replace(x=data.x.reshape(len(data.y), rows, -1), test_x=data.test_x.reshape(len(data.test_y), rows, -1))
        model = Recurrent(kind, data.x.shape[2], rows, gain, int(data.y.max().item()) + 1).to(run.device)
        adam = optim.Adam(model.parameters(), lr=0.003)
        train(model, data, lr=0.0, optimizer=adam, epochs=run.pick(epochs, 4), seed=seed, evaluate=False)
        return accuracy(model, data.test_x[:1000], data.test_y[:1000])

    tasks, gains = run.pick(list(TASKS), ["rows"]), [1.0, 3.0]
    cells = run.sweep(cell, task=tasks, kind=list(KINDS), gain=gains, seed=run.seeds)
    run.keep(cells=cells)

    def reached(task: str, kind: str, gain: float) -> list[float]:
        return column(cells, "value", task=task, kind=kind, gain=gain)

    rows = []
    for task in tasks:
        for kind in KINDS:
            one, three = (reached(task, kind, gain) for gain in gains)
            rows.append([f"{task}, {kind}", *(spread(values)["median"] for values in (one, three))])
            run.ahead("a recurrent gain of 3 costs less than 5 points", f"{task}, {kind}", -0.05, gain_3=three, gain_1=one)
            if kind != "plain":
                for gain, values in zip(gains, (one, three), strict=True):
                    run.ahead(f"{kind} does better than the plain net (by 2 points)", f"{task}, gain {gain:g}", 0.02,
                              accuracy=values, plain=reached(task, "plain", gain))  # fmt: skip
    run.table(["", "gain 1", "gain 3"], rows, "Held-out accuracy, medians over the seeds")

    def draw(*axes):
        for ax, task in zip(axes, tasks, strict=True):
            for k, (kind, color) in enumerate(KINDS.items()):
                for j, gain in enumerate(gains):
                    values = column(cells, "value", task=task, kind=kind, gain=gain)
                    ax.plot([k + 0.3 * j] * len(values), values, "os"[j], color=color, alpha=0.6)
                    ax.plot(k + 0.3 * j, spread(values)["median"], "_", color=color, markersize=18)
            ax.set_xticks([k + 0.15 for k in range(len(KINDS))], list(KINDS))
            ax.set(xlabel=f"digits as {task}; circles: gain 1, squares: gain 3", ylabel="held-out accuracy", ylim=(0, 1.03))

    run.draw(draw, columns=len(tasks), size=(6.2 * len(tasks), 4))


if __name__ == "__main__":
    main(measure)
