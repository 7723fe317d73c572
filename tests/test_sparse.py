"""Sparse tensors: products and gradients by hand, models that hold them, and what they do not do."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
PLACES = minigrad.tensor([[0, 2, 2, 1], [1, 0, 3, 1]])


def matrix(values: minigrad.Tensor) -> minigrad.Tensor:
    return minigrad.sparse_coo_tensor(PLACES, values, (3, 4))


def test_a_product_and_its_derivatives() -> None:
    v, x = (minigrad.tensor(RNG.standard_normal(shape), requires_grad=True) for shape in (4, (4, 2)))
    by_hand = np.zeros((3, 4))
    by_hand[tuple(PLACES.numpy())] = v.detach().numpy()
    np.testing.assert_allclose((matrix(v) @ x).detach().numpy(), by_hand @ x.detach().numpy())
    square = [lambda v, x: matrix(v) @ x, lambda v, x: minigrad.sparse.mm(matrix(v), matrix(v).t()).to_dense() * x.sum()]
    for f in (*square, lambda v, x: minigrad.sparse.softmax(matrix(v), 0).coalesce().values() * x.sum()):
        assert gradcheck(f, (v, x)) and gradgradcheck(f, (v, x))


def test_a_graph_network_learns() -> None:
    """A graph convolution as in Kipf & Welling 2017, with the adjacency as a buffer."""
    n = 30
    near = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) < 2
    rows, columns = np.nonzero(near)
    i, v = minigrad.tensor(np.stack([rows, columns])), minigrad.tensor((1 / near.sum(1))[rows], dtype="float32")

    class GCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(n, 8), nn.Linear(8, 2)
            self.register_buffer("adj", minigrad.sparse.FloatTensor(i, v, minigrad.Size([n, n])))

        def forward(self, x: minigrad.Tensor) -> minigrad.Tensor:
            return self.adj @ self.b(minigrad.spmm(self.adj, self.a(x)).relu())

    model = GCN().to("cpu")
    optimizer, x, y = minigrad.optim.Adam(model.parameters(), 0.05), minigrad.eye(n), minigrad.arange(n) // 15
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss < 0.2
    assert copy.deepcopy(model).double().adj.dtype is minigrad.float64
    again = pickle.loads(pickle.dumps(model.adj))
    assert again._nnz() == v.shape[0] and again.to_dense().tolist() == model.adj.to_dense().tolist()


def test_what_sparse_tensors_do_not_do_is_said() -> None:
    s = matrix(minigrad.ones(4))
    with pytest.raises(RuntimeError, match=r"^einsum: not possible for a sparse tensor. Hint: .to_dense\(\)"):
        minigrad.einsum("ij,jk->ik", s, minigrad.ones(4, 2))
    with pytest.raises(TypeError, match="^numpy: not possible for a sparse tensor"):
        s.numpy()
    with pytest.raises(NotImplementedError, match="^Linear: not possible for a sparse tensor"):
        nn.Linear(4, 2)(s)
    with pytest.raises(RuntimeError, match="^add: add\\(sparse, dense\\) is not supported. Hint: dense \\+ sparse"):
        s + minigrad.ones(3, 4)
    with pytest.raises(ValueError, match=r"size \(2, 4\) is inconsistent with indices that need \(3, 4\)"):
        minigrad.sparse_coo_tensor(PLACES, minigrad.ones(4), (2, 4))


def test_a_hooked_or_recorded_embedding_has_a_dense_gradient() -> None:
    e = nn.Embedding(4, 2, sparse=True)
    e(minigrad.tensor([1])).sum().backward(create_graph=True)
    assert not e.weight.grad.is_sparse
    e.weight.grad = None
    e.weight.register_hook(lambda g: g * 2)
    e(minigrad.tensor([1])).sum().backward()
    assert e.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]


def test_zero_grad_empties_a_sparse_gradient() -> None:
    e = nn.EmbeddingBag(4, 2, mode="sum", sparse=True)
    e(minigrad.tensor([[1, 2]])).sum().backward()
    assert e.weight.grad.is_sparse and e.weight.grad._nnz() == 2
    minigrad.optim.SGD(e.parameters(), 0.1).zero_grad(set_to_none=False)
    assert e.weight.grad._nnz() == 0


def test_a_sparse_gradient_is_scaled_and_differentiated_by_transforms() -> None:
    e = nn.Embedding(4, 2, sparse=True)
    before, scaler, optimizer = (
        e.weight.detach().clone(),
        minigrad.amp.GradScaler("cpu"),
        minigrad.optim.SGD(e.parameters(), 0.5),
    )
    scaler.scale(e(minigrad.tensor([1, 1])).sum()).backward()
    scaler.step(optimizer)
    assert minigrad.allclose(before - e.weight.detach(), minigrad.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    g = minigrad.func.grad(lambda w: nn.functional.embedding(minigrad.tensor([3]), w, sparse=True).sum())(before)
    assert g.tolist() == [[0, 0], [0, 0], [0, 0], [1, 1]]
