"""Knobs: what makes the gradient's growth under batch norm smaller or larger?

Claim: "Batch norm makes the singular values of a layer's Jacobian close to 1" (the paper's conjecture), and "ε is there against
division by zero only".

Source: Ioffe & Szegedy 2015, §3.3 (the conjecture); Yang et al. 2019, §3.4 and §4 (ε, γ, β, the linear regime).

Set-up: float64, z → W φ(γ BN(z) + β) with W of variance 1/N, N = 256, 24 layers, B = 128; the factor of |∂L/∂z|² per layer
over layers 4 to 21, for ε up to 2, tanh with small γ, ReLU with large β; all singular values of one layer's Jacobian, N = 24,
B = 12, at the start and in the eighth layer.

Changes: a trained net: γ, β and the weights then are no longer those of the theory.
"""

import math

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.autograd.functional import jacobian
from minigrad.diagnose.measure import batch_norm_growth, column, layer_gradients, spread
from minigrad.labs import Run, band, main
from minigrad.labs.pictures import THEORY

DEPTH, FIRST, LAST = 24, 4, 21
ACTS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}
CRITICAL = (1 - 1 / math.pi) / 2


def layer(width: int, act: str, eps: float, gamma: float, beta: float) -> list[nn.Module]:
    """Batch norm, activation and linear layer."""
    norm, linear = nn.BatchNorm1d(width, eps, dtype=mg.float64), nn.Linear(width, width, bias=False, dtype=mg.float64)
    nn.init.normal_(linear.weight, 0.0, math.sqrt(1 / width))
    nn.init.constant_(norm.weight, gamma)
    nn.init.constant_(norm.bias, beta)
    return [norm, ACTS[act](), linear]


def eps_line(eps: float) -> float:
    """The factor of a ReLU net for large B: below the critical ε variances settle, above it they die out."""
    return math.pi / (math.pi - 1) if eps < CRITICAL else 1 / (2 * eps)


def measure(run: Run) -> None:
    width, batch = run.pick(256, 128), run.pick(128, 64)

    def factor(act: str, eps: float = 1e-12, gamma: float = 1.0, beta: float = 0.0) -> float:
        model = nn.Sequential(*[part for _ in range(DEPTH) for part in layer(width, act, eps, gamma, beta)])
        x, direction = (mg.randn(batch, width, dtype=mg.float64) for _ in range(2))
        found = layer_gradients(model, x, direction, lambda z, d: (z * d).sum(), nn.Linear)
        logs = np.log(list(found.values()))[FIRST - 1 : LAST]
        return float(np.exp(-np.polyfit(range(len(logs)), logs, 1)[0]))

    def by_eps(eps: float, seed: int) -> float:
        return factor("relu", eps=eps)

    def by_gamma(gamma: float, seed: int) -> float:
        return factor("tanh", gamma=gamma)

    def by_beta(beta: float, seed: int) -> float:
        return factor("relu", beta=beta)

    sizes = [1e-12, 0.05, 0.15, 0.6, 1.0, 2.0]
    gammas, betas = [0.1, 0.3, 1.0, 3.0], [0.0, 0.5, 1.0, 2.0, 3.0]
    knobs = {"eps": run.sweep(by_eps, eps=sizes, seed=run.seeds), "gamma": run.sweep(by_gamma, gamma=gammas, seed=run.seeds),
             "beta": run.sweep(by_beta, beta=betas, seed=run.seeds)}  # fmt: skip

    def middle(knob: str, value: float) -> float:
        return spread(column(knobs[knob], "value", **{knob: value}))["median"]

    rows = [[f"ReLU, ε = {eps:g}", middle("eps", eps), eps_line(eps)] for eps in sizes]
    rows += [[f"tanh, γ = {g:g}", middle("gamma", g), None] for g in gammas]
    rows += [[f"ReLU, β = {b:g}", middle("beta", b), None] for b in betas]
    run.table(["", "factor per layer", "theory, B → ∞"], rows, f"Growth of |∂L/∂z|² per layer, B = {batch}")
    off = max(abs(middle("eps", e) / eps_line(e) - 1) for e in sizes)
    run.check("ReLU's factor is π/(π−1) below ε = ½(1−1/π) and 1/(2ε) above, to 10 %", off < 0.1, largest_error=off)
    apart = abs(middle("eps", sizes[1]) / middle("eps", sizes[0]) - 1)
    run.check("ε changes nothing", apart < 0.05, "ε = 0.05", change=apart)
    apart = abs(middle("eps", 2.0) / middle("eps", sizes[0]) - 1)
    run.check("ε changes nothing", apart < 0.05, "ε = 2", change=apart)
    line = batch_norm_growth(batch, "linear")
    ends = middle("gamma", gammas[0]), middle("gamma", gammas[-1])
    run.check("small γ brings tanh to the linear line", abs(ends[0] / line - 1) < 0.03 < ends[1] / line - 1, linear=line,
              small=ends[0], large=ends[1])  # fmt: skip
    end = middle("beta", betas[-1])
    run.check(
        "large β brings ReLU to the linear line", abs(end / line - 1) < 0.05, linear=line, large=end, none=middle("beta", 0.0)
    )

    def singular(act: str, depth: int, seed: int) -> dict:
        n, b = 24, 12
        z = mg.randn(b, n, dtype=mg.float64)
        with mg.no_grad():
            for _ in range(depth - 1):
                z = nn.Sequential(*layer(n, act, 1e-12, 1.0, 0.0))(z)
        matrix = jacobian(nn.Sequential(*layer(n, act, 1e-12, 1.0, 0.0)), z.detach())
        return {"values": np.linalg.svd(matrix.numpy().reshape(b * n, b * n), compute_uv=False).tolist()}

    spectra = run.sweep(singular, act=["linear", "relu"], depth=[1, 8], seed=run.seeds)
    for act in ("linear", "relu"):
        values = np.array([v for row in column(spectra, "values", act=act, depth=8) for v in row])
        near, gone = float((abs(values - 1) < 0.2).mean()), float((values < 1e-6).mean())
        run.check("most singular values of the layer's Jacobian are close to 1 (0.8 to 1.2)", near > 0.5, act,
                  share=near, share_of_zeros=gone, largest=float(values.max()))  # fmt: skip
    run.keep(knobs=knobs, spectra=spectra)

    def draw(left, middle_axes, right):
        left.plot(
            [0.01 * k for k in range(1, 211)], [eps_line(0.01 * k) for k in range(1, 211)], label="theory, B → ∞", **THEORY
        )
        places = {
            "eps": (left, sizes, "ε"),
            "gamma": (middle_axes, gammas, "tanh, by γ"),
            "beta": (middle_axes, betas, "ReLU, by β"),
        }
        for k, (knob, (axes, values, name)) in enumerate(places.items()):
            runs = [[c["value"] for c in knobs[knob] if c["seed"] == s] for s in run.seeds]
            band(axes, values, runs, "ReLU, measured" if knob == "eps" else name, marker="o", color=f"C{k}")
        left.set(xlabel="ε", ylabel="factor per layer", title="ε as a knob", ylim=(0, 1.8))
        middle_axes.axhline(line, label="linear net", **THEORY)
        middle_axes.set(xlabel="γ or β", ylabel="factor per layer", title="towards the linear regime")
        for k, act in enumerate(("linear", "relu")):
            values = [v for row in column(spectra, "values", act=act, depth=8) for v in row]
            right.hist(values, bins=40, histtype="step", density=True, color=f"C{k}", label=act)
        right.axvline(1, color="black", linewidth=0.8, linestyle=":")
        right.set(xlabel="singular value", ylabel="density", title="Jacobian of the eighth layer")
        for axes in (left, middle_axes, right):
            axes.legend()

    run.draw(draw, columns=3, size=(14, 3.9))


if __name__ == "__main__":
    main(measure)
