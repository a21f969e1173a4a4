"""Guards of the Zernike functions: closed forms against plain numerical integration."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.light.chords import pixel_positions
from nitograph.light.zernike import Zernike, turn


def radial(n: int, m: int, r: np.ndarray) -> np.ndarray:
    """R_n^m from its polynomial's recurrence-free definition through Jacobi polynomials."""
    from scipy.special import eval_jacobi

    k = (n - m) // 2
    return (-1) ** k * r**m * eval_jacobi(k, m, 0, 1 - 2 * r**2)


def basis(zernike: Zernike, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """All basis functions at points, (points, 2M), written down apart from the module under test."""
    r, phi = np.hypot(x, y), np.arctan2(y, x)
    rows = []
    for kind in (np.cos, np.sin):
        for n, m in zernike.pairs:
            scale = math.sqrt((n + 1) / math.pi * (1 if m == 0 else 2))
            rows.append(scale * radial(int(n), int(m), r) * kind(m * phi))
    return np.stack(rows, axis=1)


@settings(max_examples=25)
@given(st.integers(3, 200), st.data())
def test_chord_integrals(num_nails, data):
    """The light of a chord is the line integral of each function along it, by Gauss–Legendre."""
    zernike, to = Zernike(11), data.draw(st.integers(1, num_nails - 1))
    angle = 2 * math.pi * to / num_nails
    at, weight = np.polynomial.legendre.leggauss(40)
    share = (at + 1) / 2
    x, y = 1 + share * (math.cos(angle) - 1), share * math.sin(angle)
    length = 2 * math.sin(math.pi * to / num_nails)
    plain = (weight * length / 2) @ basis(zernike, x, y)
    assert zernike.fan(num_nails)[to] == pytest.approx(plain, abs=1e-9)


def test_fan_begins_with_no_chord():
    """From a nail to itself there is no light."""
    assert np.abs(Zernike(24).fan(256)[0]).max() == 0


def test_orthonormal():
    """On the disc the functions have unit length and right angles between them."""
    zernike = Zernike(9)
    at, weight = np.polynomial.legendre.leggauss(24)
    r, phi = np.meshgrid((at + 1) / 2, np.arange(48) * math.pi / 24)
    area = (np.broadcast_to(weight / 2, r.shape) * r * (math.pi / 24)).ravel()
    values = basis(zernike, (r * np.cos(phi)).ravel(), (r * np.sin(phi)).ravel())
    products = values.T @ (values * area[:, None])
    real = np.append(np.ones(len(zernike.pairs)), zernike.pairs[:, 1] > 0)  # no sine where m = 0
    assert products == pytest.approx(np.diag(real), abs=1e-10)


@settings(max_examples=25)
@given(st.integers(3, 60), st.data())
def test_turned_frame(num_nails, data):
    """Any chord is the fan's chord from nail 0, turned; turning back undoes it."""
    zernike = Zernike(8)
    a = data.draw(st.integers(0, num_nails - 1))
    step = data.draw(st.integers(1, num_nails - 1))
    cosine, sine = zernike.turns(num_nails)
    seen = turn(zernike.fan(num_nails)[[step]], cosine[[a]], -sine[[a]])
    angles = 2 * math.pi * np.array([a, a + step]) / num_nails
    at, weight = np.polynomial.legendre.leggauss(30)
    share = (at + 1) / 2
    x = np.cos(angles[0]) + share * (np.cos(angles[1]) - np.cos(angles[0]))
    y = np.sin(angles[0]) + share * (np.sin(angles[1]) - np.sin(angles[0]))
    length = 2 * math.sin(math.pi * step / num_nails)
    assert seen[0] == pytest.approx((weight * length / 2) @ basis(zernike, x, y), abs=1e-9)
    assert turn(seen, cosine[[a]], sine[[a]])[0] == pytest.approx(zernike.fan(num_nails)[step], abs=1e-12)


def test_projection_and_evaluation():
    """A picture made of low functions comes back from its coefficients, as well as pixels allow."""
    zernike, places = Zernike(6), pixel_positions(96)
    rng = np.random.default_rng(3)
    wanted = rng.normal(size=(2, zernike.size))
    wanted[:, len(zernike.pairs) :][:, zernike.pairs[:, 1] == 0] = 0
    pictures = zernike.evaluate(wanted, places)
    assert pictures.shape == (2, 96, 96)
    x, y = np.meshgrid(places, places)
    inside = np.hypot(x, y) <= 1
    direct = basis(zernike, x[inside], y[inside]) @ wanted[0]
    assert pictures[0][inside] == pytest.approx(direct, abs=1e-9)
    assert np.abs(pictures[0][~inside]).max() == 0
    again = pictures.reshape(2, -1) @ zernike.projection(places)
    assert np.abs(again - wanted).max() < 0.05


def test_sizes():
    """Order 24 has 169 pairs, so 338 coefficients."""
    assert Zernike(24).size == 338
    assert Zernike(2).pairs.tolist() == [[0, 0], [1, 1], [2, 0], [2, 2]]


@pytest.mark.parametrize(("order", "nails"), [(2, 3), (6, 32), (24, 256), (9, 7)])
def test_the_fan_is_a_sum_of_waves(order, nails):
    """waves @ mix is the fan, on boards with more nails than waves and with fewer."""
    zernike = Zernike(order)
    waves, mix = zernike.waves(nails)
    assert waves.shape == (nails, 2 * (order + 1))
    assert np.abs(waves @ mix - zernike.fan(nails)).max() < 1e-12


@pytest.mark.parametrize(("order", "size"), [(24, 64), (7, 33), (0, 8)])
def test_pixels_are_the_functions_at_their_centres(order, size):
    """In single precision; nothing beyond the disc."""
    zernike, places = Zernike(order), pixel_positions(size)
    found = zernike.pixels(places).reshape(zernike.size, size, size)
    assert np.abs(found - zernike.evaluate(np.eye(zernike.size), places)).max() < 2e-6
    assert not found[:, np.hypot(*np.meshgrid(places, places)) > 1].any()
