"""L-BFGS: Newton's method with a curvature that is remembered, not computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..core import MODE, Tensor, mode
from ..ops.create import tensor
from ..ops.functions import cat, dot, view_as_real, zeros_like
from .optimizer import Optimizer, gradient, number, parameters

DECREASE, FLATNESS = 1e-4, 0.9  # of the strong Wolfe conditions: c1 and c2


class LBFGS(Optimizer):
    """p <- p + t d, with d = -H g and H the inverse Hessian as the last `history_size` steps and gradients show it.

    `step(closure)` makes up to `max_iter` such moves, for which the closure (which must set the gradients and return the
    loss) is called up to about `max_eval` times (default: 5/4 max_iter). It stops early when no gradient exceeds
    `tolerance_grad`, or loss and parameters change less than `tolerance_change`. t is `lr`, or with
    `line_search_fn="strong_wolfe"` what a search along d that starts there finds. One group of parameters only.

    Since it decides by values, a recorded step can't be played again. Raises ValueError or TypeError for options out of
    range. Source: Nocedal & Wright 2006, Numerical Optimization, Algorithms 7.4 and 7.5; 3.5 and 3.6 (the search).
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None and isinstance(max_iter, int):
            max_eval = max_iter * 5 // 4
        super().__init__(params, dict(lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad,
                                      tolerance_change=tolerance_change, history_size=history_size,
                                      line_search_fn=line_search_fn))  # fmt: skip

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: expected one group of parameters, without options of its own")
        super().add_param_group(param_group)

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "tolerance_grad", "tolerance_change"):
            number("LBFGS", name, group[name], 0)
        for name in ("max_iter", "max_eval", "history_size"):
            if isinstance(group[name], bool) or not isinstance(group[name], int):
                raise TypeError(f"LBFGS: {name} must be an integer, got {group[name]!r}")
            number("LBFGS", name, group[name], 1)
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {group['line_search_fn']!r}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move up to `max_iter` times; returns the loss before the first move."""
        if closure is None:
            raise TypeError("LBFGS: step() needs a closure that computes the loss and the gradients anew")
        for listener in MODE.get().listeners:
            if hasattr(listener, "unheard"):
                listener.unheard("LBFGS chooses its moves by the values it meets")
        group, params = self.param_groups[0], self.param_groups[0]["params"]
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        calls = 0

        def evaluate() -> Any:
            nonlocal calls
            calls += 1
            state["func_evals"] += 1
            with mode(grad=True):
                return closure()

        with mode(grad=False):
            first = evaluate()
            loss, g = float(first), self._gradient(params)
            for moves in range(1, group["max_iter"] + 1):
                if size(g) <= group["tolerance_grad"]:
                    break
                state["n_iter"] += 1
                d = self._direction(state, g, group["history_size"])
                t = float(group["lr"]) * (min(1.0, 1 / g.abs().sum().item()) if state["n_iter"] == 1 else 1.0)
                state.update(d=d, t=t, prev_flat_grad=g, prev_loss=loss)
                slope = dot(g, d).item()
                if slope > -group["tolerance_change"]:
                    break
                old, x = loss, [p.clone() for p in params]
                if group["line_search_fn"]:

                    def trial(t: float, x: list = x, d: Tensor = d) -> Trial:
                        move(params, x, t, d)
                        f, g = float(evaluate()), self._gradient(params)
                        return Trial(t, f, g, dot(g, d).item())

                    here, room = Trial(0.0, loss, g, slope), group["max_eval"] - calls
                    t, loss, g, _ = wolfe(trial, here, t, size(d), group["tolerance_change"], room)
                    state["t"] = t
                    move(params, x, t, d)
                else:
                    move(params, x, t, d)
                    if moves < group["max_iter"]:
                        loss, g = float(evaluate()), self._gradient(params)
                if calls >= group["max_eval"] or size(d) * abs(t) <= group["tolerance_change"]:
                    break
                if abs(loss - old) < group["tolerance_change"]:
                    break
        return first

    def _gradient(self, params: list[Tensor]) -> Tensor:
        """All gradients end to end, zeros for a parameter without."""
        parts = [zeros_like(p) if p.grad is None else gradient(self, p) for p in params]
        return cat([(view_as_real(g) if g.dtype.is_complex else g).detach().reshape(-1) for g in parts])

    def _direction(self, state: dict[str, Any], g: Tensor, most: int) -> Tensor:
        """-H g, after what the last move taught has entered the memory."""
        if "d" not in state:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        changes, moves, ro = state["old_dirs"], state["old_stps"], state["ro"]
        change, moved = g - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = dot(change, moved).item()
        if curvature > 1e-10:
            changes.append(change)
            moves.append(moved)
            ro.append(1 / curvature)
            for memory in (changes, moves, ro):
                del memory[:-most]
            state["H_diag"] = curvature / dot(change, change).item()
        q, parts = -g, []
        for s, y, r in zip(reversed(moves), reversed(changes), reversed(ro), strict=True):
            parts.append(dot(s, q).item() * r)
            q = q - parts[-1] * y
        q = q * state["H_diag"]
        for s, y, r, part in zip(moves, changes, ro, reversed(parts), strict=True):
            q = q + (part - dot(y, q).item() * r) * s
        return q

    def fitted(self, who: str, p: Tensor, name: str, value: Any) -> Any:
        """A copy of a loaded state: it belongs to all parameters, so it has their length."""
        if isinstance(value, (list, tuple)):
            return [self.fitted(who, p, name, x) for x in value]
        if not isinstance(value, Tensor):
            return value
        n = sum(x.array.size * (2 if x.dtype.is_complex else 1) for x in parameters(self))
        if value.ndim and tuple(value.shape) != (n,):
            raise ValueError(f"{who}: expected shape {(n,)}, got {tuple(value.shape)}")
        return tensor(value, dtype=p.dtype.to_real(), device=p.device) if value.ndim else value.item()


class Trial(NamedTuple):
    """A point x + t d of a line: its loss, its gradient, and the slope of the loss along d."""

    t: float
    f: float
    g: Tensor
    slope: float


def move(params: list[Tensor], x: list[Tensor], t: float, d: Tensor) -> None:
    """params <- x + t d, with d for all of them end to end."""
    at = 0
    for p, start in zip(params, x, strict=True):
        if p.dtype.is_complex:
            p, start = view_as_real(p), view_as_real(start)
        end = at + p.array.size
        p.copy_(start + t * d[at:end].reshape(p.shape))
        at = end


def size(x: Tensor) -> float:
    """The largest |x|."""
    return x.abs().max().item()


def wolfe(trial: Callable[[float], Trial], start: Trial, t: float, length: float, tolerance: float, most: int) -> Trial:
    """A point that meets the strong Wolfe conditions, or the best of the bracket when `most` trials have been made.

    f <= f0 + c1 t slope0 and |slope| <= c2 |slope0|. First the steps grow until a bracket holds such a point, then it
    shrinks around the lower end. Source: Nocedal & Wright 2006, Algorithms 3.5 and 3.6.
    """

    def too_high(x: Trial) -> bool:
        return x.f > start.f + DECREASE * x.t * start.slope

    def flat(x: Trial) -> bool:
        return abs(x.slope) <= -FLATNESS * start.slope

    before, now = start, trial(t)
    for n in range(most):
        if too_high(now) or (n > 1 and now.f >= before.f):
            break
        if flat(now):
            return now
        if now.slope >= 0:
            break
        t = lowest(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, trial(t)
    else:
        n, before = most, start
    return zoomed(trial, [before, now], too_high, flat, length, tolerance, most - n)


def zoomed(trial: Callable[[float], Trial], ends: list[Trial], too_high: Callable, flat: Callable, length: float,
           tolerance: float, most: int) -> Trial:  # fmt: skip
    """The bracket made smaller, up to `most` times; returns its lower end."""
    low, near = int(ends[0].f > ends[1].f), False
    for _ in range(most):
        left, right = sorted(x.t for x in ends)
        if (right - left) * length < tolerance:
            break
        t, margin = lowest(ends[0], ends[1], left, right), 0.1 * (right - left)
        at_end = min(right - t, t - left) < margin
        if at_end and (near or t >= right or t <= left):  # twice near an end is no progress: step away from it
            t, at_end = right - margin if right - t < t - left else left + margin, False
        near = at_end
        now = trial(t)
        if too_high(now) or now.f >= ends[low].f:
            ends[1 - low] = now
            low = int(ends[0].f > ends[1].f)
            continue
        if flat(now):
            return now
        if now.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = now
    return ends[low]


def lowest(a: Trial, b: Trial, least: float, most: float) -> float:
    """Where the cubic with the values and slopes of two points is lowest, within bounds; their middle if it is nowhere.

    Source: Nocedal & Wright 2006, eq. 3.59.
    """
    a, b = (a, b) if a.t <= b.t else (b, a)
    bend = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t) if a.t < b.t else math.nan
    square = bend * bend - a.slope * b.slope
    root = math.sqrt(square) if square >= 0 else math.nan
    bottom = b.slope - a.slope + 2 * root
    if not bottom:
        return (least + most) / 2
    t = b.t - (b.t - a.t) * ((b.slope + root - bend) / bottom)
    if math.isnan(t):
        return (least + most) / 2
    return min(max(t, least), most)
