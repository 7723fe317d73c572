"""Scale invariance: weights before batch norm have a direction but no size.

Claim: "BN((aW)u) = BN(Wu): the scale of the weights changes neither the layer nor what it passes back, larger weights lead to
smaller gradients, and batch norm stabilizes their growth."

Source: Ioffe & Szegedy 2015, §3.3; Hoffer et al. 2018, §3 (effective learning rate); van Laarhoven 2017 (equilibrium).

Set-up: float64, 64-32-10 with batch norm (ε = 1e-12, then 1e-5) on the digits; SGD, one batch order; the weights before batch
norm times a, and their learning rate times a².

Changes: a larger ε, or weights so small that their variances come near it.
"""

import math

import minigrad as mg
from minigrad import nn, optim
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY
from minigrad.labs.setups import batches, images, initialise
from minigrad.ops.random import Generator


class Task:
    """A small net, its data in float64, and SGD with a rate of its own for the weights before batch norm."""

    def __init__(
        self, run: Run, seed: int, scale: float = 1.0, lr: float = 0.5, decay: float = 0.0, eps: float = 1e-12
    ) -> None:
        mg.manual_seed(seed)
        self.data = type(images())(
            *(t.double() if t.is_floating_point() else t for t in images(run.data, flat=True, limit=1024))
        )
        wide = self.data.x.shape[1]
        first = nn.Linear(wide, 32, bias=False, dtype=mg.float64)
        self.model = initialise(nn.Sequential(first, nn.BatchNorm1d(32, eps, dtype=mg.float64), nn.ReLU(),
                                              nn.Linear(32, 10, dtype=mg.float64)))  # fmt: skip
        with mg.no_grad():
            first.weight.mul_(scale)
        self.weight, self.lr = first.weight, lr * scale**2
        rest = [p for p in self.model.parameters() if p is not first.weight]
        groups = [{"params": [first.weight], "lr": self.lr, "weight_decay": decay}, {"params": rest, "lr": lr}]
        self.optimizer = optim.SGD(groups, lr=lr)
        self.generator = Generator().manual_seed(seed)

    def steps(self, count: int):
        """Train; gives the loss after each backward pass, before the update."""
        done = 0
        while done < count:
            for x, y in batches(self.data, 64, self.generator)[: count - done]:
                loss = nn.functional.cross_entropy(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                yield loss.item()
                self.optimizer.step()
                done += 1


def measure(run: Run) -> None:
    steps = run.pick(100, 25)

    def rescaled(scale: float, eps: float, seed: int) -> list[float]:
        return {"losses": list(Task(run, seed, scale, eps=eps).steps(steps))}

    cells = run.sweep(rescaled, scale=[1.0, 10.0, 1e-3], eps=[1e-12, 1e-5], seed=run.seeds)
    curves = {(c["scale"], c["eps"], c["seed"]): c["losses"] for c in cells}

    def apart(scale: float, eps: float) -> float:
        pairs = [(curves[scale, eps, s], curves[1.0, eps, s]) for s in run.seeds]
        return max(abs(a - b) for one, two in pairs for a, b in zip(one[:20], two[:20], strict=True))

    for scale, eps in ((10.0, 1e-12), (10.0, 1e-5), (1e-3, 1e-5)):
        off = apart(scale, eps)
        run.check("a times the weights, a² times their rate: the same losses", off < 1e-4, f"a = {scale:g}, ε = {eps:g}",
                  largest_difference_in_20_steps=off)  # fmt: skip

    def growth(seed: int) -> dict[str, float]:
        task, across, off = Task(run, seed), 0.0, 0.0
        before = None
        for _ in task.steps(steps):
            w, g = task.weight.detach(), task.weight.grad
            now = (w * w).sum().item()
            across = max(across, abs((w * g).sum().item()) / (w.norm() * g.norm()).item())
            if before is not None:
                off = max(off, abs(now - before[0] - before[1]) / now)
            before = now, task.lr**2 * (g * g).sum().item()
        return {"across": across, "off": off}

    found = run.sweep(growth, seed=run.seeds)
    across, off = max(c["across"] for c in found), max(c["off"] for c in found)
    run.check("w·∇w = 0", across < 1e-9, cosine=across)
    run.check("|w|² grows by lr²|∇w|² a step", off < 1e-9, relative_difference=off)

    def gradient(scale: float, eps: float, seed: int) -> float:
        task = Task(run, seed, scale, eps=eps)
        next(task.steps(1))
        return task.weight.grad.norm().item()

    scales = [10.0**k for k in range(-5, 3)]
    sizes = run.sweep(gradient, scale=scales, eps=[1e-12, 1e-5], seed=run.seeds[:1])
    norms = {eps: [c["value"] for c in sizes if c["eps"] == eps] for eps in (1e-12, 1e-5)}
    at_one = norms[1e-5][scales.index(1.0)]
    for scale in (10.0, 1e-4):
        ratio = norms[1e-5][scales.index(scale)] * scale / at_one
        run.check("the gradient goes as 1/|w|", abs(ratio - 1) < 0.01, f"w × {scale:g}, ε = 1e-5", over_one_over_w=ratio)

    decay, lr, long = 5e-2, 0.5, run.pick(500, 200)

    def equilibrium(scale: float, seed: int) -> dict[str, object]:
        """Sizes of w over training with decay, and the angle of each of the last steps."""
        mg.manual_seed(seed)
        task, lengths, angles, last = Task(run, seed, lr=lr, decay=decay), [], [], None
        with mg.no_grad():
            task.weight.mul_(scale)
        for _ in task.steps(long):
            w = task.weight.detach().clone()
            lengths.append(w.norm().item())
            if last is not None and len(lengths) > long * 0.7:
                cosine = (w * last).sum(1) / (w.norm(dim=1) * last.norm(dim=1))
                angles.append(mg.acos(cosine.clamp(-1, 1)).square().mean().sqrt().item())
            last = w
        return {"lengths": lengths, "angle": math.sqrt(sum(a * a for a in angles) / len(angles))}

    tail = run.sweep(equilibrium, scale=[0.5, 4.0], seed=run.seeds)
    theory = math.sqrt(2 * lr * decay)
    ends = {scale: [c["lengths"][-1] for c in tail if c["scale"] == scale] for scale in (0.5, 4.0)}
    middle = {scale: sorted(v)[len(v) // 2] for scale, v in ends.items()}
    ratio = middle[4.0] / middle[0.5]
    run.check("with weight decay |w| forgets where it started", abs(ratio - 1) < 0.1, ratio_at_start=8.0, ratio_at_end=ratio)
    turned = [c["angle"] / theory for c in tail]
    run.check("each unit then turns by √(2·lr·λ) a step", 0.7 < min(turned) <= max(turned) < 1.3,
              least_ratio=min(turned), largest_ratio=max(turned), angle=theory)  # fmt: skip
    rows = [[scale, eps, apart(scale, eps)] for scale in (10.0, 1e-3) for eps in (1e-12, 1e-5)]
    run.table(["a", "ε", "largest difference of the losses"], rows, "a times the weights, a² times the rate, 20 steps")
    run.keep(losses=cells, gradient_norms={str(k): v for k, v in norms.items()}, scales=scales, equilibrium=tail)

    def draw(left, right):
        left.loglog(scales, [norms[1e-12][-1] * scales[-1] / s for s in scales], label="1/|w|", **THEORY)
        for k, eps in enumerate((1e-12, 1e-5)):
            left.loglog(scales, norms[eps], "o-", color=f"C{k}", label=f"ε = {eps:g}")
        left.set(xlabel="scale of the weights", ylabel="|∇w| of the first batch", title="where ε breaks it")
        for k, scale in enumerate((0.5, 4.0)):
            runs = [c["lengths"] for c in tail if c["scale"] == scale]
            band(right, range(long), runs, f"start × {scale:g}", color=f"C{k}")
        right.set(xlabel="step", ylabel="|w|", title=f"with weight decay {decay:g}", yscale="log")
        left.legend()
        right.legend()

    run.draw(draw, columns=2)


if __name__ == "__main__":
    main(measure, quick_seeds=1)
