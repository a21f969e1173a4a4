"""Guards of compiled exponentials: to the last bits, whatever the function that calls them may reorder."""

import numpy as np
import pytest

from nitograph.compute.exps import SMALLEST, SMALLEST_32, exp_all, exp_all_32
from nitograph.compute.jit import jit, loose_jit

SPAN = -np.concatenate([[0, 1e-300], np.geomspace(1e-9, 86, 4001)])


def by(compiler, function):
    """A compiled function that only calls another."""

    @compiler
    def called(x, out, room):
        function(x, out, room)

    return called


@pytest.mark.parametrize("compiler", [loose_jit, jit])
def test_exponentials_are_numpys_to_the_last_bits(compiler):
    """Also where sums may be reordered: the compiler's licence ends at the call."""
    for function, kind, limit in ((exp_all, np.float64, 5e-16), (exp_all_32, np.float32, 2e-7)):
        x = SPAN.astype(kind)
        out = np.empty_like(x)
        by(compiler, function)(x, out, np.empty_like(x))
        assert np.abs(out / np.exp(x.astype(np.float64)) - 1).max() < limit


def test_exponentials_end_at_nothing():
    """What is too small for full precision is 0 in double precision; single ends just above that."""
    x = np.array([SMALLEST, SMALLEST - 1, -np.inf])
    out = np.empty_like(x)
    by(jit, exp_all)(x, out, np.empty_like(x))
    assert out[0] > 0
    assert not out[1:].any()
    narrow = np.array([SMALLEST_32])
    exact = np.empty_like(narrow)
    by(jit, exp_all_32)(narrow, exact, np.empty_like(narrow))
    assert exact[0] == pytest.approx(np.exp(float(narrow[0])), rel=1e-6)
