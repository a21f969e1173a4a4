"""Exponentials of whole arrays, compiled so that they are vectors; the library's go one by one.

A whole power of 2, written as the bits of a number, times e^y near 1 (S. L. Moshier, Cephes, exp and expf),
to the last bits. This module knows nothing of what the numbers mean.

Try it: python -c "import nitograph.compute.exps"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

f32 = np.float32  # without it, Numba computes sums with Python numbers in float64
INVERSE = 1 / 0.6931471805599453

SMALLEST = -708.0  # e to this power is about the smallest number of full precision
ROUNDER = 1.5 * 2.0**52  # adding it rounds to a whole number, whose bits are the last ones of the sum
HIGH, LOW = 6.93145751953125e-1, 1.42860682030941723212e-6  # ln 2 in two parts, the first of few bits
# e^y = 1 + 2 y P(y²) / (Q(y²) − y P(y²)) for |y| ≤ ln 2 / 2, highest power first
P = (1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
Q = (3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0)
BIAS, FRACTION = np.int64(1023), np.int64(52)

SMALLEST_32, ROUNDER_32, INVERSE_32 = f32(-87), f32(1.5 * 2.0**23), f32(INVERSE)
HIGH_32, LOW_32 = f32(0.693359375), f32(-2.12194440e-4)
# e^y = 1 + y + y² (… (A y + B) y …)
A, B, C = f32(1.9875691500e-4), f32(1.3981999507e-3), f32(8.3334519073e-3)
D, E, F = f32(4.1665795894e-2), f32(1.6666665459e-1), f32(5.0000001201e-1)
BIAS_32, FRACTION_32 = np.int32(127), np.int32(23)


@inner
def exp_all(x: Float64, out: Float64, room: Float64) -> None:
    """e^x into out, for x ≤ 0; below SMALLEST it is 0. All (n,), room: for intermediate results."""
    n, bits = len(x), room.view(np.int64)
    for j in range(n):
        near = max(x[j], SMALLEST) * INVERSE + ROUNDER
        whole = near - ROUNDER
        y = (max(x[j], SMALLEST) - whole * HIGH) - whole * LOW
        square = y * y
        p = y * ((P[0] * square + P[1]) * square + P[2])
        q = ((Q[0] * square + Q[1]) * square + Q[2]) * square + Q[3]
        out[j] = 1.0 + 2.0 * p / (q - p)
        room[j] = near
    for j in range(n):
        bits[j] = (bits[j] + BIAS) << FRACTION
    for j in range(n):
        out[j] = out[j] * room[j] if x[j] >= SMALLEST else 0.0


@inner
def exp_all_32(x: Float32, out: Float32, room: Float32) -> None:
    """As exp_all in single precision, for x from SMALLEST_32 to 0."""
    n, bits = len(x), room.view(np.int32)
    for j in range(n):
        near = x[j] * INVERSE_32 + ROUNDER_32
        whole = near - ROUNDER_32
        y = (x[j] - whole * HIGH_32) - whole * LOW_32
        p = ((((A * y + B) * y + C) * y + D) * y + E) * y + F
        out[j] = p * (y * y) + (y + f32(1))
        room[j] = near
    for j in range(n):
        bits[j] = (bits[j] + BIAS_32) << FRACTION_32
    for j in range(n):
        out[j] = out[j] * room[j]
