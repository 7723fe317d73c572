"""Writing at positions, diagonals, joining and repeating beside PyTorch."""

from __future__ import annotations

import numpy as np

from .beside import Table, normal, turned, whole

row = Table()

# writing at positions
rows3 = np.array([[0, 2, 1], [2, 2, 0]])
for dim in (0, -2):
    row("scatter", normal(3, 4), dim, np.array([[0, 2, 1], [2, 1, 0]]), normal(2, 3))
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), normal(3, 3), order=0)
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), 2.5)
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), value=2.5)
row("scatter", normal(3, 4), 1, rows3, 1.5, reduce="add", order=0)
row("scatter", normal(3, 4), 1, rows3, 1.5, reduce="multiply", order=0)
row("scatter", normal(), 0, np.array(0), normal())
row("scatter", normal(3), 0, np.zeros(0, dtype="int64"), normal(0))
row("scatter", whole(0, 9, 4), 0, np.array([3, 0]), whole(0, 9, 2))
row("scatter_add", normal(3, 4), 0, rows3, normal(2, 3))
row("scatter_add", normal(3, 4), -1, rows3, normal(3, 5), order=0)
row("scatter_add", normal(), 0, np.array(0), normal())
row("Tensor.scatter_add", turned(3, 4), 1, rows3, turned(2, 3))
for kind in ("sum", "mean", "amax", "amin", "prod"):
    for include_self in (True, False):
        second = 1 if kind == "prod" else 2
        row("scatter_reduce", normal(3, 4), 0, rows3, normal(2, 3), kind, include_self=include_self, order=second)
        row(
            "scatter_reduce",
            normal(4),
            0,
            np.array([1, 1, 1, 3]),
            normal(4),
            kind,
            include_self=include_self,
            order=second,
        )
        row("scatter_reduce", whole(1, 5, 4), 0, np.array([1, 1, 1, 3]), whole(1, 5, 4), kind, include_self=include_self)
    row("scatter_reduce", normal(), 0, np.array(0), normal(), kind, order=1)
row("scatter_reduce", np.array([1.0, 2.0]), 0, np.array([1, 1, 0]), np.array([2.0, 2.0, 1.0]), "amax")
row("scatter_reduce", np.array([0.0, 2.0]), 0, np.array([1, 1, 0]), np.array([0.0, 2.0, 3.0]), "prod", order=1)
row("index_add", normal(3, 4), 0, np.array([2, 0, 2]), normal(3, 4))
row("index_add", normal(3, 4), -1, np.array([2, 0]), normal(3, 2), alpha=2)
row("index_add", normal(), 0, np.array([0]), normal())
row("index_copy", normal(3, 4), 0, np.array([2, 0]), normal(2, 4))
row("index_copy", normal(3, 4), 1, np.array([2, 0]), normal(3, 2))
row("index_fill", normal(3, 4), 1, np.array([2, 0]), 1.5)
row("index_fill", normal(3, 4), 1, np.array([2, 0]), normal())
row("index_put", normal(3, 4), (np.array([2, 0]),), normal(2, 4))
row("index_put", normal(3, 4), (np.array([2, 0]), np.array([1, 3])), normal(2))
row("index_put", normal(3, 4), (np.array([2, 0, 2]),), normal(4), True)
row("index_put", normal(3, 4), (normal(3, 4) > 0,), normal())
row("index_put", normal(3, 4), (np.array(1),), normal(4), name="index_put at a 0-d position")
row("index_put", normal(3, 4), (np.array(1), np.array(-1)), normal(), name="index_put at two 0-d positions")
row("index_put", normal(3, 4), (np.array(1), np.array([2, 2])), normal(2), True, name="index_put at a 0-d position, added")
row("index_put", normal(3, 4), [np.array([2, 0, 2])], normal(3, 4), accumulate=True)
row("Tensor.put", normal(3, 4), np.array([2, 11, 5]), normal(3))
row("Tensor.put", normal(3, 4), np.array([2, 2, 5]), normal(3), accumulate=True)
row("take", normal(3, 4), np.array([[2, -1], [5, 5]]))
row("masked_fill", normal(3, 4), normal(3, 4) > 0, 0.5)
row("masked_fill", normal(3, 4), normal(4) > 0, normal())
row("masked_fill", normal(3, 1), normal(4) > 0, 2)
row("masked_fill", whole(0, 9, 4), normal(4) > 0, 2)
row("masked_select", normal(3, 4), normal(3, 4) > 0)
row("masked_select", normal(3, 1), normal(4) > 0)
row("masked_scatter", normal(3, 4), normal(3, 4) > 0, normal(12))
row("masked_scatter", normal(3, 4), normal(4) > 0, normal(3, 4))

# diagonals and triangles
cubes = normal(2, 3, 4)
for offset in (-4, -2, -1, 0, 1, 3, 4):
    row("diagonal", normal(3, 4), offset)
    row("diagonal", turned(4, 3), offset)
    row("tril", normal(3, 4), offset)
    row("triu", normal(2, 3, 3), offset)
    row("diag", normal(3), offset)
    row("diag", normal(3, 4), offset)
    row("diag_embed", normal(2, 3), offset)
    row("diagflat", normal(2, 2), offset)
    row("tril_indices", 3, 4, offset)
    row("triu_indices", 4, 3, offset)
row("diagonal", cubes, 1, 0, 2)
row("diagonal", cubes, 0, -1, 0)
row("diag_embed", normal(2, 3), 1, 0, 2)
row("diag_embed", normal(2, 3), 0, -1, 0)
row("trace", normal(3, 4))
row("trace", whole(0, 5, 3, 3))
row("tril", normal(3, 3) > 0)
row("tril", normal(0, 3))

# rows and columns
for what in ("hstack", "vstack", "dstack", "column_stack"):
    row(what, [normal(3), normal(3)])
    row(what, [normal(2, 3), normal(2, 3)])
    row(what, [normal(2, 3, 1), normal(2, 3, 1)])
    row(what, [normal(), normal()])
    row(what, [normal(2), whole(0, 3, 2)])
for what in ("atleast_1d", "atleast_2d", "atleast_3d"):
    for shape in ((), (3,), (2, 3), (2, 3, 2), (1, 2, 3, 1)):
        row(what, normal(*shape))
    row(what, normal(), normal(3))
    row(what, (normal(), normal(3)))
row("block_diag", normal(2, 3), normal(1, 2), normal(2), normal())
row("meshgrid", normal(2), normal(3), indexing="ij")
row("meshgrid", normal(2), normal(3), normal(2), indexing="xy")
row("meshgrid", [normal(2), normal()], indexing="ij")
row("cartesian_prod", normal(2), normal(3), normal(2))
row("cartesian_prod", normal(2))
row("combinations", normal(4))
row("combinations", normal(4), 3, True)
row("combinations", normal(2), 3)
for k in (-1, 0, 1, 2, 3, 5):
    row("rot90", normal(2, 3), k)
    row("rot90", cubes, k, [1, 2])
    row("rot90", cubes, k, (2, 0))
row("fliplr", normal(2, 3))
row("flipud", normal(2, 3))
for given in (3, 4, [1, 3], (2,), [0, 5, 9], [-1]):
    row("tensor_split", normal(7, 2), given)
row("tensor_split", normal(2, 5), 2, -1)
row("tensor_split", normal(2, 5), np.array([1, 2]), dim=1)
row("hsplit", normal(2, 4), 2)
row("hsplit", normal(4), [1, 2])
row("vsplit", normal(4, 2), 2)
row("dsplit", normal(1, 2, 4), [1, 3])
row("Tensor.unfold", normal(7), 0, 3, 2)
row("Tensor.unfold", normal(3, 7), 1, 2, 1)
row("Tensor.unfold", normal(7, 2), -2, 7, 1)
row("Tensor.unfold", normal(), 0, 1, 1)
row("tile", normal(2, 3), (2,))
row("tile", normal(2, 3), (2, 1, 2))
row("Tensor.tile", normal(3), 2, 2)
row("repeat_interleave", normal(2, 3), 2)
row("repeat_interleave", normal(2, 3), 2, 1)
row("repeat_interleave", normal(2, 3), np.array([0, 3]), 0)
row("repeat_interleave", normal(2, 3), np.array([2]), dim=-1)
row("repeat_interleave", np.array([2, 0, 3]))
row("broadcast_tensors", normal(2, 1), normal(3), normal())
row("ravel", turned(2, 3))
row("swapaxes", cubes, 0, 2)
row("moveaxis", cubes, 0, 2)
row("swapdims", cubes, 0, 2)


test_like_pytorch, test_on_a_strict_namespace = row.tests()
