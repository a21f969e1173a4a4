"""Guards of local search, the bound, slices, importance and real thread."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import violations
from nitograph.corpus.sources import mnist
from nitograph.errors import SettingsError, SourceError
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.weaving import encoder
from nitograph.weaving.bound import relaxed_bound
from nitograph.weaving.encoder import WeaveSettings, with_real_thread
from nitograph.weaving.stepwise import Weaver
from weave_oracle import chord_pixels


def blob(seed: int, size: int) -> np.ndarray:
    """A smooth random picture with dark parts, (size, size) float32."""
    rough = np.random.default_rng(seed).random((size // 4 + 2, size // 4 + 2))
    return np.clip(np.kron(rough, np.ones((4, 4)))[:size, :size] * 1.6 - 0.7, 0, 1).astype(np.float32)


def additive_error(wanted: np.ndarray, path: np.ndarray, chosen: WeaveSettings) -> float:
    """Σ (T − R)², R not clipped, with the pixels listed plainly."""
    ring = chords.all_chords(chosen.nails, chosen.canvas_size, chosen.width)
    shown = np.zeros(wanted.size)
    for number in chords.numbers(path, chosen.nails):
        places, shares = chord_pixels(ring, int(number))
        shown[places] += chosen.line_strength * shares / FINE
    return float(np.sum((wanted.reshape(-1) - shown) ** 2))


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6), nails=st.integers(8, 60), gap=st.integers(1, 4), recent=st.integers(1, 90),
    fewest=st.integers(1, 40),
)  # fmt: skip
def test_search_never_raises_the_error_or_breaks_a_rule(seed, nails, gap, recent, fewest):
    """After local search the additive error is not above the greedy one, and the path is still legal."""
    chosen = WeaveSettings(
        nails=nails, canvas_size=24, line_strength=0.1, min_nail_gap=gap, recent_edges=recent,
        min_lines=fewest, max_lines=60,
    )  # fmt: skip
    wanted = blob(seed, 24)
    greedy = encoder.weave_targets(wanted[None], chosen).path(0)
    best = encoder.weave_targets(wanted[None], chosen.replace(quality="best")).path(0)
    assert additive_error(wanted, best, chosen) <= additive_error(wanted, greedy, chosen) + 1e-6
    assert violations(best, chosen.board, chosen.rules) == []
    assert min(fewest, len(greedy) - 1) <= len(best) - 1 <= 60


def test_search_helps_digits():
    """On handwriting the search lowers the error by at least one percent."""
    images, chosen = mnist("test").images[:4], WeaveSettings()
    greedy = encoder.weave_many(images, chosen)
    best = encoder.weave_many(images, chosen.replace(quality="best"))
    assert ((1 - best.explained) < 0.99 * (1 - greedy.explained)).all()


def test_search_needs_the_error_it_lowers():
    """Quality best with another weight or the original's lines is refused."""
    with pytest.raises(SettingsError, match="quality best"):
        WeaveSettings(quality="best", false_positive_weight=0.5)


@pytest.mark.parametrize("start", [None, 5])
@pytest.mark.parametrize("coverage", ["antialiased", "bresenham"])
def test_slices_give_the_same_nails(start, coverage):
    """A thread woven in slices is the one woven at once, with the same explained share."""
    image = mnist("test").images[8]
    chosen = WeaveSettings(start_nail=start, coverage=coverage, nails=120)
    weaver = Weaver(encoder.targets(image[None], chosen)[0], chosen)
    weaver._step = 7
    whole = encoder.weave(image, chosen)
    assert weaver.run().thread() == whole
    assert weaver.explained() == pytest.approx(whole.provenance["explained_energy"], abs=1e-5)


def test_stopped_thread_is_a_beginning():
    """What is laid after one slice is the beginning of the whole thread."""
    chosen = WeaveSettings(nails=100, quality="fast")
    wanted = encoder.targets(mnist("test").images[:1], chosen)[0]
    weaver = Weaver(wanted, chosen)
    weaver._step = 10
    assert weaver.advance()
    begun = weaver.thread().nails.tolist()
    assert weaver.run().thread().nails.tolist()[: len(begun)] == begun


def test_importance_draws_thread():
    """The half that counts is closer to its target than without the map; an even map changes nothing."""
    chosen, wanted = WeaveSettings(nails=80, canvas_size=32, max_lines=60), blob(3, 32)
    plain = Weaver(wanted, chosen).run()
    even = Weaver(wanted, chosen, importance=np.full((32, 32), 0.3)).run()
    assert even.thread() == plain.thread()
    left = np.zeros((32, 32))
    left[:, :16] = 1
    heeded = Weaver(wanted, chosen, importance=left + 0.02).run()
    off = []
    for weaver in (plain, heeded):
        shown = chords.raster(weaver.thread(), 32, strength=chosen.line_strength, width=chosen.width)
        off.append(np.sum((wanted - shown)[:, :16] ** 2))
    assert off[1] < off[0]
    for bad in (np.zeros((32, 32)), np.ones((3, 3)), -left):
        with pytest.raises(SourceError):
            Weaver(wanted, chosen, importance=bad)


def test_real_thread_keeps_its_ink():
    """A chord's light times its width is the thread's thickness, whatever the canvas."""
    for size in (64, 600):
        chosen = with_real_thread(WeaveSettings(canvas_size=size, line_radius=0.0), 0.2, 600)
        assert chosen.line_strength * chosen.width == pytest.approx(2 * 0.2 / 600)
    with pytest.raises(SettingsError, match="covers"):
        with_real_thread(WeaveSettings(canvas_size=8), 0.001, 1000)
    with pytest.raises(SettingsError, match="thinner"):
        with_real_thread(WeaveSettings(), 5, 2)


def test_bound_is_below_every_thread_and_certified():
    """No thread of any strength has an error below the certified bound, which is nearly reached."""
    chosen = WeaveSettings(nails=40, canvas_size=32, min_nail_gap=3)
    wanted = encoder.targets(mnist("test").images[2:3], chosen)[0]
    found = relaxed_bound(wanted, chosen, gap=1e-2)
    assert 0 < found.lower <= found.upper <= 1.02 * found.lower
    for strength in (0.01, 0.03, 0.1):
        thread = Weaver(wanted, chosen.replace(line_strength=strength, max_lines=900)).run().thread()
        shown = chords.raster(thread, 32, strength=strength, width=chosen.width, clip=False)
        assert chords.error(wanted, shown) >= found.lower


def test_bound_equals_scipy():
    """On a small board the bound is SciPy's non-negative least squares."""
    from scipy.optimize import nnls

    chosen = WeaveSettings(nails=16, canvas_size=16, min_nail_gap=2)
    wanted = blob(1, 16)
    ring, inside = chords.all_chords(16, 16, chosen.width), chords.disc(16).reshape(-1)
    a, b = np.triu_indices(16, 1)
    columns = []
    for number in np.flatnonzero(chosen.board.distance(a, b) >= 2):
        places, shares = chord_pixels(ring, int(number))
        column = np.zeros(256)
        column[places] = shares / FINE
        columns.append(column * inside)
    energy = np.sum((wanted.reshape(-1) * inside) ** 2)
    exact = nnls(np.stack(columns, axis=1), wanted.reshape(-1) * inside)[1] ** 2 / energy
    found = relaxed_bound(wanted, chosen, gap=1e-3, rounds=20_000)
    assert found.lower <= exact * (1 + 1e-4)
    assert found.upper >= exact * (1 - 1e-4)
    assert found.upper <= 1.01 * exact


def test_bound_extremes():
    """An empty picture has the bound 0; a board too large for the table is one clear line."""
    assert relaxed_bound(np.zeros((64, 64), np.float32), WeaveSettings()).upper == 0
    with pytest.raises(SettingsError, match="memory"):
        relaxed_bound(
            np.zeros((2048, 2048), np.float32), encoder.PRESETS["photo"].replace(canvas_size=2048)
        )


@pytest.mark.parametrize(("nails", "size", "lines"), [(3, 8, 20_000), (2000, 16, 30), (64, 64, 1)])
def test_extremes(nails, size, lines):
    """3 and 2,000 nails, 1 and 20,000 chords: a legal thread each."""
    gap = max(1, nails // 40)
    chosen = WeaveSettings(
        nails=nails, canvas_size=size, max_lines=lines, min_lines=min(lines, 50), min_nail_gap=gap,
        recent_edges=1, line_strength=0.01,
    )  # fmt: skip
    thread = Weaver(blob(0, size), chosen).run().thread()
    assert violations(thread.nails, chosen.board, chosen.rules) == []
