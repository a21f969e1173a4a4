"""Guards of the warps: seeded, small, and still the same digit."""

import numpy as np

from nitograph.corpus.warps import warp
from tiny import some_images


def test_warps_are_seeded_and_differ():
    """The same generator gives the same warps; each picture gets its own."""
    twice = some_images(1).images.repeat(3, axis=0)
    one, same, other = (warp(twice, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.dtype == np.uint8
    assert one.shape == twice.shape
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


def test_warps_are_small():
    """A warped digit keeps about its light and stays nearer to itself than to other digits."""
    images = some_images(60).images
    warped = warp(images, np.random.default_rng(0)).astype(float).reshape(60, -1)
    plain = images.astype(float).reshape(60, -1)
    light = warped.sum(axis=1) / plain.sum(axis=1)
    assert (light > 0.7).all()
    assert (light < 1.4).all()
    nearest = ((warped[:, None] - plain[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.arange(60)).mean() > 0.8


def test_nothing_stays_nothing():
    """A black picture stays black, and what is moved in from outside is black."""
    assert warp(np.zeros((2, 28, 28), np.uint8), np.random.default_rng(0)).max() == 0
    corner = np.zeros((1, 20, 24), np.uint8)
    corner[0, :, :3] = 255
    assert warp(corner, np.random.default_rng(3))[0, :, 12:].max() == 0


def test_strength():
    """Twice as strong warps more, none at all changes nothing; the default is what it always was."""
    images = some_images(40).images
    moved = [
        np.abs(warp(images, np.random.default_rng(0), strength=strength).astype(int) - images).mean()
        for strength in (0.0, 1.0, 2.0)
    ]
    assert moved[0] == 0 < moved[1] < moved[2]
    plain = warp(images, np.random.default_rng(0))
    assert np.array_equal(plain, warp(images, np.random.default_rng(0), strength=1.0, stroke=0.0))


def test_strokes_become_wider_and_narrower():
    """Seeded, each picture by its own amount, and no stroke is lost."""
    images = some_images(40).images
    varied = warp(images, np.random.default_rng(0), strength=0.0, stroke=0.5)
    ratio = varied.sum(axis=(1, 2)) / images.sum(axis=(1, 2))
    assert ratio.max() > 1.2
    assert 0.5 < ratio.min() < 0.9
    assert np.array_equal(varied, warp(images, np.random.default_rng(0), strength=0.0, stroke=0.5))
    assert (varied[:, 0].max(), varied.max(axis=(1, 2)).min() > 100) == (0, True)
