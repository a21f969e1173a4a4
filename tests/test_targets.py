"""Guards of targets: equal to Pillow's, grey for grey."""

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from nitograph.corpus.sources import mnist
from nitograph.errors import SourceError
from nitograph.weaving.targets import prepare


def by_pillow(image: np.ndarray, size: int, blur: float, gamma: float) -> np.ndarray:
    """The same target, one Pillow image at a time."""
    grey = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
    grey = ImageOps.autocontrast(grey).filter(ImageFilter.GaussianBlur(blur))
    return (np.asarray(grey, dtype=np.float32) / 255) ** np.float32(gamma)


@pytest.mark.parametrize(
    ("size", "blur", "gamma"),
    [(64, 0.85, 0.8), (96, 1.7, 1.0), (20, 0.3, 0.5), (64, 0.0, 0.8), (33, 5.0, 2.0)],
)
def test_equal_to_pillow(size, blur, gamma):
    """Batches give exactly what Pillow gives, for digits and for noise of another size."""
    noise = np.random.default_rng(1).integers(0, 256, (3, 131, 131), dtype=np.uint8)
    for images in (mnist("test").images[:20], noise):
        ours = prepare(images, size, blur, gamma)
        plain = np.stack([by_pillow(image, size, blur, gamma) for image in images])
        assert np.abs(ours - plain).max() < 1e-6


def test_forms_of_images():
    """Floats 0 to 1 and truth values count as greys; anything else is refused."""
    greys = np.random.default_rng(2).integers(0, 256, (2, 9, 9), dtype=np.uint8)
    assert np.array_equal(prepare(greys / 255, 16, 0.5, 1.0), prepare(greys, 16, 0.5, 1.0))
    assert prepare(greys > 99, 16, 0.5, 1.0).max() <= 1
    for bad in (greys[0], greys * 1.0, np.zeros((1, 0, 4), np.uint8), np.full((1, 2, 2), np.nan)):
        with pytest.raises(SourceError):
            prepare(bad, 16, 0.5, 1.0)
