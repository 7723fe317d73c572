"""Derivatives as functions, and the modes of recording."""

from . import forward as forward_ad
from .backward import backward, grad
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .hooks import Hook
from .modes import (
    decompose,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = ["GradcheckError", "Hook", "backward", "decompose", "enable_grad", "grad", "gradcheck", "gradgradcheck",
           "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled"]  # fmt: skip
