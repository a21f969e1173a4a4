"""Guards of weaving: fast equals plain, the rules hold, settings mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weave_oracle import PlainWeaver

from nitograph import chords, weave
from nitograph.board import violations
from nitograph.errors import SettingsError, SourceError
from nitograph.sources import mnist
from nitograph.weave import PRESETS, WeaveSettings


def blob(rng: np.random.Generator, size: int) -> np.ndarray:
    """A smooth random picture with dark parts, (size, size) float32."""
    rough = rng.random((size // 4 + 2, size // 4 + 2))
    smooth = np.kron(rough, np.ones((4, 4)))[:size, :size]
    return np.clip(smooth * 1.6 - 0.7, 0, 1).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    nails=st.integers(12, 40),
    size=st.integers(8, 40),
    strength=st.sampled_from([0.004, 0.03, 0.17, 1.0]),
    over=st.sampled_from([0.0, 0.2, 1.0, 3.0]),
    radius=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    start=st.sampled_from([None, 0, 7]),
    count=st.sampled_from([1, 9]),
)
def test_fast_equals_plain(seed, nails, size, strength, over, radius, start, count):
    """The lazy, vectorised greedy takes the same nails as scoring every chord at every step."""
    rng = np.random.default_rng(seed)
    chosen = WeaveSettings(
        nails=nails, canvas_size=size, line_strength=strength, false_positive_weight=over,
        line_radius=radius, start_nail=start, max_lines=40, min_lines=int(rng.integers(1, 20)),
        min_nail_gap=int(rng.integers(1, 5)), recent_edges=int(rng.integers(1, 50)),
        length_power=float(rng.choice([0.0, 0.1, 0.7])),
    )  # fmt: skip
    wanted = np.stack([blob(rng, size) for _ in range(count)])
    woven, plain = weave.weave_targets(wanted, chosen, threads=1), PlainWeaver(chosen)
    for index in {0, count - 1}:
        assert woven.path(index).tolist() == plain.weave(wanted[index])


def test_plain_can_fail():
    """The comparison above notices a thread woven with another strength."""
    wanted = blob(np.random.default_rng(0), 24)
    one, other = (WeaveSettings(nails=24, canvas_size=24, line_strength=s) for s in (0.1, 0.2))
    assert weave.weave_targets(wanted[None], one).path(0).tolist() != PlainWeaver(other).weave(wanted)
