"""What `minigrad.special` offers: PyTorch's `special`, gathered from the families."""

from __future__ import annotations

from typing import Any

from . import functions, hankel, special_functions
from .out import writing

NAMES = """bessel_j0 bessel_j1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc gammaincc gammaln
    hermite_polynomial_h hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l legendre_polynomial_p log1p log_ndtr
    log_softmax logit logsumexp modified_bessel_i0 modified_bessel_i1 multigammaln ndtr ndtri polygamma psi round sinc softmax
    spherical_bessel_j0 xlog1py xlogy zeta""".split()


def public(name: str) -> Any:
    """A function of the families, by PyTorch's name, with `out`."""
    return writing(name, getattr(special_functions, name, None) or getattr(functions, name), "minigrad.special")


SPECIAL: dict[str, Any] = {name: public(name) for name in (*NAMES, *special_functions.CHEBYSHEV)}
SPECIAL |= {name: writing(name, function, "minigrad.special") for name, function in hankel.SPECIAL.items()}
