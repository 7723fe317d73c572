"""Tools around layers and their parameters."""

from . import parametrizations, parametrize, prune, rnn
from .clip_grad import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights
from .reparametrize import (
    remove_spectral_norm,
    remove_weight_norm,
    remove_weight_standardization,
    spectral_norm,
    weight_norm,
    weight_standardization,
)
from .running import freeze_batch_norm, momentum_from_keras, recompute_running_stats, unfreeze_batch_norm
