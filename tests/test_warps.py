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
