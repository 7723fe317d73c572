"""The kin of Adam: Adamax, NAdam and RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.create import ones
from ..ops.optimizers import adamax_, nadam_, radam_
from .optimizer import Optimizer, counter, decays, flag, number, plain, rate
from .packed import product_type


class _Kin(Optimizer):
    """What the three share: the options they check."""

    def check(self, group: dict[str, Any]) -> None:
        who = type(self).__name__
        for name in ("lr", "eps", "weight_decay", "momentum_decay"):
            number(who, name, group.get(name, 0), 0)
        decays(who, group["betas"])
        for name in ("maximize", "decoupled_weight_decay"):
            flag(who, name, group.get(name, False))
        plain(who, group)


class Adamax(_Kin):
    """p <- p - lr / (1 - beta1^t) m / u, with u <- max(beta2 u, |g| + eps) in the place of Adam's root.

    Raises ValueError or TypeError for options out of range. Source: Kingma & Ba 2015, Algorithm 2.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable,
                                      capturable=capturable))  # fmt: skip

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, m, largest = self.kept(p, "step", counter), self.kept(p, "exp_avg"), self.kept(p, "exp_inf")
        adamax_(p, g, step, m, largest, rate(group["lr"], p), betas=tuple(group["betas"]), eps=group["eps"],
                weight_decay=group["weight_decay"], maximize=group["maximize"])  # fmt: skip


class NAdam(_Kin):
    """Adam with Nesterov's momentum: the step looks one momentum ahead.

    p <- p - lr ((1 - u_t) / (1 - U_t) g + u_t+1 / (1 - U_t u_t+1) m) / (sqrt(vhat) + eps),
    with u_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and U_t = u_1 ... u_t.

    Raises ValueError or TypeError for options out of range. Source: Dozat 2016, Incorporating Nesterov momentum into Adam.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                                      momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable))  # fmt: skip

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step = self.kept(p, "step", counter)
        product = self.kept(p, "mu_product", lambda p: ones((), dtype=product_type(p), device=p.device))
        m, v = self.kept(p, "exp_avg"), self.kept(p, "exp_avg_sq")
        nadam_(p, g, step, product, m, v, rate(group["lr"], p), betas=tuple(group["betas"]), eps=group["eps"],
               weight_decay=group["weight_decay"], momentum_decay=group["momentum_decay"],
               decoupled=group["decoupled_weight_decay"], maximize=group["maximize"])  # fmt: skip


class RAdam(_Kin):
    """Adam that starts as plain momentum and lets its second moment in as it becomes reliable, with a factor below 1.

    Raises ValueError or TypeError for options out of range.
    Source: Liu et al. 2020, On the variance of the adaptive learning rate and beyond, Algorithm 2.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      foreach=foreach, capturable=capturable,
                                      decoupled_weight_decay=decoupled_weight_decay,
                                      differentiable=differentiable))  # fmt: skip

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, m, v = self.kept(p, "step", counter), self.kept(p, "exp_avg"), self.kept(p, "exp_avg_sq")
        radam_(p, g, step, m, v, rate(group["lr"], p), betas=tuple(group["betas"]), eps=group["eps"],
               weight_decay=group["weight_decay"], decoupled=group["decoupled_weight_decay"],
               maximize=group["maximize"])  # fmt: skip
