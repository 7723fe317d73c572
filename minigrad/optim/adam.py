"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.optimizers import adam_, sparse_adam_
from .optimizer import Optimizer, counter, decays, flag, number, plain, rate, real


class Adam(Optimizer):
    """p <- p - lr mhat / (sqrt(vhat) + eps): the running mean of the gradient over that of its square.

    m <- beta1 m + (1 - beta1) g,  mhat = m / (1 - beta1^t);  v <- beta2 v + (1 - beta2) g^2,  vhat = v / (1 - beta2^t)

    `weight_decay` adds weight_decay p to the gradient, or, with `decoupled_weight_decay`, scales p by 1 - lr
    weight_decay (AdamW). `amsgrad` keeps the largest v. `lr` may be a tensor of one element. `foreach`, `fused` and
    `capturable` change nothing here. Raises ValueError or TypeError for options out of range.
    Source: Kingma & Ba 2015, Algorithm 1; Reddi, Kale & Kumar 2018, Algorithm 2 (AMSGrad).
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable, fused=fused,
                                      decoupled_weight_decay=decoupled_weight_decay))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        who = type(self).__name__
        for name in ("lr", "eps", "weight_decay"):
            number(who, name, group[name], 0)
        decays(who, group["betas"])
        for name in ("amsgrad", "maximize", "decoupled_weight_decay"):
            flag(who, name, group[name])
        plain(who, group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step = self.kept(p, "step", counter)
        m, v = self.kept(p, "exp_avg"), self.kept(p, "exp_avg_sq")
        largest = self.kept(p, "max_exp_avg_sq") if group["amsgrad"] else None
        adam_(p, g, m, v, step, largest, rate(group["lr"], p), betas=tuple(group["betas"]), eps=group["eps"],
              weight_decay=group["weight_decay"], decoupled=group["decoupled_weight_decay"],
              maximize=group["maximize"])  # fmt: skip


class AdamW(Adam):
    """Adam, with weight decay taken from the parameter itself before each step: p <- (1 - lr weight_decay) p.

    Arguments as in `Adam`. Source: Loshchilov & Hutter 2019, Decoupled weight decay regularization, Algorithm 2.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)  # fmt: skip


class SparseAdam(Optimizer):
    """Adam for embeddings: in a step only the rows with a gradient are updated, and what is kept for them.

    Takes the sparse gradient of an Embedding with `sparse=True`, and dense ones: a row whose gradient is 0 counts as one that
    has none. Raises ValueError or TypeError for options out of range.
    """

    sparse = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps"):
            number("SparseAdam", name, group[name], 0)
            if not group[name] > 0:
                raise ValueError(f"SparseAdam: Invalid {name}: expected a number > 0, got {group[name]!r}")
        decays("SparseAdam", group["betas"])
        flag("SparseAdam", "maximize", group["maximize"])
        real("SparseAdam", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, m, v = self.kept(p, "step", counter), self.kept(p, "exp_avg"), self.kept(p, "exp_avg_sq")
        sparse_adam_(p, g, step, m, v, rate(group["lr"], p), betas=tuple(group["betas"]), eps=group["eps"],
                     maximize=group["maximize"])  # fmt: skip
