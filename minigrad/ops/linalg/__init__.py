"""Linear algebra under PyTorch's names, `minigrad.linalg`: norms, solutions, factorizations. Matrices lie in the last two
dimensions; further ones are stacks of them."""

from ...backends import LinAlgError
from .factorizations import (
    cholesky,
    cholesky_ex,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    householder_product,
    qr,
    svd,
    svdvals,
)
from .ldl import ldl_factor, ldl_factor_ex, ldl_solve
from .lu_factors import lu, lu_factor, lu_factor_ex, lu_solve
from .norms import cdist, cond, dist, matrix_norm, norm, pdist, tensor_norm, vector_norm
from .products import cross, diagonal, matmul, matrix_exp, matrix_power, multi_dot, vander, vecdot
from .solutions import (
    det,
    inv,
    inv_ex,
    logdet,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
)

__all__ = [
    "LinAlgError", "cdist", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "dist", "eig", "eigh", "eigvals",
    "eigvalsh", "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "logdet", "lstsq", "lu",
    "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank",
    "multi_dot", "norm", "pdist", "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals",
    "tensor_norm", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip
