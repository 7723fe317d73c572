"""GradScaler: the loss times a large factor, so that small gradients don't vanish in float16, and the way back."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

from ..autograd.modes import no_grad
from ..backends import DTYPES
from ..core import Tensor
from ..ops.compare import isfinite
from ..ops.create import tensor
from .casting import device_kind, is_autocast_available

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scales losses, and steps only where all gradients are finite: a step with inf or NaN is left out and the factor halved.

        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    init_scale                      the first factor
    growth_factor, growth_interval  after so many steps in a row that were taken, the factor grows
    backoff_factor                  by this it shrinks at one that was left out
    enabled                         if false, everything passes through unchanged

    Warns, and is not enabled, where the device is not there.
    Raises ValueError for factors out of range. Source: Micikevicius et al. 2018, §3.2.
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device, self._enabled = device, enabled
        if enabled and not is_autocast_available(device_kind(device)):
            warnings.warn("GradScaler is enabled, but CUDA is not available. Disabling.", stacklevel=2)
            self._enabled = False
        if self._enabled and not (growth_factor > 1 and 0 < backoff_factor < 1):
            raise ValueError(f"GradScaler: expected growth_factor > 1 and 0 < backoff_factor < 1, got {growth_factor!r} and "
                             f"{backoff_factor!r}. Hint: 2.0 and 0.5")  # fmt: skip
        self._scale, self._tracker = float(init_scale), 0
        self._growth_factor, self._backoff_factor, self._growth_interval = growth_factor, backoff_factor, growth_interval
        self._stages: dict[int, str] = defaultdict(lambda: READY)  # of each optimizer, by its id
        self._found: dict[int, bool] = {}  # whether inf or NaN was found among its gradients

    def scale(self, outputs: Any) -> Any:
        """A tensor, or each of a list or tuple, times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * tensor(self._scale, dtype=DTYPES["float32"], device=outputs.device)
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(x) for x in outputs])
        raise ValueError(f"scale: outputs must be a tensor or a list of tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the factor, in place, to clip or look at them before `step`.

        Raises RuntimeError the second time since `update`, or after `step`; ValueError for float16 gradients: parameters stay
        in float32 under autocast.
        """
        if not self._enabled:
            return
        key = id(optimizer)
        if self._stages[key] == UNSCALED:
            raise RuntimeError("GradScaler.unscale_: it has already been called since the last update(). Hint: scaler.update()")
        if self._stages[key] == STEPPED:
            raise RuntimeError("GradScaler.unscale_: called after step(). Hint: before it")
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if any(g.dtype is DTYPES["float16"] for g in grads):
            raise ValueError("GradScaler.unscale_: expected gradients of float32, got float16. Hint: parameters stay float32")
        with no_grad():
            for g in grads:
                g.mul_(1 / self._scale)
            if grads:
                self._found[key] = not all(isfinite(g._values() if g.is_sparse else g).all().item() for g in grads)
        self._stages[key] = UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(...)` with the gradients unscaled, unless one is inf or NaN; then nothing, and None.

        Raises RuntimeError for a closure, and the second time since `update`.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("GradScaler.step: a closure is not supported. Hint: compute the loss before the step")
        key = id(optimizer)
        if self._stages[key] == STEPPED:
            raise RuntimeError("GradScaler.step: it has already been called since the last update(). Hint: scaler.update()")
        if self._stages[key] == READY:
            self.unscale_(optimizer)
        if key not in self._found:
            raise RuntimeError("GradScaler.step: no parameter of the optimizer has a gradient. Hint: backward() first")
        taken = None if self._found[key] else optimizer.step(*args, **kwargs)
        self._stages[key] = STEPPED
        return taken

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Shrink the factor if a step was left out, else count; after `growth_interval` of them it grows. Or set it."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale.item() if isinstance(new_scale, Tensor) else new_scale)
        else:
            if not self._found:
                raise RuntimeError("GradScaler.update: no step was taken since the last update. Hint: scaler.step(optimizer)")
            self._tracker += 1
            if any(self._found.values()):
                self._scale, self._tracker = self._scale * self._backoff_factor, 0
            elif self._tracker == self._growth_interval:
                grown = self._scale * self._growth_factor
                self._scale, self._tracker = grown if grown <= LARGEST else self._scale, 0
        self._stages.clear()
        self._found.clear()

    def get_scale(self) -> float:
        """The factor; 1 if not enabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the factor grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the factor grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the factor shrinks by, after a step with inf or NaN."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the factor shrinks by, after a step with inf or NaN."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the factor grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps the factor grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The factor, how it changes, and the steps since it last did; empty if not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._tracker,
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict()`. Raises RuntimeError for an empty one."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of "
                               "GradScaler.")  # fmt: skip
        self._scale, self._tracker = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]


LARGEST = 3.4028234663852886e38  # of float32, beyond which the factor does not grow
