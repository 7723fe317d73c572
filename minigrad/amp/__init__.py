"""Automatic mixed precision under PyTorch's names: `autocast`, `GradScaler`, `custom_fwd`, `custom_bwd`."""

from .casting import autocast, is_autocast_available
from .custom import custom_bwd, custom_fwd
from .scaler import GradScaler

__all__ = ["autocast", "custom_bwd", "custom_fwd", "GradScaler", "is_autocast_available"]
