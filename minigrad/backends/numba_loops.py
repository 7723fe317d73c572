"""Loops that Numba compiles: what takes NumPy many passes over the memory, in one.

They are plain Python on plain arrays. Numbers that are multiplied with elements come in the elements' own type, so that the
updates round just as the reference does.
"""

from __future__ import annotations

import math
from typing import Any


def sgd(p: Any, g: Any, buf: Any, lr: Any, momentum: Any, fresh: Any, decay: Any, nesterov: Any, maximize: Any) -> None:
    """One step; buf is empty without momentum, `fresh` is 1 - dampening."""
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if decay != 0:
            d = d + decay * p[i]
        if buf.size:
            kept = buf[i] * momentum + fresh * d
            buf[i] = kept
            d = d + momentum * kept if nesterov else kept
        p[i] -= lr * d


def adam(
    p: Any, g: Any, m: Any, v: Any, largest: Any, shrink: Any, decay: Any, new1: Any, beta2: Any, new2: Any, size: Any,
    root: Any, eps: Any, maximize: Any,
) -> None:  # fmt: skip
    """One step; largest is empty without AMSGrad, p is scaled by `shrink` first, new is 1 - beta."""
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        at = p[i]
        if decay != 0:
            d = d + decay * at
        if shrink != 1:
            at = at * shrink
        m[i] += new1 * (d - m[i])
        square = v[i] * beta2 + new2 * (d * d)
        v[i] = square
        if largest.size:
            if square > largest[i] or square != square:
                largest[i] = square
            square = largest[i]
        p[i] = at - size * m[i] / (math.sqrt(square) / root + eps)


def group_norm(x: Any, w: Any, c: Any, eps: Any, zero: Any, y: Any, mean: Any, rstd: Any) -> None:
    """x (N, groups, channels, cells), w and c (groups, channels); mean and rstd (N, groups) are written, and y."""
    cases, groups, channels, cells = x.shape
    for n in range(cases):
        for k in range(groups):
            total = 0.0
            for j in range(channels):
                part = zero
                for i in range(cells):
                    part += x[n, k, j, i]
                total += part
            mean[n, k] = total / (channels * cells)
            mu = mean[n, k]
            total = 0.0
            for j in range(channels):
                part = zero
                for i in range(cells):
                    part += (x[n, k, j, i] - mu) * (x[n, k, j, i] - mu)
                total += part
            rstd[n, k] = 1 / math.sqrt(total / (channels * cells) + eps)
            for j in range(channels):
                scale, shift = rstd[n, k] * w[k, j], c[k, j]
                for i in range(cells):
                    y[n, k, j, i] = (x[n, k, j, i] - mu) * scale + shift


def group_norm_backward(g: Any, x: Any, w: Any, mean: Any, rstd: Any, zero: Any, dx: Any, dw: Any, db: Any, room: Any) -> None:
    """dx like x, and dw and db (groups, channels), to which it adds; `room` has two elements of x's type."""
    cases, groups, channels, cells = x.shape
    for n in range(cases):
        for k in range(groups):
            mu, r, sums, slopes = mean[n, k], rstd[n, k], 0.0, 0.0
            for j in range(channels):
                here, slope = zero, zero
                for i in range(cells):
                    here += g[n, k, j, i]
                    slope += g[n, k, j, i] * (x[n, k, j, i] - mu)
                db[k, j] += here
                dw[k, j] += slope * r
                sums += here * w[k, j]
                slopes += slope * r * w[k, j]
            room[0], room[1] = sums * r / (channels * cells), slopes * r * r / (channels * cells)
            shift, bend = room[0], room[1]
            for j in range(channels):
                scale = r * w[k, j]
                for i in range(cells):
                    dx[n, k, j, i] = g[n, k, j, i] * scale - shift - (x[n, k, j, i] - mu) * bend


def group_norm_last(x: Any, w: Any, c: Any, eps: Any, lines: Any, y: Any, mean: Any, rstd: Any) -> None:
    """`group_norm` of x (N, cells, groups * channels); `lines` has four lines of C elements."""
    cases, cells, many = x.shape
    groups = mean.shape[1]
    channels = many // groups
    sums, centre, scale = lines[0], lines[1], lines[2]
    for n in range(cases):
        sums[:] = 0
        for i in range(cells):
            for j in range(many):
                sums[j] += x[n, i, j]
        for k in range(groups):
            total = 0.0
            for j in range(k * channels, (k + 1) * channels):
                total += sums[j]
            mean[n, k] = total / (channels * cells)
            centre[k * channels : (k + 1) * channels] = mean[n, k]
        sums[:] = 0
        for i in range(cells):
            for j in range(many):
                sums[j] += (x[n, i, j] - centre[j]) * (x[n, i, j] - centre[j])
        for k in range(groups):
            total = 0.0
            for j in range(k * channels, (k + 1) * channels):
                total += sums[j]
            rstd[n, k] = 1 / math.sqrt(total / (channels * cells) + eps)
            for j in range(k * channels, (k + 1) * channels):
                scale[j] = rstd[n, k] * w[j]
        for i in range(cells):
            for j in range(many):
                y[n, i, j] = (x[n, i, j] - centre[j]) * scale[j] + c[j]


def group_norm_last_backward(g: Any, x: Any, w: Any, mean: Any, rstd: Any, lines: Any, dx: Any, dw: Any, db: Any) -> None:
    """`group_norm_backward` of x (N, cells, groups * channels); dw and db (C), to which it adds; `lines` has six lines."""
    cases, cells, many = x.shape
    groups = mean.shape[1]
    channels = many // groups
    here, slope, centre, scale, shift, bend = lines[0], lines[1], lines[2], lines[3], lines[4], lines[5]
    for n in range(cases):
        for k in range(groups):
            centre[k * channels : (k + 1) * channels] = mean[n, k]
        here[:] = 0
        slope[:] = 0
        for i in range(cells):
            for j in range(many):
                here[j] += g[n, i, j]
                slope[j] += g[n, i, j] * (x[n, i, j] - centre[j])
        for k in range(groups):
            r, sums, slopes = rstd[n, k], 0.0, 0.0
            for j in range(k * channels, (k + 1) * channels):
                db[j] += here[j]
                dw[j] += slope[j] * r
                sums += here[j] * w[j]
                slopes += slope[j] * r * w[j]
                scale[j] = r * w[j]
            shift[k * channels : (k + 1) * channels] = sums * r / (channels * cells)
            bend[k * channels : (k + 1) * channels] = slopes * r * r / (channels * cells)
        for i in range(cells):
            for j in range(many):
                dx[n, i, j] = g[n, i, j] * scale[j] - shift[j] - (x[n, i, j] - centre[j]) * bend[j]


def index_add(index: Any, source: Any, out: Any) -> None:
    """out[index[i]] += source[i], row by row."""
    for i in range(index.size):
        row = index[i]
        for j in range(source.shape[1]):
            out[row, j] += source[i, j]


def max_pool_input(g: Any, x: Any, best: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, dx: Any) -> None:
    """What arrives at each window goes to the first element of x under it that is the largest, or NaN as that is."""
    planes, high, wide = x.shape
    for n in range(planes):
        for top in range(g.shape[1]):
            for left in range(g.shape[2]):
                most = best[n, top, left]
                found = False
                for a in range(kernel[0]):
                    at = top * stride[0] - padding[0] + a * dilation[0]
                    if found or at < 0 or at >= high:
                        continue
                    for e in range(kernel[1]):
                        to = left * stride[1] - padding[1] + e * dilation[1]
                        if to < 0 or to >= wide:
                            continue
                        if x[n, at, to] == most or (most != most and x[n, at, to] != x[n, at, to]):
                            dx[n, at, to] += g[n, top, left]
                            found = True
                            break
