"""The rows of the ops of layers: convolution, pooling, normalization, softmax and the losses."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minigrad.autograd import grad
from minigrad.backends import Window
from minigrad.ops import conv, losses, norm
from minigrad.ops.attention import attention_op
from minigrad.ops.recurrent import KINDS
from minigrad.trace import record

from . import references as ref
from .table import apart, case, fixed, normal, positive, whole

cube = normal(2, 3, 4)


# sliding windows, in 1, 2 and 3 dimensions
def torch_conv(t: Any, x: Any, w: Any, bias: Any = None, *, window: Any) -> Any:
    return getattr(t.nn.functional, f"conv{x.ndim - 2}d")(x, w, bias, *window)


def torch_conv_relu(t: Any, *inputs: Any, window: Any) -> Any:
    return torch_conv(t, *inputs, window=window).relu()


def torch_conv_input(t: Any, out: Any, w: Any, *, shape: Any, window: Any) -> Any:
    n = out.ndim - 2
    reach = [
        (o - 1) * s - 2 * p + d * (k - 1) + 1 for o, s, p, d, k in zip(out.shape[2:], *window[:3], w.shape[2:], strict=True)
    ]
    more = [a - b for a, b in zip(shape[2:], reach, strict=True)]
    stride, padding, dilation, groups = window
    return getattr(t.nn.functional, f"conv_transpose{n}d")(out, w, None, stride, padding, more, groups, dilation)


def torch_conv_weight(t: Any, x: Any, out: Any, *, kernel: Any, window: Any) -> Any:
    size = (out.shape[1], x.shape[1] // window.groups, *kernel)
    return getattr(t.nn.grad, f"conv{x.ndim - 2}d_weight")(x, size, out, *window)


for window, x_size, w_size, out_size in [
    (Window((1,), (0,), (1,)), (2, 2, 5), (3, 2, 3), (2, 3, 3)),
    (Window((2, 1), (1, 0), (1, 2), 2), (2, 4, 4, 5), (2, 2, 3, 2), (2, 2, 2, 3)),
    (Window((2, 2), (1, 1), (1, 1), 3), (1, 3, 4, 4), (3, 1, 3, 3), (1, 3, 2, 2)),
    (Window((1, 2, 1), (0, 1, 0), (1, 1, 1)), (1, 1, 2, 3, 2), (2, 1, 2, 2, 1), (1, 2, 1, 2, 2)),
]:
    case(conv.conv, [normal(*x_size), normal(*w_size), normal(w_size[0])], ref.conv, torch_conv, window=window)
    case(conv.conv_relu, [normal(*x_size), normal(*w_size), normal(w_size[0])], ref.conv_relu, torch_conv_relu, window=window)
    case(
        conv.conv_input,
        [normal(*out_size), normal(*w_size)],
        ref.conv_input,
        torch_conv_input,
        shape=x_size,
        window=window,
    )
    case(
        conv.conv_weight,
        [normal(*x_size), normal(*out_size)],
        ref.conv_weight,
        torch_conv_weight,
        kernel=w_size[2:],
        window=window,
    )
case(conv.conv, [normal(1, 2, 3, 3), normal(2, 2, 1, 1)], ref.conv, torch_conv, window=Window((1, 1), (0, 0), (1, 1)))

for x_size, kernel, sizes, window, ceil in [
    ((2, 2, 5), (2,), (2,), Window((2,), (0,), (1,)), False),
    ((1, 2, 4, 5), (3, 2), (2, 3), Window((2, 2), (1, 1), (1, 1)), False),
    ((1, 1, 5, 5), (2, 2), (3, 3), Window((2, 2), (0, 0), (1, 1)), True),
    ((1, 1, 3, 2, 3), (2, 1, 2), (2, 2, 2), Window((1, 1, 1), (0, 0, 0), (1, 1, 1)), False),
]:

    def torch_max_pool(t: Any, x: Any, *, kernel: Any, window: Any, sizes: Any, ceil: bool = ceil) -> Any:
        pool = getattr(t.nn.functional, f"max_pool{len(kernel)}d")
        return pool(x, kernel, window.stride, window.padding, window.dilation, ceil)

    def torch_sum_pool(t: Any, x: Any, *, kernel: Any, window: Any, sizes: Any, ceil: bool = ceil) -> Any:
        pool = getattr(t.nn.functional, f"avg_pool{len(kernel)}d")
        more = {"divisor_override": 1} if len(kernel) > 1 else {}
        return pool(x, kernel, window.stride, window.padding, ceil, **more) * (1 if more else kernel[0])

    n_c = x_size[:2]
    case(conv.max_pool, [apart(*x_size)], ref.max_pool, torch_max_pool, kernel=kernel, window=window, sizes=sizes)
    best = ref.max_pool(apart(*x_size)(np.random.default_rng(3)), kernel, window, sizes)
    image = fixed(apart(*x_size)(np.random.default_rng(3)))
    case(conv.max_pool_places, [image, fixed(best)], ref.max_pool_places, None, wants=(), kernel=kernel, window=window)
    case(
        conv.max_pool_input,
        [normal(*n_c, *sizes), image, fixed(best)],
        ref.max_pool_input,
        None,
        wants=(0,),
        kernel=kernel,
        window=window,
    )
    case(
        conv.max_pool_take,
        [normal(*x_size), image, fixed(best)],
        ref.max_pool_take,
        None,
        wants=(0,),
        kernel=kernel,
        window=window,
    )
    case(conv.sum_pool, [normal(*x_size)], ref.sum_pool, torch_sum_pool, kernel=kernel, window=window, sizes=sizes)
    case(
        conv.sum_pool_input,
        [normal(*n_c, *sizes)],
        ref.sum_pool_input,
        None,
        shape=x_size,
        kernel=kernel,
        window=window,
    )
case(
    conv.max_pool,
    [apart(1, 1, 5)],
    ref.max_pool,
    lambda t, x, **_: t.nn.functional.max_pool1d(x, 2, 1, 1, 2),
    kernel=(2,),
    window=Window((1,), (1,), (2,)),
    sizes=(5,),
)
case(
    conv.take_places,
    [normal(2, 1, 2, 3), whole(0, 6, 2, 1, 4)],
    ref.take_places,
    lambda t, x, p: t.gather(x.flatten(2), 2, p),
)
case(
    conv.put_places,
    [normal(2, 1, 4), whole(0, 6, 2, 1, 4)],
    ref.put_places,
    lambda t, x, p, shape: t.zeros(2, 1, 6, dtype=x.dtype).scatter_add(2, p, x).reshape(shape),
    shape=(2, 1, 2, 3),
)

# normalization and softmax
EPS = 1e-3


def torch_batch_norm(
    t: Any, x: Any, w: Any, c: Any, mean: Any = None, var: Any = None, momentum: Any = None, *, eps: Any
) -> Any:
    return t.nn.functional.batch_norm(x, mean, var, w, c, True, momentum or 0.1, eps)


def torch_batch_norm_relu(t: Any, *inputs: Any, eps: Any) -> Any:
    return torch_batch_norm(t, *inputs, eps=eps).relu()


def torch_batch_norm_eval(t: Any, x: Any, w: Any, c: Any, mean: Any, var: Any, *, eps: Any) -> Any:
    return t.nn.functional.batch_norm(x, mean, var, w, c, False, 0.1, eps)


def torch_attention(t: Any, *inputs: Any, scale: Any, causal: Any) -> Any:
    with t.nn.attention.sdpa_kernel(t.nn.attention.SDPBackend.MATH):  # the only one with a second derivative
        return t.nn.functional.scaled_dot_product_attention(*inputs, is_causal=causal, scale=scale)


def torch_layer_norm(t: Any, x: Any, w: Any, c: Any, *, dims: Any, eps: Any) -> Any:
    return t.nn.functional.layer_norm(x, tuple(x.shape)[dims[0] :], w, c, eps)


def torch_group_norm(t: Any, x: Any, w: Any, c: Any, *, groups: Any, eps: Any) -> Any:
    return t.nn.functional.group_norm(x, groups, w, c, eps)


def torch_layer_norm_relu(t: Any, *inputs: Any, **options: Any) -> Any:
    return torch_layer_norm(t, *inputs, **options).relu()


def torch_group_norm_relu(t: Any, *inputs: Any, **options: Any) -> Any:
    return torch_group_norm(t, *inputs, **options).relu()


for x_size in ((4, 2), (2, 2, 3), (2, 3, 2, 2)):
    c = x_size[1]
    affine = [normal(*x_size), normal(c), normal(c)]
    tell = [None, None, None]
    case(norm.batch_norm_op, [*affine, *tell], ref.batch_norm, torch_batch_norm, 1e-10, eps=EPS)
    case(
        norm.batch_norm_eval_op,
        [*affine, normal(c), positive(c)],
        ref.batch_norm_eval,
        torch_batch_norm_eval,
        wants=(0, 1, 2),
        eps=EPS,
    )
    case(norm.batch_norm_relu_op, [*affine, *tell], ref.batch_norm_relu, torch_batch_norm_relu, 1e-10, eps=EPS)
case(norm.batch_norm_op, [normal(3, 2), None, None, *tell], ref.batch_norm, torch_batch_norm, 1e-10, eps=EPS)
case(norm.batch_norm_relu_op, [normal(5, 2), None, None, *tell], ref.batch_norm_relu, torch_batch_norm_relu, 1e-10, eps=EPS)
case(
    norm.batch_norm_op,
    [normal(3, 2), normal(2), normal(2), normal(2), positive(2), 0.1],
    ref.batch_norm,
    torch_batch_norm,
    1e-10,
    wants=(0, 1, 2),
    eps=EPS,
)
case(
    norm.batch_norm_eval_op,
    [normal(3, 2), None, None, normal(2), positive(2)],
    ref.batch_norm_eval,
    torch_batch_norm_eval,
    wants=(0,),
    eps=EPS,
)
case(norm.batch_norm_eval_op, [normal(3, 2), normal(2), None, normal(2), positive(2)], ref.batch_norm_eval, None, eps=EPS)
case(
    norm.batch_norm_input,
    [normal(3, 2, 2), normal(3, 2, 2), normal(2), normal(1, 2, 1), positive(1, 2, 1)],
    ref.batch_norm_input,
    None,
    wants=(),
    eps=EPS,
)
case(
    norm.layer_norm_op,
    [normal(2, 3, 4), normal(4), normal(4)],
    ref.layer_norm,
    torch_layer_norm,
    1e-10,
    dims=(2,),
    eps=EPS,
)
case(
    norm.layer_norm_op,
    [normal(2, 3, 4), normal(3, 4), None],
    ref.layer_norm,
    torch_layer_norm,
    1e-10,
    dims=(1, 2),
    eps=EPS,
)
case(norm.layer_norm_op, [normal(2, 3), None, None], ref.layer_norm, torch_layer_norm, 1e-10, dims=(1,), eps=EPS)
for x_size, affine in (((2, 3, 4), [normal(4), normal(4)]), ((3, 5), [normal(5), None]), ((4, 3), [None, None])):
    dims = (len(x_size) - 1,)
    case(
        norm.layer_norm_relu_op,
        [normal(*x_size), *affine],
        ref.layer_norm_relu,
        torch_layer_norm_relu,
        1e-10,
        dims=dims,
        eps=EPS,
    )
for x_size, groups, affine in (
    ((2, 4, 3), 2, [normal(4), normal(4)]),
    ((1, 4, 2, 2), 4, [None, normal(4)]),
    ((3, 4), 2, [normal(4), None]),
    ((2, 3, 2), 1, [None, None]),
):
    beside = None if affine[0] is None and affine[1] is not None else torch_group_norm  # PyTorch's second derivative fails
    case(norm.group_norm_op, [normal(*x_size), *affine], ref.group_norm, beside, 1e-10, groups=groups, eps=EPS)
    beside = beside and torch_group_norm_relu
    case(norm.group_norm_relu_op, [normal(*x_size), *affine], ref.group_norm_relu, beside, 1e-10, groups=groups, eps=EPS)
case(norm.softmax_op, [normal(2, 3)], ref.softmax, dim=1)
case(norm.softmax_op, [cube], ref.softmax, dim=0)
case(norm.softmax_op, [fixed([1000.0, 1000.0])], lambda x, dim: np.array([0.5, 0.5]), dim=0)
case(norm.log_softmax_op, [normal(2, 3)], lambda x, dim: np.log(ref.softmax(x, dim)), dim=1)
case(norm.log_softmax_op, [fixed([1000.0, 1000.0])], lambda x, dim: np.log([0.5, 0.5]), dim=0)
for sizes in ([(3, 4), (5, 4), (5, 2)], [(2, 1, 4, 3), (2, 1, 4, 3), (2, 1, 4, 3)]):
    for causal in (False, True):
        case(attention_op, [normal(*size) for size in sizes], ref.attention, torch_attention, 1e-10, scale=0.3, causal=causal)
case(
    norm.cross_entropy_op,
    [normal(4, 3), fixed([2, 0, -100, 1])],
    ref.cross_entropy,
    lambda t, x, target: t.nn.functional.cross_entropy(x, target, reduction="none"),
)
case(
    norm.cross_entropy_mean_op,
    [normal(4, 3), fixed([2, 0, 0, 1])],
    lambda x, target: ref.cross_entropy(x, target).mean(),
    lambda t, x, target: t.nn.functional.cross_entropy(x, target),
)
case(
    losses.binary_cross_entropy_op,
    [lambda rng: rng.uniform(0.1, 0.9, (2, 3)), lambda rng: rng.uniform(0.1, 0.9, (2, 3))],
    lambda x, t: -(t * np.log(x) + (1 - t) * np.log(1 - x)),
    lambda t, x, target: t.nn.functional.binary_cross_entropy(x, target, reduction="none"),
)
case(
    losses.binary_cross_entropy_op,
    [fixed([0.0, 1.0]), fixed([1.0, 0.5])],
    lambda x, t: np.array([100.0, 50.0]),
    lambda t, x, target: t.nn.functional.binary_cross_entropy(x, target, reduction="none"),
    wants=(),
)
case(norm.cross_entropy_input, [normal(3), fixed([2, -1, 1]), normal(3, 4)], ref.cross_entropy_input, None, wants=())

for kind in KINDS.values():  # steps of one size and of several, forwards and backwards in time, with biases and without
    for sizes, reverse, biases in [((2, 2, 2), False, True), ((3, 2, 1), False, False), ((2, 2, 1), True, True)]:
        rows, bias = kind.gates * 2, [normal(kind.gates * 2) if biases else None] * 2
        inputs = [normal(sum(sizes), 3), normal(rows, 3), normal(rows, 2), *bias, normal(kind.states, sizes[0], 2)]
        case(kind.layer, inputs, partial(ref.recurrent, kind.layer.name), None, sizes=sizes, reverse=reverse)


def heard(layer: Any, k: int, g: Any, *inputs: Any, sizes: tuple, reverse: bool) -> Any:
    """The gradient of input k as the layer's rules give it, which are asked where somebody listens."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    with record():
        return grad(layer(*leaves, sizes=sizes, reverse=reverse), leaves[k], g)[0]


for kind in KINDS.values():
    name, rows = kind.layer.name, kind.gates * 2
    for k in range(6):
        inputs = [normal(4 + 2 * kind.states, 2), normal(4, 3), normal(rows, 3), normal(rows, 2), normal(rows), normal(rows)]
        case(
            partial(heard, kind.layer, k),
            [*inputs, normal(kind.states, 2, 2)],
            partial(ref.recurrent_gradient, name, k),
            None,
            1e-8,
            (),
            f"{name}_gradient",
            sizes=(2, 1, 1),
            reverse=k % 2 > 0,
        )
