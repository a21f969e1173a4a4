"""Light on the disc in Zernike coefficients, where the light of a chord has a closed form.

A picture on the unit disc is written as f = Σ c_nm z_nm with orthonormal Zernike functions
z_nm(r, φ) = sqrt((n+1)/π · (2 − δ_m0)) R_n^m(r) {cos mφ, sin mφ}. Their integral along a straight chord is
known exactly: for the chord from nail angle θ to θ + 2β, whose normal points to α = θ + β at distance
cos β from the centre, ∫ R_n^m {cos, sin}(mφ) ds = 2/(n+1) · sin((n+1)β) · {cos, sin}(mα) (the Radon
transform of Zernike polynomials: A. M. Cormack, J. Appl. Phys. 35, 2908, 1964; S. R. Deans, The Radon
Transform and Some of Its Applications, 1983, section 7.6). So the light of all chords from one nail, a fan,
is one small matrix product, a thread's light is a running sum of vectors, and no table of chords over
pixels is needed.

Coefficients are laid out as 2M numbers: the cosine parts of the M pairs (n, m), m ≥ 0, n − m even, in order
of n, then the sine parts (zero where m = 0). This module knows nothing of tokens or networks.

Try it: python -c "from nitograph.light.zernike import Zernike; print(Zernike(24).size)"
"""

import functools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.light.frame import pixel_positions

FloatArray = NDArray[np.float64]
FloatT = TypeVar("FloatT", np.float32, np.float64)


@dataclass(frozen=True)
class Zernike:
    """The Zernike functions of radial order up to `order`; M pairs (n, m), 2M coefficients."""

    order: int

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """n and m of each pair, shape (M, 2)."""
        listed = [(n, m) for n in range(self.order + 1) for m in range(n % 2, n + 1, 2)]
        return np.array(listed, dtype=np.int64)

    @property
    def size(self) -> int:
        """How many coefficients: 2M."""
        return 2 * len(self.pairs)

    @cached_property
    def norms(self) -> FloatArray:
        """The factor that makes each pair orthonormal on the unit disc, shape (M,)."""
        n, m = self.pairs.T
        return np.asarray(np.sqrt((n + 1) / math.pi * np.where(m == 0, 1, 2)))

    def projection(self, coordinates: FloatArray) -> FloatArray:
        """Matrix that takes a flat square picture to its coefficients, shape (c·c, 2M).

        coordinates: (c,) centre of each pixel column (and row) in board units, evenly spaced, so that
        the nails stand on the unit circle. Pixels outside the disc are ignored.
        """
        x, y = np.meshgrid(coordinates, coordinates)
        radius, angle = np.hypot(x, y).ravel(), np.arctan2(y, x).ravel()
        inside = radius <= 1
        distinct, ring = np.unique(
            np.minimum(radius, 1), return_inverse=True
        )  # an eighth of them, and less
        area = float(coordinates[1] - coordinates[0]) ** 2
        columns = np.zeros((len(radius), self.size))
        half = len(self.pairs)
        cosine, sine = ([wave(m * angle) for m in range(self.order + 1)] for wave in (np.cos, np.sin))
        for k, (n, m) in enumerate(self.pairs):
            radial = (self.norms[k] * area * _radial(int(n), int(m), distinct))[ring] * inside
            columns[:, k] = radial * cosine[m]
            columns[:, half + k] = radial * sine[m]
        return columns

    @one_blas_thread
    def pixels(self, coordinates: FloatArray) -> NDArray[np.float32]:
        """Matrix that takes coefficients to a flat square picture, (2M, c·c), on the grid of `projection`.

        Its values are those of `evaluate` in single precision, and it takes a tenth of the time to make.
        """
        x, y = np.meshgrid(coordinates, coordinates)
        radius, angle = np.hypot(x, y).ravel(), np.arctan2(y, x).ravel()
        distinct, ring = np.unique(np.where(radius <= 1, radius, 2.0), return_inverse=True)
        radial, frequency = self.pairs.T
        powers = np.where(distinct <= 1, distinct, 0.0) ** np.arange(self.order + 1)[:, None]
        powers[0, distinct > 1] = 0.0
        values = (_polynomials(self.pairs, self.norms) @ powers).astype(np.float32)  # (M, distinct)
        waves = np.exp(1j * np.arange(self.order + 1)[:, None] * angle).astype(np.complex64)
        found = np.empty((2, len(radial), len(radius)), np.float32)
        for k, m in enumerate(frequency.tolist()):
            each = values[k].take(ring)
            np.multiply(each, waves[m].real, out=found[0, k])
            np.multiply(each, waves[m].imag, out=found[1, k])
        return found.reshape(self.size, -1)

    @one_blas_thread
    def light(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coefficients (b, 2M) of pictures (b, c, c) on the frame of `weaving.encoder.targets`."""
        return pictures.reshape(len(pictures), -1) @ _projection(self.order, pictures.shape[-1])

    @one_blas_thread
    def evaluate(self, coefficients: FloatArray, coordinates: FloatArray) -> FloatArray:
        """Pictures from coefficients (b, 2M) on the grid of `projection`; returns (b, c, c)."""
        area = float(coordinates[1] - coordinates[0]) ** 2
        basis = self.projection(coordinates) / area
        return (coefficients @ basis.T).reshape(len(coefficients), len(coordinates), len(coordinates))

    def fan(self, num_nails: int) -> FloatArray:
        """Light of the chords from nail 0 to each nail, unit light per unit length, shape (n, 2M).

        The same row is the line integral along that chord of each basis function. Row 0 is zero.
        """
        n, m = self.pairs.T
        beta = np.arange(num_nails)[:, None] * (math.pi / num_nails)
        reach = self.norms * 2 / (n + 1) * np.sin((n + 1) * beta)
        return np.concatenate([reach * np.cos(m * beta), reach * np.sin(m * beta)], axis=1)

    def waves(self, num_nails: int) -> tuple[FloatArray, FloatArray]:
        """The fan as waves along the ring: `fan` = waves @ mix, with (n, 2F) and (2F, 2M), F = order + 1.

        Products of sines and cosines are sums of waves in β of odd frequencies up to 2 · order + 1, so
        that a fan has a rank of only 2F, whatever the number of coefficients.
        """
        n, m = self.pairs.T
        odd = np.arange(1, 2 * self.order + 2, 2)
        beta = np.arange(num_nails)[:, None] * (math.pi / num_nails)
        faster, slower = odd[:, None] == n + 1 + m, odd[:, None] == n + 1 - m
        reach = self.norms / (n + 1)
        mix = np.zeros((2 * len(odd), self.size))
        mix[: len(odd), : len(n)] = reach * (1.0 * faster + slower)
        mix[len(odd) :, len(n) :] = reach * (1.0 * slower - faster)
        return np.concatenate([np.sin(odd * beta), np.cos(odd * beta)], axis=1), mix

    def turns(self, num_nails: int) -> tuple[FloatArray, FloatArray]:
        """cos and sin of mθ for each nail's angle θ, two arrays of shape (n, M)."""
        phase = np.arange(num_nails)[:, None] * (2 * math.pi / num_nails) * self.pairs[:, 1]
        return np.cos(phase), np.sin(phase)


def turn(coefficients: NDArray[FloatT], cosine: NDArray[FloatT], sine: NDArray[FloatT]) -> NDArray[FloatT]:
    """The same light seen from a frame turned by θ: rows (b, 2M), with cos mθ and sin mθ (b, M)."""
    half = coefficients.shape[-1] // 2
    re, im = coefficients[..., :half], coefficients[..., half:]
    return np.concatenate([re * cosine + im * sine, im * cosine - re * sine], axis=-1)


@functools.lru_cache(maxsize=2)
def _projection(order: int, side: int) -> NDArray[np.float32]:
    """Zernike.projection for pictures of `side` pixels on the frame, kept for the next call."""
    return Zernike(order).projection(pixel_positions(side)).astype(np.float32)


def _radial(n: int, m: int, radius: FloatArray) -> FloatArray:
    """R_n^m by its explicit sum; accurate enough in double precision up to n of about 40."""
    total = np.zeros_like(radius)
    for k in range((n - m) // 2 + 1):
        total += _coefficient(n, m, k) * radius ** (n - 2 * k)
    return total


def _polynomials(pairs: NDArray[np.int64], norms: FloatArray) -> FloatArray:
    """The normed radial polynomials of pairs (M, 2), by powers of the radius, (M, order + 1)."""
    found = np.zeros((len(pairs), int(pairs[:, 0].max()) + 1))
    for row, (n, m) in enumerate(pairs.tolist()):
        for k in range((n - m) // 2 + 1):
            found[row, n - 2 * k] = _coefficient(n, m, k)
    return found * norms[:, None]


def _coefficient(n: int, m: int, k: int) -> int:
    """What the power n − 2k of the radius counts in R_n^m."""
    below = math.factorial(k) * math.factorial((n + m) // 2 - k) * math.factorial((n - m) // 2 - k)
    sign = -1 if k % 2 else 1
    return sign * math.factorial(n - k) // below
