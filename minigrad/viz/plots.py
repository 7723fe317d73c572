"""Plots of training and of its results, with matplotlib, which is imported when one is drawn.

Each function returns the figure, which `figure.savefig(path)` writes; given `ax=`, it draws on those axes and returns theirs.
`theme` is "light" or "dark"; if it isn't given, that of the axes, or light.
"""

from .plots_results import confusion_matrix, conv_filters, decision_boundary, loss_contour, loss_slice, sample_predictions
from .plots_training import activation_histograms, dead_units, gradient_flow, learning_curves

__all__ = ["activation_histograms", "confusion_matrix", "conv_filters", "dead_units", "decision_boundary", "gradient_flow",
           "learning_curves", "loss_contour", "loss_slice", "sample_predictions"]  # fmt: skip
