"""Which ops and functions autocast runs in which type, for each kind of device. Source: PyTorch's documentation of torch.amp,
"CPU Ops that can autocast", "CUDA Ops that can autocast".

A name stands for the op if there is one, else for the public function, which is then wrapped (`casting.wrap_functions`). One
difference: reflected and repeated padding keeps the type of its input on the CPU.
"""

from __future__ import annotations

PRODUCTS = """matmul __matmul__ mm bmm linear linear_relu conv conv_relu conv_input conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d contract lstm rnn_tanh rnn_relu""".split()
SUMS_OF_PRODUCTS = "addmm addbmm baddbmm prelu scaled_dot_product_attention multi_head_attention_forward".split()
LOSSES = """binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss hinge_embedding_loss huber_loss
    kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss
    smooth_l1_loss soft_margin_loss triplet_margin_loss""".split()
NORMALIZATIONS = set("batch_norm batch_norm_relu batch_norm_eval group_norm group_norm_relu layer_norm layer_norm_relu".split())

LOWER: dict[str, set[str]] = {  # in the type of the autocast
    "cpu": {*PRODUCTS, *SUMS_OF_PRODUCTS, "vecdot"},
    "cuda": {*PRODUCTS, *SUMS_OF_PRODUCTS, "gru", "addmv", "addr"},
}
FLOAT32: dict[str, set[str]] = {
    "cpu": {
        *LOSSES, *"""binary_cross_entropy prod cholesky inv pinv solve qr_q lu_packed eigenvectors eigenvalues singular_vectors
            singular_values cdist trace quantile nanquantile grid_sample avg_pool3d max_pool3d adaptive_avg_pool3d
            adaptive_max_pool3d max_unpool2d max_unpool3d fractional_max_pool2d fractional_max_pool3d""".split(),
    },
    "cuda": {
        *LOSSES, *"""acos asin cosh sinh tan exp expm1 log log10 log1p log2 pow reciprocal rsqrt softplus softmax log_softmax
            layer_norm layer_norm_relu group_norm group_norm_relu norm prod cumprod cumsum sum erfinv cdist cosine_similarity
            dist normalize softmin""".split(),
    },
}  # fmt: skip
WIDEST: dict[str, set[str]] = {  # in the widest type among the operands
    "cpu": {"cat", "stack", "index_copy"},
    "cuda": {*"cat stack index_copy addcdiv addcmul atan2 bilinear cross".split(),
             *"dot grid_sample setitem scatter_add tensordot".split()},
}  # fmt: skip
AS_THEY_ARE: dict[str, set[str]] = {  # made of products here, but not on PyTorch's lists
    "cpu": {"mv", "dot", "addmv", "outer", "bilinear"},
    "cuda": {"outer"},
}
