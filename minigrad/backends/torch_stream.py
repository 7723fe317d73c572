"""PyTorch's own random numbers: the stream of its CPU generator, and how it makes each distribution's numbers of it.

The words are those of mt19937 (Matsumoto & Nishimura 1998), 32 bits each, as NumPy's MT19937 gives them. The rest is what
PyTorch does with them (2.5 and later; `at::native::templates::cpu`): which words an element takes, in which precision, in
which order. Sources: Box & Muller 1958 for the normal numbers; Cephes (Moshier 1989) for logarithm, sine and cosine in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DEFAULT_SEED = 67280421310721  # of a generator that was not seeded
SHORT = 2**28  # from this range on a whole number takes two words
BLOCK = 2**15  # numbers at a time, so that they stay in the cache
STATE = np.dtype([
    ("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("words", "<u8", 624),
    ("unused", "<f8"), ("other", "<f8"), ("unused too", "<f8"), ("has_other", "<i4"), ("no_float", "<i4", 3),
])  # fmt: skip


class TorchStream(np.random.Generator):
    """A NumPy generator whose distributions are PyTorch's; those not here are NumPy's, of the same words.

    A method gives `n` numbers in the order in which PyTorch writes them, one after another in memory.
    """

    SIZE = STATE.itemsize

    def __init__(self, seed: int) -> None:
        words: Any = np.random.MT19937()
        words.state = np.random.RandomState(seed % 2**32).get_state()  # the legacy seeding, of 32 bits
        super().__init__(words)
        self.other: float | None = None  # the second number of the last pair of normal ones

    def __reduce__(self) -> tuple:
        return TorchStream, (0,), (self.bit_generator.state, self.other)

    def __setstate__(self, state: Any) -> None:
        self.bit_generator.state, self.other = state

    # -- words -------------------------------------------------------------------------------------------------------

    def words32(self, n: int) -> np.ndarray:
        """One word each."""
        return self.bit_generator.random_raw(n)

    def words64(self, n: int) -> np.ndarray:
        """Two words each, the upper half first."""
        first, second = self.bit_generator.random_raw(2 * n).reshape(n, 2).T
        both = first << np.uint64(32)
        both |= second
        return both

    def floats(self, n: int) -> np.ndarray:
        """k / 2^24, k the lower 24 bits of a word, in float32."""
        words = self.words32(n)
        words &= np.uint64(2**24 - 1)
        drawn = words.astype(np.float32)
        drawn *= np.float32(2.0**-24)
        return drawn

    def doubles(self, n: int) -> np.ndarray:
        """k / 2^53, k the lower 53 bits of two words, in float64."""
        words = self.words64(n)
        words &= np.uint64(2**53 - 1)
        drawn = words.astype(np.float64)
        drawn *= 2.0**-53
        return drawn

    # -- distributions -----------------------------------------------------------------------------------------------

    def uniforms(self, n: int, dtype: Any, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """low + (high - low) u, rounded once; in float32 for narrower types, where what is rounded up to `high` is `low`."""
        if dtype == np.float64:
            return multiply_add(self.doubles(n), high - low, low)
        start, end = np.float32(low), np.float32(high)
        drawn = multiply_add(self.floats(n), end - start, start).astype(dtype, copy=False)
        if (start, end, dtype) != (0, 1, np.float32):
            drawn[drawn == end.astype(dtype)] = start.astype(dtype)
        return drawn

    def normals(self, n: int, dtype: Any, mean: float = 0.0, std: float = 1.0, contiguous: bool = True) -> np.ndarray:
        """mean + std z. From 16 numbers on, if they are contiguous in memory, sixteen at a time; else in pairs."""
        if n < 16 or not contiguous:
            return fitted(multiply_add(self.pairs(n, dtype == np.float64), std, mean), dtype)
        wide, draw = (np.float64, self.doubles) if dtype == np.float64 else (np.float32, self.floats)
        whole, rest = n - n % 16, n % 16
        u = draw(n if dtype in (np.float32, np.float64) else whole)  # narrow types draw as they go, others for all first
        out = np.empty(n, wide)
        for i in range(0, whole, BLOCK):
            out[i : min(i + BLOCK, whole)] = sixteens(u[i : min(i + BLOCK, whole)], mean, std)
        if rest:
            out[-16:] = sixteens(draw(16), mean, std)  # the last sixteen are drawn again
        return out.astype(dtype, copy=False)

    def pairs(self, n: int, exact: bool = False) -> np.ndarray:
        """Standard normal numbers in float64, in pairs r cos t and r sin t, r = sqrt(-2 log(1 - u2)), t = 2 pi u1.

        A second number that was not asked for is the next call's first. NumPy's functions are within an ulp; `exact` takes
        those of the C library.
        """
        left = [] if self.other is None or not n else [self.other]
        u = self.doubles((n - len(left) + 1) // 2 * 2).reshape(-1, 2)
        r = np.sqrt(-2.0 * function("log1p", exact)(-u[:, 1]))
        t = 2 * math.pi * u[:, 0]
        z = np.concatenate([left, np.stack([r * function("cos", exact)(t), r * function("sin", exact)(t)], 1).reshape(-1)])
        if n:
            self.other = float(z[n]) if len(z) > n else None
        return z[:n]

    def exponentials(self, n: int, dtype: Any, lambd: float = 1.0) -> np.ndarray:
        """-log(1 - u) / lambd, in float64 and then rounded."""
        return fitted(-1.0 / lambd * function("log1p", dtype == np.float64)(-self.doubles(n)), dtype)

    def geometrics(self, n: int, dtype: Any, p: float) -> np.ndarray:
        """ceil(log u / log(1 - p))"""
        with np.errstate(divide="ignore"):
            return fitted(np.ceil(np.log(self.doubles(n)) / math.log1p(-p)), dtype)

    def cauchys(self, n: int, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
        """median + sigma tan(pi (u - 1/2)), in float64 and then rounded."""
        slopes = function("tan", dtype == np.float64)(math.pi * (self.doubles(n) - 0.5))
        return fitted(multiply_add(slopes, sigma, median), dtype)

    def log_normals(self, n: int, dtype: Any, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
        """e^(mean + std z), in float64 and then rounded."""
        exact = dtype == np.float64
        return fitted(function("exp", exact)(multiply_add(self.pairs(n, exact), std, mean)), dtype)

    def whole(self, n: int, dtype: Any, low: int = 0, high: int | None = None) -> np.ndarray:
        """low + w mod (high - low); without an upper bound as far as the type goes, or is exact."""
        if (low, high) == (-(2**63), None):  # all there are
            return self.words64(n).astype(np.int64).astype(dtype)
        digits = significant(dtype)
        top = 2**digits + 1 if digits else 2 if dtype.kind == "b" else np.iinfo(dtype).max + 1
        start, end = low, top if high is None else high
        if digits:  # bounds that stay within when they are rounded
            start, end = representable(low, digits, 1), end if high is None else representable(end, digits, -1)
        both = end - start >= SHORT if (low, high) != (0, None) else dtype in (np.int64, np.float64)
        w = self.words64(n) if both else self.words32(n)
        return ((w % np.uint64(end - start)).astype(np.int64) + start).astype(dtype)

    def order(self, n: int, dtype: Any) -> np.ndarray:
        """0 ... n - 1 shuffled from the front: place i changes with place i + w mod (n - i). Source: Fisher & Yates 1938."""
        w = self.words32(max(n - 1, 0)) if n < (2**32 - 1) // 20 else self.words64(n - 1)
        out = list(range(n))
        for i, j in enumerate((w % np.arange(n, 1, -1, dtype=np.uint64)).tolist()):
            out[i], out[i + j] = out[i + j], out[i]
        return np.asarray(out, dtype)

    # -- what NumPy's generator calls so -----------------------------------------------------------------------------

    def random(self, size: Any = None, dtype: Any = np.float32, out: Any = None) -> Any:  # type: ignore[override]
        """`torch.rand`"""
        drawn = self.uniforms(1 if size is None else math.prod(size), np.dtype(dtype))
        return float(drawn[0]) if size is None else drawn.reshape(size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:  # type: ignore[override]
        """One number of `torch.empty(1).uniform_(low, high)`"""
        return float(self.uniforms(1, np.dtype("float32"), low, high)[0])

    def integers(self, low: int, high: Any = None, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        """One number of `torch.randint`"""
        low, high = (0, low) if high is None else (low, high)
        return int(self.whole(1, np.dtype("int64"), low, high)[0])

    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        """Whole numbers of Poisson's distribution with these means, one after another."""
        return np.asarray([self.poisson_number(float(mean)) for mean in lam.reshape(-1)], np.float64).reshape(lam.shape)

    def poisson_number(self, mean: float) -> int:
        """How many uniform numbers have a product above e^-mean; from 10 on by transformed rejection. Source: Hoermann 1993."""
        if mean < 10:
            count, product, least = -1, 1.0, math.exp(-mean)
            while mean and (count < 0 or product > least):
                count, product = count + 1, product * float(self.doubles(1)[0])
            return max(count, 0)
        b = 0.931 + 2.53 * math.sqrt(mean)
        a = -0.059 + 0.02483 * b
        while True:
            u, v = self.doubles(2).tolist()
            u -= 0.5
            us = 0.5 - abs(u)
            k = math.floor((2 * a / us + b) * u + mean + 0.43) if us else -1
            if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
                return k
            if k < 0 or (us < 0.013 and v > us):
                continue
            bound = -mean + k * math.log(mean) - math.lgamma(k + 1)
            if not v or math.log(v) + math.log(1.1239 + 1.1328 / (b - 3.4)) - math.log(a / (us * us) + b) <= bound:
                return k

    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """How many of n trials succeed, each with probability p, one number after another."""
        found = [self.binomial_number(int(trials), float(chance)) for trials, chance in zip(n.flat, p.flat, strict=True)]
        return np.asarray(found, np.float64).reshape(n.shape)

    def binomial_number(self, n: int, p: float) -> int:
        """Where successes are few, by the gaps between them; else by transformed rejection. Source: Hoermann 1993."""
        if not n or not 0 < p < 1:
            return n if p >= 1 else 0
        if p > 0.5:
            return n - self.binomial_number(n, 1 - p)
        if n * p < 10:
            count, place = -1, 0.0
            while place <= n:
                u = float(self.doubles(1)[0])
                count, place = count + 1, place + (math.ceil(math.log(u) / math.log1p(-p)) if u else math.inf)
            return count
        spread = math.sqrt(n * p * (1 - p))
        b = 1.15 + 2.53 * spread
        a = -0.0873 + 0.0248 * b + 0.01 * p
        odds, middle = math.log(p / (1 - p)), math.floor((n + 1) * p)
        while True:
            u, v = self.doubles(2).tolist()
            u -= 0.5
            us = 0.5 - abs(u)
            k = math.floor((2 * a / us + b) * u + n * p + 0.5) if us else -1
            if us >= 0.07 and v <= 0.92 - 4.2 / b:
                return k
            if not 0 <= k <= n:
                continue
            ways = [math.lgamma(i + 1) + math.lgamma(n - i + 1) for i in (middle, k)]
            bound = ways[0] - ways[1] + (k - middle) * odds
            if not v or math.log(v * (2.83 + 5.1 / b) * spread / (a / (us * us) + b)) <= bound:
                return k

    def log_gammas(self, shape: np.ndarray) -> np.ndarray:
        """The logarithms of gamma numbers of these shapes at rate 1, one after another."""
        return np.asarray([self.log_gamma_number(float(a)) for a in shape.flat], np.float64).reshape(shape.shape)

    def log_gamma_number(self, a: float) -> float:
        """log d (1 + c z)^3 for z normal, some of which are refused; below a = 1 from a + 1 and a uniform number first.

        Source: Marsaglia & Tsang 2000, A simple method for generating gamma variables.
        """
        scale = math.log1p(-float(self.doubles(1)[0])) / a if a < 1 else 0.0
        d = (a + 1 if a < 1 else a) - 1 / 3
        while True:
            z = float(self.pairs(1)[0])
            while 1 + z / math.sqrt(9 * d) <= 0:
                z = float(self.pairs(1)[0])
            v, u = (1 + z / math.sqrt(9 * d)) ** 3, 1 - float(self.doubles(1)[0])
            if u < 1 - 0.0331 * z**4 or math.log(u) < z * z / 2 + d * (1 - v + math.log(v)):
                return scale + math.log(d * v)

    # -- the place in the stream -------------------------------------------------------------------------------------

    def state(self, seed: int) -> bytes:
        """The place, in PyTorch's layout."""
        record, words = np.zeros(1, STATE), self.bit_generator.state["state"]
        record["seed"], record["left"], record["seeded"] = seed, 625 - words["pos"], 1
        record["next"], record["words"] = words["pos"] % 624, words["key"]
        record["other"], record["has_other"] = self.other or 0.0, self.other is not None
        return record.tobytes()

    def restore(self, raw: bytes) -> int:
        """Continue from a place; returns the seed."""
        record = np.frombuffer(raw, STATE)[0]
        key, place = record["words"].astype(np.uint32), 625 - int(record["left"])
        self.bit_generator.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": place}}
        self.other = float(record["other"]) if record["has_other"] else None
        return int(record["seed"])


def significant(dtype: Any) -> int:
    """How many binary digits a floating type holds."""
    return {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}.get(dtype.name, 0)


def representable(bound: int, digits: int, step: int) -> int:
    """The bound, or the next one inside (by the step's sign) if rounding its neighbour to so many digits leaves the range."""
    near = rounded(bound + step, digits)
    outside = near < bound if step > 0 else near >= bound
    return near + step * 2 ** (abs(bound + step).bit_length() - digits) if outside else bound


def rounded(value: int, digits: int) -> int:
    """A whole number in so many binary digits, to nearest, ties to even."""
    unit = 2 ** max(abs(value).bit_length() - digits, 0)
    return round(value / unit) * unit if unit > 1 else value


def function(name: str, exact: bool) -> Any:
    """NumPy's function, or the C library's, number by number."""
    if not exact:
        return getattr(np, name)
    each = np.frompyfunc(getattr(math, name), 1, 1)
    return lambda x: each(x).astype(np.float64)


def fitted(x: np.ndarray, dtype: Any) -> np.ndarray:
    """float64 numbers in another type; in a narrow one by way of float32."""
    return (x if np.dtype(dtype).itemsize > 2 else x.astype(np.float32)).astype(dtype)


def multiply_add(x: np.ndarray, y: Any, z: Any) -> np.ndarray:
    """x y + z, rounded once (Dekker 1971 for float64; float32 has room in float64)."""
    if np.ndim(y) == np.ndim(z) == 0 and y == 1 and z == 0:
        return x
    if x.dtype == np.float32:
        return (x.astype(np.float64) * y + z).astype(np.float32)
    p = x * y
    (xh, xl), (yh, yl) = halves(x), halves(np.float64(y))
    lost = ((xh * yh - p) + xh * yl + xl * yh) + xl * yl
    s = p + z
    t = s - p
    return s + (((p - (s - t)) + (z - t)) + lost)


def halves(x: Any) -> tuple[Any, Any]:
    """x as a sum of two numbers of 26 digits, whose products are exact."""
    c = x * 134217729.0
    high = c - (c - x)
    return high, x - high


def sixteens(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normal numbers of uniform ones, by sixteen: number j < 8 gives the radius of two, j and j + 8, number j + 8 the angle."""
    one, two = u.reshape(-1, 2, 8).transpose(1, 0, 2)
    if u.dtype == np.float64:
        r = np.sqrt(-2.0 * function("log", True)(1.0 - one))
        t = 2 * math.pi * two
        sin, cos = function("sin", True)(t), function("cos", True)(t)
    else:
        r = np.sqrt(np.float32(-2) * log32(np.float32(1) - one))
        sin, cos = sin_cos32(np.float32(2 * math.pi) * two)
    z = np.stack([r * cos, r * sin], 1).reshape(-1)
    return multiply_add(z, u.dtype.type(std), u.dtype.type(mean))


# -- float32 functions as PyTorch's vectorized code has them (with fused multiply-add) ------------------------------------

LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
       2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
LOG_2 = (-2.12194440e-4, 0.693359375)
SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
QUARTER_PI = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)


def horner(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """The polynomial with these coefficients, highest first, in float32."""
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y = multiply_add(y, x, np.float32(c))
    return y


def log32(x: np.ndarray) -> np.ndarray:
    """log x = e log 2 + log m, m within sqrt(1/2) ... sqrt 2."""
    m, e = np.frexp(x)
    small = m < np.float32(math.sqrt(0.5))
    e = (e - small).astype(np.float32)
    m = np.where(small, m + m, m) - np.float32(1)
    z = m * m
    y = multiply_add(horner(m, LOG) * m, z, e * np.float32(LOG_2[0]))
    y = multiply_add(z, np.float32(-0.5), y)
    return multiply_add(e, np.float32(LOG_2[1]), m + y)


def sin_cos32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sin x and cos x for x >= 0, by the nearest even octant."""
    octant = ((x * np.float32(4 / math.pi)).astype(np.int32) + 1) & ~1
    y = octant.astype(np.float32)
    for part in QUARTER_PI:
        x = multiply_add(y, np.float32(part), x)
    z = x * x
    cos = multiply_add(horner(z, COS) * z, z, z * np.float32(-0.5)) + np.float32(1)
    sin = multiply_add(horner(z, SIN) * z, x, x)
    swap = octant & 2 != 0
    sin, cos = np.where(swap, cos, sin), np.where(swap, sin, cos)
    return np.where(octant & 4, -sin, sin), np.where((octant + 2) & 4, -cos, cos)
