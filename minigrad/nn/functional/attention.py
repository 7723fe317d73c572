"""Attention: each query takes a mean of the values, weighted by how well its key fits."""

from __future__ import annotations

import math

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from ...ops.arithmetic import cast, where
from ...ops.attention import attention_op, causal_mask
from ...ops.compose import repeat_interleave
from ...ops.create import zeros
from ...ops.matmul import matmul_op
from ...ops.norm import softmax_op
from ...ops.operands import broadcastable, tensor_of
from ...ops.random import torch_source
from ...ops.reduce import all, mean_op
from ...ops.shape import cat, expand, permute_op, reshape_op, slice_op
from .checks import one_type
from .dropout import dropout
from .linear import linear

SDPA = "scaled_dot_product_attention"
MHA = "multi_head_attention_forward"


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(scale query key^T + mask) value; (..., L, E), (..., S, E), (..., S, V) -> (..., L, V).

    `scale` is 1/sqrt(E) unless given. `attn_mask` broadcasts to (..., L, S): True where a key takes part, or numbers to
    add. With `is_causal` query i sees keys 0 ... i. A query that sees no key gives 0. Dropout works on the weights,
    always. With `enable_gqa` the heads (dimension -3) of key and value are fewer, each shared by a group of queries.
    Raises ShapeError that names the shapes. Source: Vaswani et al. 2017, eq. 1; Ainslie et al. 2023 (groups).
    """
    check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = (grouped(query, t, name) for t, name in ((key, "key"), (value, "value")))
    if not key.array.shape[-2]:  # softmax over no keys has no largest score
        return matmul_op(matmul_op(query, key.mT), value)
    factor = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else float(scale)
    if attn_mask is None and not dropout_p and query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        return attention_op(query, key, value, scale=factor, causal=bool(is_causal))
    scores = matmul_op(query * factor, key.mT)  # (..., L, S)
    blind = None
    if is_causal:
        scores = where(causal_mask(query, key), scores, -math.inf)
    elif attn_mask is not None:
        hidden = ~attn_mask if attn_mask.dtype.name == "bool" else attn_mask == -math.inf
        blind = all(hidden, -1, keepdim=True)  # rows that see nothing: computed without mask, then set to 0
        if attn_mask.dtype.name == "bool":
            scores = where(attn_mask | blind, scores, -math.inf)
        else:
            scores = scores + where(blind, 0.0, attn_mask)
    weights = dropout(softmax_op(scores, dim=scores.ndim - 1), dropout_p)
    y = matmul_op(weights, value)
    return y if blind is None else where(blind, 0.0, y)


def check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    """Raise unless shapes and types fit each other."""
    for name, t in (("query", query), ("key", key), ("value", value)):
        if tensor_of(SDPA, t, name).ndim < 2:
            raise ShapeError(f"{SDPA}: {name} must be (..., length, features), got {tuple(t.shape)}")
        one_type(SDPA, query, t, name)
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(f"{SDPA}: expected query (..., L, E), key (..., S, E), value (..., S, V), got "
                         f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}")  # fmt: skip
    if mask is None:
        return
    if is_causal:
        raise RuntimeError(f"{SDPA}: Explicit attn_mask should not be set when is_causal=True. Hint: put both into the mask")
    tensor_of(SDPA, mask, "attn_mask")
    if mask.dtype.name != "bool" and mask.dtype is not query.dtype:
        raise DTypeError(f"{SDPA}: attn_mask must be boolean or of the query's type {query.dtype!r}, got {mask.dtype!r}")
    if not broadcastable([tuple(mask.shape), (query.shape[-2], key.shape[-2])]):
        raise ShapeError(f"{SDPA}: attn_mask must broadcast to (..., L, S) = (..., {query.shape[-2]}, {key.shape[-2]}), "
                         f"got {tuple(mask.shape)}")  # fmt: skip


def grouped(query: Tensor, t: Tensor, name: str) -> Tensor:
    """Each head of `t` as often as queries share it: (..., H, S, E) -> (..., Hq, S, E)."""
    if query.ndim < 3 or t.ndim < 3 or query.shape[-3] % max(t.shape[-3], 1):
        raise ShapeError(f"{SDPA}: with enable_gqa the heads of the query must be a multiple of those of the {name}, got "
                         f"{tuple(query.shape)} and {tuple(t.shape)}")  # fmt: skip
    times = query.shape[-3] // t.shape[-3]
    return t if times == 1 else repeat_interleave(t, times, t.ndim - 3)


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
    out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True,
    key_padding_mask: Tensor | None = None, need_weights: bool = True, attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None,
    average_attn_weights: bool = True, is_causal: bool = False, batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention of `num_heads` projections of query, key and value, their results joined and projected once more.

    (L, B, E), (S, B, Ek), (S, B, Ev) -> (L, B, E) and, with `need_weights`, the weights (B, L, S), the mean over heads
    if `average_attn_weights`, else (B, H, L, S). B may be missing; with `batch_first` (this package's own argument) it
    comes first. in_proj_weight (3 E, E) holds the three projections, or with `use_separate_proj_weight` the three
    others. key_padding_mask (B, S) and attn_mask (L, S) or (B H, L, S): True where a key takes no part, or numbers to
    add. `is_causal` is a hint that attn_mask is causal. bias_k, bias_v (1, 1, E) and `add_zero_attn` each add a key.
    A query that sees no key gives nan with `need_weights`, as in PyTorch, else 0.

    Raises ShapeError that names the shapes. Source: Vaswani et al. 2017, §3.2.2.
    """
    who, at = MHA, 0 if batch_first else 1  # where the batch dimension is
    batched = check_heads(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if is_causal and attn_mask is None:
        raise RuntimeError(f"{who}: Need attn_mask if specifying the is_causal hint. "
                           "Hint: Transformer.generate_square_subsequent_mask makes one")  # fmt: skip
    if not batched:
        query, key, value = (t.unsqueeze(at) for t in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if key.shape[:2] != value.shape[:2] or query.shape[at] != key.shape[at]:
        raise ShapeError(f"{who}: query, key and value must be one batch, and key and value of one length, got "
                         f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}")  # fmt: skip
    batch, length, source = query.shape[at], query.shape[1 - at], key.shape[1 - at]
    drop_mask = is_causal and key_padding_mask is None and not need_weights
    mask = None if drop_mask else attention_mask(attn_mask, query, batch, num_heads, length, source)
    padding = padding_mask(key_padding_mask, query, batch, source)

    weights = [q_proj_weight, k_proj_weight, v_proj_weight] if use_separate_proj_weight else thirds(in_proj_weight)
    projections = [w for w in weights if w is not None]
    if len(projections) < 3:
        raise TypeError(f"{who}: use_separate_proj_weight is {use_separate_proj_weight}, but its projections are None")
    inputs = zip((query, key, value), projections, thirds(in_proj_bias), strict=True)
    q, k, v = (to_heads(linear(x, w, b), num_heads, batch_first) for x, w, b in inputs)  # (B, H, ..., d)
    k, v = (fixed(t, static, name) for t, static, name in ((k, static_k, "static_k"), (v, static_v, "static_v")))
    if bias_k is not None or bias_v is not None:
        if bias_k is None or bias_v is None or static_k is not None or static_v is not None:
            raise ValueError(f"{who}: bias_k and bias_v come together, and not with static keys or values")
        k, v = (one_more(t, to_heads(b.reshape(1, 1, -1), num_heads, True)) for t, b in ((k, bias_k), (v, bias_v)))
        mask, padding = one_open(mask), one_open(padding)
    if add_zero_attn:
        nothing = zeros(1, 1, 1, 1, dtype=k.dtype, device=k.device)
        k, v = one_more(k, nothing), one_more(v, nothing)
        mask, padding = one_open(mask), one_open(padding)
    if mask is None or padding is None:
        mask = padding if mask is None else mask
    else:
        mask = mask + padding
    dropout_p = dropout_p if training else 0.0
    if not need_weights:
        y = scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal and padding is None)
        shares = None
    else:
        scores = matmul_op(q * math.sqrt(1 / q.shape[-1]), k.mT)
        shares = dropout(softmax_op(scores if mask is None else scores + mask, dim=3), dropout_p)
        y = matmul_op(shares, v)
    along = batch_first and not torch_source(None)  # PyTorch has the batch second in memory, and draws noise in that order
    y = linear(from_heads(y, along), out_proj_weight, out_proj_bias)
    y = y if along is batch_first else y.transpose(0, 1)
    if shares is not None and average_attn_weights:
        shares = mean_op(shares, dim=(1,))
    if batched:
        return y, shares
    return y.squeeze(at), None if shares is None else shares.squeeze(0)


def check_heads(query: Tensor, key: Tensor, value: Tensor, width: int, heads: int, separate: bool) -> bool:
    """Raise unless the inputs have the right number of dimensions and features; whether there is a batch."""
    for name, t in (("query", query), ("key", key), ("value", value)):
        if tensor_of(MHA, t, name).ndim != query.ndim or query.ndim not in (2, 3):
            raise ShapeError(f"{MHA}: query, key and value must be all 2-D (no batch) or all 3-D, got {name} "
                             f"{tuple(t.shape)} with query {tuple(query.shape)}")  # fmt: skip
    if query.shape[-1] != width:
        raise ShapeError(f"{MHA}: was expecting embedding dimension of {width}, but got query {tuple(query.shape)}")
    if width % heads:
        raise ShapeError(f"{MHA}: embed_dim {width} not divisible by num_heads {heads}")
    if not separate and key.shape != value.shape:
        raise ShapeError(f"{MHA}: key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}")
    return query.ndim == 3


def additive(name: str, mask: Tensor, query: Tensor) -> Tensor:
    """A mask as numbers to add: True, where a key is hidden, as -inf."""
    if mask.dtype.name == "bool":
        return where(mask, -math.inf, zeros(1, dtype=query.dtype, device=query.device))
    if not mask.dtype.is_floating_point:
        raise DTypeError(f"{MHA}: only bool and floating types of {name} are supported, got {mask.dtype!r}")
    return mask if mask.dtype is query.dtype else cast(mask, dtype=query.dtype)


def attention_mask(mask: Tensor | None, query: Tensor, batch: int, heads: int, length: int, source: int) -> Tensor | None:
    """(L, S) or (B H, L, S) -> (1, 1, L, S) or (B, H, L, S), as numbers to add."""
    if mask is None:
        return None
    shape = tuple(tensor_of(MHA, mask, "attn_mask").shape)
    if shape not in ((length, source), (batch * heads, length, source)):
        raise ShapeError(f"{MHA}: The shape of attn_mask should be (L, S) = {(length, source)} or (B H, L, S) = "
                         f"{(batch * heads, length, source)}, got {shape}")  # fmt: skip
    full = (1, 1, *shape) if mask.ndim == 2 else (batch, heads, length, source)
    return reshape_op(additive("attn_mask", mask, query), shape=full)


def padding_mask(mask: Tensor | None, query: Tensor, batch: int, source: int) -> Tensor | None:
    """(B, S) -> (B, 1, 1, S), as numbers to add."""
    if mask is None:
        return None
    if tuple(tensor_of(MHA, mask, "key_padding_mask").shape) != (batch, source):
        raise ShapeError(f"{MHA}: key_padding_mask must be (B, S) = {(batch, source)}, got {tuple(mask.shape)}")
    return reshape_op(additive("key_padding_mask", mask, query), shape=(batch, 1, 1, source))


def thirds(packed: Tensor | None) -> list[Tensor | None]:
    """The parts for query, key and value of (3 E, ...)."""
    if packed is None:
        return [None, None, None]
    width = packed.shape[0] // 3
    return [slice_op(packed, index=(slice(k * width, (k + 1) * width), ...)) for k in range(3)]


def to_heads(x: Tensor, heads: int, batch_first: bool) -> Tensor:
    """(L, B, H d), or with batch_first (B, L, H d), -> (B, H, L, d)."""
    split = reshape_op(x, shape=(*x.shape[:2], heads, x.shape[2] // heads))
    return permute_op(split, dims=(0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


def from_heads(x: Tensor, batch_first: bool) -> Tensor:
    """(B, H, L, d) -> (L, B, H d), or with batch_first (B, L, H d)."""
    turned = permute_op(x, dims=(0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
    return reshape_op(turned, shape=(*turned.shape[:2], x.shape[1] * x.shape[3]))


def fixed(t: Tensor, static: Tensor | None, name: str) -> Tensor:
    """`static`, (B H, S, d), in place of the heads (B, H, ..., d) if it is given."""
    if static is None:
        return t
    batch, heads, _, width = t.shape
    if tensor_of(MHA, static, name).ndim != 3 or (static.shape[0], static.shape[2]) != (batch * heads, width):
        raise ShapeError(f"{MHA}: {name} must be (B H, S, d) = ({batch * heads}, S, {width}), got {tuple(static.shape)}")
    return reshape_op(static, shape=(batch, heads, static.shape[1], width))


def one_more(t: Tensor, row: Tensor) -> Tensor:
    """(B, H, S, d) with a row (1, H or 1, 1, d) at the end: (B, H, S + 1, d)."""
    return cat([t, expand(row, (*t.shape[:2], 1, t.shape[3]))], 2)


def one_open(mask: Tensor | None) -> Tensor | None:
    """A mask to add, with one more key that everyone sees."""
    return None if mask is None else cat([mask, zeros(*mask.shape[:-1], 1, dtype=mask.dtype, device=mask.device)], 3)
