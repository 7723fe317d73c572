"""What the labs measure with: gradients, smoothness, curvature, landscapes, statistics, sweeps and the theory meter."""

from .curvature import Condition, Hessian, Ritz, condition, hvp, lanczos, participation, power_iteration
from .gradients import Along, along_gradient, gradient_lipschitz, gradient_norms, layer_gradients, lipschitz, norm, outputs
from .landscape import contour, direction, slice_along
from .meter import Meter, batch_norm_growth, theory_meter
from .statistics import activations, running_convergence, stationary_sd, steps_until, summary
from .sweeps import column, spread, sweep
from .vectors import flat, gradient, kept, move

__all__ = ["Along", "Condition", "Hessian", "Meter", "Ritz", "activations", "along_gradient", "batch_norm_growth", "column",
           "condition", "contour", "direction", "flat", "gradient", "gradient_lipschitz", "gradient_norms", "hvp", "kept",
           "lanczos", "layer_gradients", "lipschitz", "move", "norm", "outputs", "participation", "power_iteration",
           "running_convergence", "slice_along", "spread", "stationary_sd", "steps_until", "summary", "sweep",
           "theory_meter"]  # fmt: skip
