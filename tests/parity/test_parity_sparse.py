"""Sparse tensors beside PyTorch's: what they are, print, compute, and what gradients they take and give."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's: its sparse layouts are in beta


def made(m: Any) -> tuple:
    """s and u (with a place twice) sparse 2 x 4, a stack of rows h, and a dense X, 4 x 2."""
    i, v = m.tensor([[1, 0, 1], [0, 2, 2]]), m.tensor([4.0, 3.0, 5.0])
    s, u = m.sparse_coo_tensor(i, v, (2, 4)), m.sparse_coo_tensor(m.tensor([[1, 1, 0], [0, 0, 2]]), v, (2, 4))
    return s, u, m.sparse_coo_tensor(i, m.arange(6.0).reshape(3, 2), (2, 4, 2)), m.arange(8.0).reshape(4, 2)


SAME = [
    "s", "u", "u.coalesce()", "u.to_dense()", "h", "h.to_dense()", "s @ X", "m.mm(s, X)", "m.matmul(s, X)", "m.spmm(s, X)",
    "m.sparse.mm(u, X)", "s.mm(X)", "s.matmul(X)", "s @ X[:, 0]", "m.mv(s, X[:, 0])", "X.t() @ s.t()", "m.mm(X.t(), s.t())",
    "(s + u).to_dense()", "m.add(s, u).to_dense()", "s.add(u).to_dense()", "(s - u).coalesce()", "s * 2", "2 * s", "s.mul(2)",
    "s / 2", "-s", "s.coalesce() * u.coalesce()", "s.t()", "s.T", "s.transpose(0, 1)", "s.permute(1, 0).coalesce()",
    "m.sparse.sum(s)", "m.sparse.sum(s, 0)", "m.sparse.sum(s, dim=1)", "m.sparse.sum(h, (0, 1))", "m.sparse.sum(h, (0, 2))",
    "s.sum()", "s.sum(1)", "m.sum(s, 0)", "m.sparse.softmax(s, 1)", "m.sparse.log_softmax(s, dim=0)", "s.coalesce().indices()",
    "s.coalesce().values()", "s._indices()", "s._values()", "s._nnz()", "s.sqrt()", "m.abs(s)", "s**2", "s**-1", "s.norm()",
    "(s.sparse_dim(), h.dense_dim(), s.is_sparse, X.is_sparse, s.is_coalesced(), s.shape, s.dim(), s.size(), s.size(0))",
    "(s.dtype, s.device, len(s), s.numel(), s.type(), m.is_tensor(s), s.requires_grad, s.is_leaf, s.is_cuda)",
    "str(s.layout)[-10:]",
    "s.double()", "s.to(m.float64)", "s.long()", "s.cpu()", "s.clone()", "s.detach()", "s.clone().zero_()", "f'{s}'", "s[1]",
    "X.to_sparse()", "X.to_sparse(1)", "X.to_sparse_csr()", "X.to_sparse_csr() @ m.ones(2, 3)", "m.zeros(2, 3).to_sparse()",
    "m.sparse_csr_tensor(m.tensor([0, 1, 3]), m.tensor([2, 0, 2]), m.tensor([3.0, 4.0, 5.0]))", "s[0, 1]", "s.to_sparse_csr()",
    "m.ones(2, 4) * s", "s * m.arange(8.0).reshape(2, 4)", "m.ones(2, 4) + s", "m.cat([s, s]).coalesce()",
    "m.cat([s, s], 1).coalesce()", "s @ s.t()", "m.sparse.mm(s.t(), u)", "m.sparse.addmm(m.ones(2, 2), s, X)",
    "m.addmm(m.ones(2, 2), s, X)", "m.sparse_coo_tensor(s._indices(), s._values())", "m.sparse.DoubleTensor(2, 3)",
    "m.sparse.FloatTensor(s._indices(), s._values(), m.Size([2, 4]))", "m.sparse_coo_tensor((2, 4))", "s.nelement()",
    "m.sparse_coo_tensor([[0, 1], [1, 0]], [1, 2])", "m.arange(8.0).reshape(2, 4).sparse_mask(s.coalesce())",
    "m.sparse_coo_tensor(s._indices(), s._values(), (2, 4), requires_grad=True)", "m.eye(3).to_sparse() @ m.ones(3, 1)",
]  # fmt: skip
REFUSED = [
    "s.indices()", "s.values()", "s + m.ones(2, 4)", "s + 1", "s - m.ones(2, 4)", "s.view(8)", "s.numpy()", "m.exp(s)", "s @ s",
    "s.tolist()", "s.item()", "m.sparse_coo_tensor(s._indices(), s._values()[:2], (2, 4))", "s.crow_indices()", "s.max()",
    "s.mean()", "s.double() @ X", "s @ m.ones(3, 2)", "s == s", "s == 0",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_like_pytorch(text: str) -> None:
    shown = []
    for m in (minigrad, torch):
        s, u, h, X = made(m)
        shown.append(repr(eval(text, {"m": m, "s": s, "u": u, "h": h, "X": X})).replace("minigrad", "torch"))
    assert shown[0] == shown[1]


@pytest.mark.parametrize("text", REFUSED)
def test_refused_as_in_pytorch(text: str) -> None:
    for m in (minigrad, torch):
        s, u, h, X = made(m)
        with pytest.raises((RuntimeError, TypeError)):
            eval(text, {"m": m, "s": s, "u": u, "h": h, "X": X})


LOSSES = {
    "product": lambda m, s, X: (s @ X).pow(2).sum(),
    "product by name": lambda m, s, X: m.sparse.mm(s, X).pow(3).sum(),
    "sum": lambda m, s, X: m.sparse.sum(s) * X.sum(),
    "dense": lambda m, s, X: (s.to_dense() @ X).pow(2).sum(),
    "values": lambda m, s, X: (s.coalesce().values() ** 2).sum() + X.sum(),
    "two": lambda m, s, X: m.sparse.sum(s * 3.0) + (s.t().coalesce().values() ** 2).sum() + X.sum(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_of_the_values_and_of_the_dense_factor(loss: Any) -> None:
    found = []
    for m in (minigrad, torch):
        v, X = m.tensor([4.0, 3.0, 5.0, 2.0], requires_grad=True), m.arange(8.0).reshape(4, 2).requires_grad_()
        loss(m, m.sparse_coo_tensor(m.tensor([[1, 0, 1, 1], [0, 2, 2, 2]]), v, (2, 4)), X).backward()
        found.append((v.grad.numpy(), X.grad.numpy()))
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_a_sparse_leaf_has_a_sparse_gradient() -> None:
    for m in (minigrad, torch):
        i = m.tensor([[1, 0], [0, 2]])
        leaf = m.sparse_coo_tensor(i, m.tensor([4.0, 3.0]), (2, 4), requires_grad=True)
        m.sparse.mm(leaf, m.arange(8.0).reshape(4, 2)).pow(2).sum().backward()
        assert leaf.is_leaf and leaf.grad.is_sparse
        assert leaf.grad.to_dense().tolist() == [[0, 0, 246.0, 0], [8.0, 0, 0, 0]]


def test_softmax_of_a_dense_tensor_made_sparse() -> None:
    found = []
    for m in (minigrad, torch):
        d = m.arange(8.0).reshape(2, 4).requires_grad_()
        m.sparse.softmax(d.to_sparse(), 1).to_dense().pow(2).sum().backward()
        found.append(d.grad.numpy())
    np.testing.assert_allclose(*found, atol=1e-6)


def embedded(m: Any, ids: list, **options: Any) -> Any:
    e = m.nn.Embedding(5, 2, sparse=True, **options)
    with m.no_grad():
        e.weight.copy_(m.arange(10.0).reshape(5, 2) / 10)
    (e(m.tensor(ids)) ** 2).sum().backward()
    return e


def test_the_gradient_of_an_embedding() -> None:
    for text in ("e.weight.grad", "e.weight.grad.coalesce()", "m.autograd.grad(e(m.tensor([4])).sum(), e.weight)[0]"):
        shown = [repr(eval(text, {"m": m, "e": embedded(m, [[1, 3], [1, 0]])})) for m in (minigrad, torch)]
        assert shown[0].replace("minigrad", "torch") == shown[1]
    for m in (minigrad, torch):
        e = embedded(m, [1, 2])
        e(m.tensor([2])).sum().backward()
        assert e.weight.grad.is_sparse
        np.testing.assert_allclose(e.weight.grad.to_dense().numpy()[1:3], [[0.4, 0.6], [1.8, 2.0]], rtol=1e-6)
        (e.weight.sum() + e(m.tensor([0])).sum()).backward()
        assert not e.weight.grad.is_sparse
        np.testing.assert_allclose(e.weight.grad.numpy()[:2], [[2.0, 2.0], [1.4, 1.6]], rtol=1e-6)


OPTIMIZERS: list[tuple[str, dict]] = [
    ("SGD", {}), ("SGD", {"momentum": 0.9}), ("SparseAdam", {}), ("Adagrad", {}), ("SGD", {"maximize": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_optimizers_take_it(name: str, options: dict) -> None:
    weights = []
    for m in (minigrad, torch):
        e = embedded(m, [0])
        optimizer = getattr(m.optim, name)(e.parameters(), 0.1, **options)
        for ids in ([0, 1, 1], [1, 3, 3]):
            optimizer.zero_grad()
            (e(m.tensor(ids)) ** 2).sum().backward()
            optimizer.step()
        weights.append(e.weight.detach().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "options"), [("Adam", {}), ("RMSprop", {}), ("Adagrad", {"weight_decay": 0.1}),
                                               ("SGD", {"weight_decay": 0.1})])  # fmt: skip
def test_other_optimizers_refuse_it(name: str, options: dict) -> None:
    for m in (minigrad, torch):
        e = embedded(m, [0])
        with pytest.raises(RuntimeError, match=re.compile("sparse", re.I)):
            getattr(m.optim, name)(e.parameters(), 0.1, **options).step()


@pytest.mark.parametrize("reduce", ["sum", "mean", "amax", "amin"])
def test_products_that_are_not_summed(reduce: str) -> None:
    found = []
    for m in (minigrad, torch):
        v, X = m.tensor([4.0, -3.0, 5.0], requires_grad=True), m.arange(8.0).reshape(4, 2).requires_grad_()
        y = m.sparse.mm(m.sparse_csr_tensor(m.tensor([0, 1, 3, 3]), m.tensor([2, 0, 3]), v, (3, 4)), X, reduce)
        (y**2).sum().backward()
        found.append((y.detach().numpy(), v.grad.numpy(), X.grad.numpy()))
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)
