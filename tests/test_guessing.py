"""Guards of what a drawing is read as: by the model, of all that it knows; of the digits, by the critic."""

import numpy as np
import pytest

from nitograph.api.guessing import DIGITS, ranked
from nitograph.corpus.sources import mnist
from nitograph.model.decoder import Decoder
from nitograph.model.weights import Weights, load_bundled
from nitograph.sampling import reading
from nitograph.studio.strokes import picture_of
from tiny import random_weights, some_images

STROKES = {
    "A": [[(0.25, 0.9), (0.5, 0.1), (0.75, 0.9)], [(0.36, 0.6), (0.64, 0.6)]],
    "E": [[(0.7, 0.1), (0.3, 0.1), (0.3, 0.9), (0.7, 0.9)], [(0.3, 0.5), (0.65, 0.5)]],
    "H": [[(0.25, 0.1), (0.25, 0.9)], [(0.75, 0.1), (0.75, 0.9)], [(0.25, 0.5), (0.75, 0.5)]],
    "+": [[(0.5, 0.2), (0.5, 0.8)], [(0.2, 0.5), (0.8, 0.5)]],
    "4": [[(0.35, 0.1), (0.25, 0.55), (0.75, 0.55)], [(0.65, 0.1), (0.62, 0.95)]],
}


def by_hand(weights: Weights, codes: np.ndarray) -> list[float]:
    """The same nats class by class, nobody left out."""
    found = []
    for label in range(len(weights.classes)):
        decoder, nats = Decoder(weights), 0.0
        logits = decoder.start([label])
        for slot, code in enumerate(codes):
            row = logits[0].astype(np.float64)
            nats += row[code] - np.log(np.exp(row).sum())
            if slot + 1 < len(codes):
                logits = decoder.step([code])
        found.append(nats)
    return found


def test_nats_are_those_of_each_class_alone(planned: Weights) -> None:
    """And those of classes that are left out on the way are −∞, never those of the likeliest."""
    codes = np.array([3, 200, 17, 90])
    wanted = np.array(by_hand(planned, codes))
    assert np.allclose(reading.nats_by_class(planned, codes, behind=np.inf), wanted, atol=1e-5)
    some = reading.nats_by_class(planned, codes, behind=1e-3)
    kept = np.isfinite(some)
    assert not kept.all()
    assert np.allclose(some[kept], wanted[kept], atol=1e-5)


def test_chances_are_shares() -> None:
    """They sum to 1, in the order of the nats; what was left out has none."""
    found = reading.chances(np.array([-50.0, -np.inf, -47.0]))
    assert found.sum() == pytest.approx(1)
    assert found[1] == 0
    assert found[2] == pytest.approx(found[0] * np.exp(3 / reading.FLATTENED))


@pytest.mark.parametrize("sign", STROKES)
def test_a_sign_drawn_by_hand_is_read(sign: str) -> None:
    """A letter is not taken for a digit, nor a digit for a letter."""
    found = ranked(load_bundled(), picture_of(STROKES[sign]))
    assert found[0][0] == sign
    assert 1 >= found[0][1] >= found[1][1] >= found[2][1] >= 0


def test_digits_are_read_as_the_critic_reads_them() -> None:
    """Handwriting that neither has seen: nearly all right, or like a letter."""
    source = mnist("test")
    found = [ranked(load_bundled(), image)[0][0] for image in source.images[:6]]
    right = [name == str(label) for name, label in zip(found, source.labels, strict=False)]
    assert sum(right) >= 5


def test_any_model_reads_its_own_classes(plain: Weights) -> None:
    """Symbols that no critic knows; a model of one class; nothing of a blank picture or without plans."""
    image = some_images(1).images[0]
    own = random_weights(classes=("heart", "anchor", "7"))
    assert {name for name, _ in ranked(own, image)} == {"heart", "anchor", "7"}
    assert sum(chance for _, chance in ranked(own, image)) == pytest.approx(1, abs=1e-3)
    assert ranked(random_weights(classes=("heart",)), image) == [("heart", 1.0)]
    assert ranked(own, np.zeros((28, 28), np.uint8)) == []
    assert ranked(plain, image) == []
    assert ranked(random_weights(classes=DIGITS), image)[0][0] in DIGITS
