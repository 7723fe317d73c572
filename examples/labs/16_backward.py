"""Backward: the chain, the short form and backpropagation, path by path.

Claim: "The six equations of the paper are the gradient of batch norm; they simplify to dx = γ/s · (g − ḡ − x̂ · mean(g x̂)),
which takes the mean and the x̂ part out of the gradient and so makes it smaller."

Source: Ioffe & Szegedy 2015, §3 (the chain); Santurkar et al. 2018, theorem 4.1 (the norm).

Set-up: float64, batches of 16 cases and 32 channels, random g, γ, β; the chain and the short form written out by hand, the
gradient from the layer, the parts by cutting edges of the graph.

Changes: "smaller" is relative to γ/s: where γ/s is above 1 the gradient may grow.
"""

import minigrad as mg
from minigrad import nn
from minigrad.diagnose import paths
from minigrad.labs import Run, main

EPS = 1e-5


def chain(x, g, gamma, eps):
    """The paper's equations in its order: dx̂, dσ², dμ, dx, dγ, dβ."""
    m = len(x)
    mu, var = x.mean(0), x.var(0, correction=0)
    xhat = (x - mu) / (var + eps).sqrt()
    dxhat = g * gamma
    dvar = (dxhat * (x - mu)).sum(0) * -0.5 * (var + eps) ** -1.5
    dmu = -dxhat.sum(0) / (var + eps).sqrt() + dvar * (-2 * (x - mu)).sum(0) / m
    dx = dxhat / (var + eps).sqrt() + dvar * 2 * (x - mu) / m + dmu / m
    return dx, (g * xhat).sum(0), g.sum(0)


def short(x, g, gamma, eps):
    """γ/s (g − ḡ − x̂ mean(g x̂))."""
    s = (x.var(0, correction=0) + eps).sqrt()
    xhat = (x - x.mean(0)) / s
    return gamma / s * (g - g.mean(0) - xhat * (g * xhat).mean(0))


def identities(size: int, eps: float, seed: int) -> dict[str, float]:
    """The largest differences between the ways, and of the identities, each over the size of its terms."""
    gamma, beta = mg.rand(32, dtype=mg.float64) + 0.5, mg.randn(32, dtype=mg.float64)
    x = (mg.randn(size, 32, dtype=mg.float64) * 2 + 1).requires_grad_()
    g = mg.randn(size, 32, dtype=mg.float64)
    gamma.requires_grad_()
    y = nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    y.backward(g)
    dx, dgamma, data = x.grad, gamma.grad, x.detach()
    by_chain, chain_gamma, _ = chain(data, g, gamma.detach(), eps)
    v = data.var(0, correction=0)
    s = (v + eps).sqrt()
    xhat, ratio = (data - data.mean(0)) / s, (gamma.detach() / s)
    rest = ratio * (g * xhat).sum(0) * eps / (v + eps)
    norm = ratio**2 * ((g**2).sum(0) - g.sum(0) ** 2 / size - (g * xhat).sum(0) ** 2 / size)
    top = dx.abs().max().item()
    return {
        "chain": (by_chain - dx).abs().max().item() / top, "gamma": (chain_gamma - dgamma).abs().max().item(),
        "short": (short(data, g, gamma.detach(), eps) - dx).abs().max().item() / top,
        "sum": dx.sum(0).abs().max().item() / top,
        "along": ((dx * xhat).sum(0) - rest).abs().max().item() / top,
        "norm": ((dx**2).sum(0) / norm - 1).abs().max().item(), "bound": ((dx**2).sum(0) / norm).max().item(),
        "smaller": (dx.norm(dim=0) < (g * ratio).norm(dim=0)).double().mean().item(),
        "factor": (dx.norm(dim=0) / g.norm(dim=0)).max().item(),
    }  # fmt: skip


def by_path() -> dict[str, list[float]]:
    """The gradient of one column of six cases by path."""
    x = mg.tensor([[-2.0], [-1.0], [-0.5], [0.5], [1.0], [3.0]], dtype=mg.float64).requires_grad_()
    g = mg.tensor([[1.0], [0.2], [-0.4], [0.3], [0.8], [1.5]], dtype=mg.float64)
    found = paths(nn.functional.batch_norm(x, None, None, training=True, eps=EPS), g)
    parts = {name: part[:, 0].tolist() for name, part in found.parts.items()}
    return {**parts, "x.grad": found.total[:, 0].tolist()}


def measure(run: Run) -> None:
    cells = run.sweep(identities, size=[4, 16, 64], eps=[EPS, 0.1], seed=run.seeds)
    worst = {name: max(c[name] for c in cells) for name in ("chain", "gamma", "short", "sum", "along")}
    run.check("the six equations are the gradient", max(worst["chain"], worst["gamma"]) < 1e-11,
              dx=worst["chain"], dγ=worst["gamma"])  # fmt: skip
    run.check("the short form is the gradient", worst["short"] < 1e-11, difference=worst["short"])
    run.check("Σ dx = 0", worst["sum"] < 1e-11, over_largest_dx=worst["sum"])
    run.check("Σ dx·x̂ = γ/s · Σ(g x̂) · ε/(v+ε)", worst["along"] < 1e-11, difference=worst["along"])
    exact = run.sweep(identities, size=[16], eps=[1e-12], seed=run.seeds)
    off = max(c["norm"] for c in exact)
    run.check("|dx|² = γ²/s² (|g|² − (Σg)²/B − (Σ g x̂)²/B) for ε → 0", off < 1e-9, relative_difference=off)
    most = max(c["bound"] for c in cells)
    run.check("with ε the same is an upper bound", most < 1 + 1e-9, largest_ratio=most)
    share = min(c["smaller"] for c in cells)
    run.check("the gradient is smaller than γ/s · g, always", share == 1, share_of_channels=share)
    factor = max(c["factor"] for c in cells)
    run.check("the gradient is smaller than g, always", factor < 1, largest_ratio=factor)
    parts = by_path()
    total = max(abs(sum(column[:3]) - column[3]) for column in zip(*parts.values(), strict=True))
    run.check("direct, mean and variance paths add up to the gradient", total < 1e-12, difference=total)
    run.table(
        ["path", *(f"x{k}" for k in range(1, 7))], [[name, *values] for name, values in parts.items()], "One column by path"
    )
    run.keep(identities=cells, by_path=parts)

    def draw(axes):
        places, low, high = range(1, 7), [0.0] * 6, [0.0] * 6
        for k, (name, values) in enumerate(list(parts.items())[:3]):
            floor = [h if v >= 0 else b for v, h, b in zip(values, high, low, strict=True)]
            axes.bar(places, values, 0.6, bottom=floor, color=f"C{k}", label=name)
            high = [h + max(v, 0) for h, v in zip(high, values, strict=True)]
            low = [b + min(v, 0) for b, v in zip(low, values, strict=True)]
        axes.plot(places, parts["x.grad"], "kD", label="x.grad, their sum")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xlabel="case", ylabel="gradient of x", title="six cases of one channel: stacked parts of dx")
        axes.legend()

    run.draw(draw, size=(7.5, 4.4))


if __name__ == "__main__":
    main(measure)
