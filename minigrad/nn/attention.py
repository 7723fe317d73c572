"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from . import functional as F
from . import init
from .linear import Linear, made
from .module import Module


class MultiheadAttention(Module):
    """Attention of `num_heads` projections of query, key and value: see `functional.multi_head_attention_forward`.

    (L, B, E), (S, B, kdim), (S, B, vdim) -> (L, B, E), weights (B, L, S); with `batch_first` B comes first; B may be
    missing. in_proj_weight (3 E, E), or where kdim or vdim is not E q_proj_weight (E, E), k_proj_weight (E, kdim) and
    v_proj_weight (E, vdim), start `xavier_uniform_`, in_proj_bias (3 E) and the bias of out_proj as zeros; `add_bias_kv`
    adds one learned key and value, bias_k and bias_v (1, 1, E), `add_zero_attn` one of zeros. Dropout on the weights.
    Raises ValueError unless num_heads divides embed_dim. Source: Vaswani et al. 2017, §3.2.2.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError("MultiheadAttention: embed_dim and num_heads must be greater than 0 and embed_dim must be "
                             f"divisible by num_heads, got {embed_dim} and {num_heads}")  # fmt: skip
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim)}
        if not self._qkv_same_embed_dim:
            shapes = {"q_proj_weight": (embed_dim, embed_dim), "k_proj_weight": (embed_dim, self.kdim),
                      "v_proj_weight": (embed_dim, self.vdim)}  # fmt: skip
        if bias:
            shapes["in_proj_bias"] = (3 * embed_dim,)  # type: ignore[assignment]
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        if add_bias_kv:
            shapes |= {"bias_k": (1, 1, embed_dim), "bias_v": (1, 1, embed_dim)}  # type: ignore[dict-item]
        for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight", "in_proj_bias", "bias_k", "bias_v"):
            p = made(*shapes[name], device=device, dtype=dtype) if name in shapes else None
            self.register_parameter(name, p)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the projections of the inputs anew; biases become 0."""
        for name, p in self.named_parameters(recurse=False):
            if name.endswith("weight"):
                init.xavier_uniform_(p)
            elif name == "in_proj_bias":
                init.zeros_(p)
            else:
                init.xavier_normal_(p)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None, need_weights: bool = True,
        attn_mask: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        return F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
            batch_first=self.batch_first,
        )  # fmt: skip
