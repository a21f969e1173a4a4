"""Guards of the vocabulary: every token has one meaning, and threads come back."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nitograph.errors import SourceError
from nitograph.model.vocab import Vocabulary

DIGITS = tuple("0123456789")


def test_ids_are_laid_out_without_gaps():
    """Nails, EOS, PAD, classes, any class and codes follow each other; the original's ids stay the same."""
    words = Vocabulary(256, DIGITS, plan_codes=256)
    assert (words.eos, words.pad, words.first_class) == (256, 257, 258)
    assert (words.any_class, words.first_code, words.size) == (268, 269, 525)
    assert Vocabulary(256, DIGITS).size == 269


@given(st.lists(st.integers(0, 63), min_size=2, max_size=40), st.sampled_from(DIGITS))
def test_encode_and_decode_are_opposites(nails, label):
    """A row of tokens gives the nails back, with padding behind it or without."""
    words = Vocabulary(64, DIGITS)
    tokens = words.encode(nails, label)
    assert tokens[0] == words.first_class + int(label)
    assert tokens[-1] == words.eos
    assert words.decode(tokens).tolist() == nails
    assert words.decode(np.append(tokens, [words.pad] * 3)).tolist() == nails


def test_what_stands_behind_the_end_is_left_out():
    """Nails after EOS are no part of the thread; a row without EOS counts whole."""
    words = Vocabulary(8, DIGITS, plan_codes=4)
    assert words.decode([words.first_class, words.first_code, 1, 5, words.eos, 3]).tolist() == [1, 5]
    assert words.decode([1, 5, 3]).tolist() == [1, 5, 3]


def test_unknown_class():
    """A class that is not there is named, beside those that are."""
    with pytest.raises(SourceError, match="knows no class 'x'; it knows 0, 1, 2"):
        Vocabulary(8, DIGITS).class_index("x")
