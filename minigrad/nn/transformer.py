"""Transformers: attention and small networks in turn, each beside a shortcut and normalised."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import full
from ..ops.diagonal import triu
from . import functional as F
from . import init
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .norm import LayerNorm

Activation = str | Callable[[Tensor], Tensor]


class Block(Module):
    """What the layers of encoder and decoder have in common: self-attention, the network linear1, activation, dropout,
    linear2, and `sublayers` shortcuts of the form norm(x + f(x)), or x + f(norm(x)) if `norm_first`."""

    sublayers: int

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made)
        if self.sublayers == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm_first = norm_first
        for k in range(1, self.sublayers + 1):
            setattr(self, f"norm{k}", LayerNorm(d_model, layer_norm_eps, **made))
        for k in range(1, self.sublayers + 1):
            setattr(self, f"dropout{k}", Dropout(dropout))
        self.activation = activation_of(activation)

    def beside(self, x: Tensor, k: int, f: Callable[[Tensor], Tensor]) -> Tensor:
        """Sublayer `k`: f beside a shortcut."""
        norm = getattr(self, f"norm{k}")
        return x + f(norm(x)) if self.norm_first else norm(x + f(x))

    # Subclasses with a `forward` of their own call these by PyTorch's names.

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        """Self-attention and dropout."""
        return self.dropout1(self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        """The network and dropout."""
        return getattr(self, f"dropout{self.sublayers}")(self.linear2(self.dropout(self.activation(self.linear1(x)))))


def activation_of(activation: Activation) -> Callable[[Tensor], Tensor]:
    """The function "relu" or "gelu"; what is no name stays."""
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}. Hint: any other may be given as a function")
    return getattr(F, activation)


class TransformerEncoderLayer(Block):
    """x + self-attention, then x + linear2(activation(linear1(x))), each normalised; (T, B, d_model) -> the same shape.

    `norm_first` normalises before instead of after. With `batch_first` (B, T, d_model); B may be missing. Masks as in
    `MultiheadAttention`: `src_mask` (T, T), `src_key_padding_mask` (B, T), True where a position is hidden.
    Source: Vaswani et al. 2017, §3.1; norm_first: Xiong et al. 2020.
    """

    sublayers = 2

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        def attended(x: Tensor) -> Tensor:
            return self._sa_block(x, src_mask, src_key_padding_mask, is_causal)

        return self.beside(self.beside(src, 1, attended), 2, self._ff_block)


class TransformerDecoderLayer(Block):
    """x + self-attention, x + attention to `memory`, x + linear2(activation(linear1(x))), each normalised.

    (T, B, d_model), (S, B, d_model) -> (T, B, d_model); for the rest see `TransformerEncoderLayer`.
    """

    sublayers = 3

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        def attended(x: Tensor) -> Tensor:
            return self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)

        def informed(x: Tensor) -> Tensor:
            return self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)

        return self.beside(self.beside(self.beside(tgt, 1, attended), 2, informed), 3, self._ff_block)

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        """Attention to `mem` and dropout."""
        return self.dropout2(self.multihead_attn(x, mem, mem, key_padding_mask, False, attn_mask, is_causal=is_causal)[0])


class TransformerEncoder(Module):
    """`num_layers` copies of a layer, one after another, then `norm` if there is one.

    `enable_nested_tensor` and `mask_check`, about PyTorch's shortcut in evaluation, are accepted and change nothing:
    padded positions are computed in evaluation as in training, where PyTorch's shortcut writes zeros.
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = copies(encoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """`num_layers` copies of a layer, one after another, all with the same `memory`, then `norm` if there is one."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = copies(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


def copies(layer: Module, n: int) -> ModuleList:
    """`n` copies of a layer, each with parameters of its own, equal at first."""
    return ModuleList(copy.deepcopy(layer) for _ in range(n))


class Transformer(Module):
    """Encoder and decoder; src (S, B, d_model), tgt (T, B, d_model) -> (T, B, d_model).

    With `batch_first` B comes first; B may be missing. Every parameter with more than one dimension starts
    `xavier_uniform_`. `custom_encoder` and `custom_decoder` take the place of the stacks. Masks as in
    `MultiheadAttention`. Raises ShapeError for another batch or width. Source: Vaswani et al. 2017.
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = "relu",
        custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)
        made = {"bias": bias, "device": device, "dtype": dtype}
        self.encoder = custom_encoder
        if custom_encoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, **made)
            self.encoder = TransformerEncoder(TransformerEncoderLayer(*settings, **made), num_encoder_layers, norm)
        self.decoder = custom_decoder
        if custom_decoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, **made)
            self.decoder = TransformerDecoder(TransformerDecoderLayer(*settings, **made), num_decoder_layers, norm)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw every parameter with more than one dimension anew."""
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz), 0 where a position may look (itself and those before it) and -inf elsewhere."""
        return triu(full((sz, sz), -math.inf, dtype=dtype, device=device), 1)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        at = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[at] != tgt.shape[at]:
            raise ShapeError("Transformer: the batch number of src and tgt must be equal, got "
                             f"{tuple(src.shape)} and {tuple(tgt.shape)}")  # fmt: skip
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(f"Transformer: the feature number of src and tgt must be equal to d_model = {self.d_model}, "
                             f"got {tuple(src.shape)} and {tuple(tgt.shape)}")  # fmt: skip
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
