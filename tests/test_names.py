"""Further names of PyTorch that scripts and tutorials use: what each gives, by other means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad.autograd import gradcheck
from minigrad.backends import ShapeError


def test_parts_and_sums_of_a_shape_are_shapes() -> None:
    shape = minigrad.zeros(2, 3, 4).shape
    for part in (shape[1:], shape[:-1], shape + (1,), (1,) + shape, shape * 2, 2 * shape):
        assert type(part) is minigrad.Size
    assert shape[1:].numel() == 12 and shape[0] == 2 and ((1,) + shape).numel() == 24
    assert repr(minigrad.broadcast_shapes((2,), (3, 1), (1, 1, 1))) == "minigrad.Size([1, 3, 2])"


def test_windows_of_signals_have_requires_grad_and_speak_for_themselves() -> None:
    windows = minigrad.signal.windows
    assert windows.hann(5).tolist() == minigrad.hann_window(5, periodic=False).tolist()
    assert windows.gaussian(5, requires_grad=True).requires_grad
    with pytest.raises(ShapeError, match="^hann: "):
        windows.hann(-1)
    with pytest.raises(TypeError, match=r"^hann: .* int, got float 3\.5"):
        windows.hann(3.5)


def test_istft_is_the_inverse_of_stft() -> None:
    x, window = minigrad.randn(2, 50, dtype="float64"), minigrad.hann_window(12, dtype="float64")
    spectrum = x.stft(12, 4, window=window, return_complex=True)
    assert spectrum.shape == (2, 7, 13)
    assert minigrad.allclose(spectrum.istft(12, 4, window=window, length=50), x)
    by_hand = minigrad.fft.rfft(minigrad.nn.functional.pad(x, (6, 6), "reflect")[1, 8:20] * window)
    assert np.allclose(spectrum[1, :, 2].numpy(), by_hand.numpy())


def test_copies_of_views_lie_in_memory_of_their_own_and_have_gradients() -> None:
    x = minigrad.arange(6.0).reshape(2, 3)
    for copy, view in [
        (minigrad.t_copy(x), x.t()), (minigrad.unsqueeze_copy(x, 0), x.unsqueeze(0)), (minigrad.view_copy(x, (6,)), x.view(6)),
        (minigrad.expand_copy(x, (4, 2, 3)), x.expand(4, 2, 3)), (minigrad.slice_copy(x, 1, 0, 3, 2), x[:, ::2]),
        (minigrad.diagonal_copy(x), x.diagonal()), (minigrad.unfold_copy(x, 1, 2, 1), x.unfold(1, 2, 1)),
        (minigrad.unbind_copy(x)[1], x[1]), (minigrad.split_with_sizes_copy(x, [1, 2], 1)[1], x[:, 1:]),
    ]:  # fmt: skip
        assert copy.tolist() == view.tolist()
        copy.zero_()
        assert x.sum() == 15
    leaf = minigrad.randn(2, 3, dtype="float64", requires_grad=True)
    assert gradcheck(minigrad.t_copy, leaf)
    assert [c.shape for c in minigrad.unsafe_chunk(x, 2, 1)] == [c.shape for c in x.unsafe_split(2, 1)] == [(2, 2), (2, 1)]


def test_as_strided_scatter_has_the_gradients_of_what_it_keeps_and_of_what_it_takes() -> None:
    x, src = (
        minigrad.randn(3, 3, dtype="float64", requires_grad=True),
        minigrad.randn(2, 2, dtype="float64", requires_grad=True),
    )
    y = minigrad.as_strided_scatter(x, src, (2, 2), (1, 2), 1)
    assert y.reshape(-1)[1:5].tolist() == src.t().reshape(-1).tolist()
    assert gradcheck(lambda x, src: x.as_strided_scatter(src, (2, 2), (1, 2), 1), (x, src))


def test_layouts() -> None:
    x = minigrad.empty_strided((2, 3), (1, 2), dtype="float64", requires_grad=True)
    assert x.stride() == (1, 2) and x.is_leaf and x.dim_order() == (1, 0) and x.dtype.name == "float64"
    assert x.new_empty_strided((2, 2), (2, 1)).dtype.name == "float64"
    y = minigrad.empty_permuted((2, 3, 5, 7), (0, 2, 3, 1))
    assert y.shape == (2, 3, 5, 7) and y.stride() == (105, 1, 21, 3) and y.dim_order() == (0, 2, 3, 1)
    assert minigrad.resize_as_(minigrad.ones(4), minigrad.ones(1, 2)).shape == (1, 2)
    with pytest.raises(RuntimeError, match="dim_order: .*unique"):
        minigrad.empty(1, 2, 3).dim_order(ambiguity_check=True)
    with pytest.raises(ShapeError, match="empty_permuted: expected an order of 2 dimensions"):
        minigrad.empty_permuted((2, 3), (0, 0))
    with pytest.raises(TypeError, match="chalf: there is no complex32"):
        x.chalf()


def test_a_fixed_number_of_positions() -> None:
    x = minigrad.tensor([[1, 0], [3, 2]])
    assert minigrad.nonzero_static(x, size=4).tolist() == [[0, 0], [1, 0], [1, 1], [-1, -1]]
    assert x.nonzero_static(size=1, fill_value=7).tolist() == [[0, 0]]


def test_nothing_waits_to_be_conjugated_or_negated() -> None:
    x = minigrad.tensor([1 + 2j])
    assert not x.conj().is_conj() and not minigrad.is_neg(x.conj().imag)
    assert minigrad.conj_physical(x).tolist() == x.conj_physical().tolist() == [1 - 2j]


def test_random_tensors_for_tests() -> None:
    make = minigrad.testing.make_tensor
    x = make((3, 4), dtype=minigrad.float64, low=-1, high=1, requires_grad=True, noncontiguous=True)
    assert x.is_leaf and x.requires_grad and not x.is_contiguous() and bool((x.abs() <= 1).all())
    for kind in ("bool", "uint8", "int64", "float16", "complex64"):
        assert make(2, 3, dtype=getattr(minigrad, kind)).dtype.name == kind
    assert bool((make(50, dtype=minigrad.int64, low=-1, high=2, exclude_zero=True) != 0).all())
    for options in ({"low": 2, "high": 1}, {"requires_grad": True}):
        with pytest.raises(ValueError, match="make_tensor: "):
            make(2, dtype=minigrad.int64, **options)


def test_assert_close_looks_at_strides_layouts_and_subclasses_if_asked() -> None:
    close, x = minigrad.testing.assert_close, minigrad.ones(2, 3).t()
    close(x, minigrad.ones(3, 2), check_stride=False)
    close(minigrad.eye(2).to_sparse(), minigrad.eye(2), check_layout=False)
    close(minigrad.nn.Parameter(x), x)
    for got, want, options, word in [
        (x, minigrad.ones(3, 2), {"check_stride": True}, "stride"),
        (minigrad.eye(2).to_sparse(), minigrad.eye(2), {}, "layout"),
        (minigrad.nn.Parameter(x), x, {"allow_subclasses": False}, "types"),
    ]:  # fmt: skip
        with pytest.raises(AssertionError, match=f"the {word} differ"):
            close(got, want, **options)


def test_a_hook_after_accumulation_may_update_the_leaf_in_place() -> None:
    v = minigrad.zeros(3, requires_grad=True)
    v.register_post_accumulate_grad_hook(lambda p: p.add_(p.grad, alpha=-0.01))
    v.backward(minigrad.tensor([1.0, 2.0, 3.0]))
    assert np.allclose(v.detach().numpy(), [-0.01, -0.02, -0.03]) and v.is_leaf


def test_new_numbers_are_of_the_default_type() -> None:
    whole = minigrad.tensor([1, 2, 4])
    minigrad.set_default_dtype(minigrad.float64)
    try:
        for x in (minigrad.gradient(whole)[0], minigrad.range(1, 4), whole.angle(), whole.cov(), minigrad.logit(whole)):
            assert x.dtype is minigrad.float64
        assert minigrad.tensor([1.2, 3j]).dtype is minigrad.full((2,), 1j).dtype is minigrad.complex128
    finally:
        minigrad.set_default_dtype(minigrad.float32)


def test_storages_are_the_memory_that_views_share() -> None:
    x = minigrad.tensor([[1.0, 2.0], [4.0, 5.0], [3.0, 1.0]])
    view, bytes_ = x.t()[1:], x.untyped_storage()
    assert view.untyped_storage().data_ptr() == bytes_.data_ptr() != x.clone().untyped_storage().data_ptr()
    assert len(bytes_) == bytes_.nbytes() == view.untyped_storage().size() == 24 and bytes_[:4] == [0, 0, 128, 63]
    assert minigrad.is_storage(bytes_) and not minigrad.is_storage(x)
    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        numbers = view.storage()
    numbers[0] = 9.0
    assert x[0, 0] == 9 and numbers.tolist() == [9.0, 2.0, 4.0, 5.0, 3.0, 1.0] and numbers.dtype is minigrad.float32
    assert len(minigrad.UntypedStorage(5)) == 5 and minigrad.TypedStorage(5, dtype=minigrad.float64).nbytes() == 40
    assert repr(numbers).endswith(" 1.0\n[minigrad.storage.TypedStorage(dtype=minigrad.float32, device=cpu) of size 6]")


def test_numbers_in_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "numbers")
    np.arange(5.0).tofile(path)
    mine, shared = (minigrad.from_file(path, shared=s, size=5, dtype=minigrad.float64) for s in (False, True))
    shared[0], mine[1] = 8.0, 100.0
    assert np.fromfile(path).tolist() == [8.0, 1.0, 2.0, 3.0, 4.0] and mine[1] == 100
    with pytest.raises(RuntimeError, match="from_file: .* has 40 bytes, 50 numbers of minigrad.float32 take 200"):
        minigrad.from_file(path, size=50)
    assert minigrad.from_file(str(tmp_path / "new"), shared=True, size=3).tolist() == [0.0, 0.0, 0.0]


def test_dlpack_lends_memory_both_ways() -> None:
    x, array = minigrad.arange(3.0), np.arange(3.0)
    np.from_dlpack(x)
    minigrad.from_dlpack(array)[0] = 5.0
    assert array[0] == 5
    minigrad.utils.dlpack.from_dlpack(minigrad.utils.dlpack.to_dlpack(x))[1] = 7.0
    assert x.tolist() == [0.0, 7.0, 2.0]
    with pytest.raises(RuntimeError, match="require gradient"):
        np.from_dlpack(minigrad.ones(2, requires_grad=True))


def test_counts_of_points_in_bins() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((50, 3)), rng.uniform(size=50)
    for options in ({}, {"range": [-1.0, 1.0, -2.0, 0.5, 0.0, 3.0]}, {"density": True}, {"weight": minigrad.tensor(w)}):
        counts, edges = minigrad.histogramdd(minigrad.tensor(x), [2, 3, 4], **options)
        ends = np.reshape(options["range"], (3, 2)) if "range" in options else None
        weights = w if "weight" in options else None
        want, borders = np.histogramdd(x, [2, 3, 4], ends, "density" in options, weights)
        assert np.allclose(counts.numpy(), want) and all(np.allclose(a, b) for a, b in zip(edges, borders, strict=True))


def test_names_of_types() -> None:
    assert minigrad.typename(minigrad.tensor([1])) == "torch.LongTensor" and minigrad.typename(3) == "int"
    assert minigrad.typename(minigrad.nn.Parameter) == "minigrad.nn.parameter.Parameter"


def test_two_tensors_exchange_what_they_are() -> None:
    layer, other = minigrad.nn.Linear(2, 1), minigrad.arange(3)
    weight, kept = layer.weight, layer.weight.tolist()
    weight.tag, weight.grad = "w", minigrad.ones(1, 2)
    minigrad.utils.swap_tensors(weight, other)
    assert layer.weight is weight and weight.tolist() == [0, 1, 2]
    assert (type(weight), weight.grad, weight.requires_grad, hasattr(weight, "tag")) == (minigrad.Tensor, None, False, False)
    assert other.tolist() == kept and other.grad.tolist() == [[1, 1]] and other.requires_grad
    assert (type(other), other.tag) == (minigrad.nn.Parameter, "w")
    with pytest.raises(RuntimeError, match="swap_tensors: expected two leaves"):
        minigrad.utils.swap_tensors(other * 2, weight)
    future = minigrad.__future__
    future.set_swap_module_params_on_conversion(True)
    assert future.get_swap_module_params_on_conversion() and not future.get_overwrite_module_params_on_conversion()
    future.set_swap_module_params_on_conversion(False)
