"""Guards of fans: a score is the fall of squared error, the best legal one is the encoder's next chord."""

import dataclasses

import numpy as np
import pytest

from nitograph.board import allowed_next
from nitograph.compute.jit import jit
from nitograph.errors import SettingsError
from nitograph.light import cells, chords
from nitograph.light.bands import added_gain, columns, fixed_strength, lines_of_ring, score_factor, totals
from nitograph.light.fans import Fans, Scoring, fans_of
from nitograph.light.frame import pixel_positions
from nitograph.light.starts import Starts, starts_of
from nitograph.light.zernike import Zernike
from nitograph.thread import Thread
from nitograph.weaving.encoder import weave_targets
from nitograph.weaving.settings import WeaveSettings

WEAVING = WeaveSettings(nails=48, canvas_size=32, max_lines=30, min_nail_gap=3, recent_edges=8)
SCORING = Scoring(nails=48, canvas_size=32)
ORDER = 8
OTHERS = [
    SCORING,
    Scoring(nails=31, canvas_size=40, line_radius=0.0, line_strength=0.08, length_power=0.0),
    Scoring(nails=32, canvas_size=24, line_radius=1.9, line_strength=0.2),
]


@jit
def compiled_scores(bands, n, canvas, scoring, here, out):
    """The scores of a fan, chord by chord."""
    for nail in range(n):
        if nail != here:
            k = cells.chord_number(here, nail, n)
            out[nail] = cells.chord_score(bands, k, canvas.cells, len(canvas.left), scoring)


@jit
def compiled_canvas(bands, canvas, strength, numbers, lights):
    """Fill a canvas, then lay chords of these lights."""
    cells.fill_cells(canvas, strength, 1.0)
    for k, light in zip(numbers, lights):  # noqa: B905  # Numba knows no strict
        cells.lay_light(bands, k, light, strength, 1.0, canvas)


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    """Light of three pictures: a blob, a bar, half a disc."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    shown = [np.exp(-8 * (x**2 + (y - 0.3) ** 2)), np.abs(x) < 0.2, (np.hypot(x, y) < 0.7) & (y > 0)]
    return Zernike(ORDER).light(np.stack(shown).astype(np.float32))


def test_the_values_mean_what_they_mean_in_weaving():
    """Width, strength and white are those of the encoder, so that weaving's own values can be given."""
    shared = {name: getattr(WEAVING, name) for name in Scoring.names()}
    scoring = Scoring(**shared)
    assert scoring.width == WEAVING.width
    assert (scoring.strength, scoring.white) == fixed_strength(WEAVING.line_strength)
    assert {name: WeaveSettings.default(name) for name in Scoring.names()} == Scoring().to_dict()


@pytest.mark.parametrize("scoring", OTHERS)
def test_totals_are_the_compiled_ones(scoring):
    """Sums over bands in closed form are those over their pixels."""
    n, size = scoring.nails, scoring.canvas_size
    ring = chords.all_chords(n, size, scoring.width)
    lines = lines_of_ring(n, size, scoring.width)
    assert np.array_equal(lines, ring.lines)
    for found, wanted in zip(totals(columns(lines), size), (ring.total, ring.squares), strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("scoring", OTHERS)
def test_a_score_is_the_fall_of_squared_error_over_length_to_a_power(scoring):
    """By rasters of the chords alone."""
    fans, n, size = Fans(scoring), scoring.nails, scoring.canvas_size
    rng = np.random.default_rng(0)
    left = np.rint(rng.uniform(-0.5, 1, (size, size)) * scoring.white).astype(np.int32)
    found = fans.scores(fans.canvas(left), 5)
    for nail in (0, 9, 17, n - 1):
        cover = chords.coverage(Thread([5, nail], scoring.board), size, width=scoring.width).astype(float)
        before, after = left / scoring.white, left / scoring.white - scoring.line_strength * cover
        fall = float((before**2).sum() - (after**2).sum())
        assert found[nail] == pytest.approx(fall / cover.sum() ** scoring.length_power, rel=2e-3, abs=2e-4)
    assert found[5] == 0


@pytest.mark.parametrize("scoring", OTHERS)
def test_compiled_and_numpy_fans_are_equal(scoring):
    """After many chords, most of them over the same pixels, down to where light is kept no lower."""
    fans, n, size = Fans(scoring), scoring.nails, scoring.canvas_size
    ring = chords.all_chords(n, size, scoring.width)
    rng = np.random.default_rng(1)
    left = fans.wanted(rng.uniform(-0.2, 1.2, (1, size, size)))[0]
    canvas = cells.Canvas(
        left.copy(), np.zeros(cells.cells_of(size), np.int16), np.full((size, size), 256, np.int32)
    )
    ends = np.sort(np.stack([rng.integers(0, 3, 300), rng.integers(4, n, 300)], 1), axis=1)
    lights = np.where(np.arange(300) % 3 == 0, 2 * 32, scoring.strength)
    numbers = np.array([chords.numbers(pair, n)[0] for pair in ends])
    own = fans.canvas(left)
    for (a, b), strength in zip(ends, lights, strict=True):
        fans.lay(own, a, [b], [strength])
    compiled_canvas(ring.bands, canvas, scoring.strength, numbers, lights)
    assert np.array_equal(fans.pixels(own), canvas.left)
    fans.pixels(own)[...] -= canvas.left
    assert not own.any()  # the margin stays empty
    fans.pixels(own)[...] += canvas.left
    assert own.min() == (scoring.strength - 2**15) // 2
    factor = score_factor(ring.total, scoring.strength, scoring.white, scoring.length_power)
    rule = np.stack([added_gain(ring.total, ring.squares, scoring.strength), factor], axis=1)
    for here in (0, 1, n // 2, n - 1):
        out = np.zeros(n)
        compiled_scores(ring.bands, n, canvas, rule, here, out)
        assert np.allclose(fans.scores(own, here), out, rtol=1e-12, atol=1e-12)


def test_chords_laid_together_are_those_laid_one_by_one():
    """Of a fan, some of them twice over the same pixels, one giving light back."""
    fans = fans_of(SCORING)
    canvas = fans.canvas(fans.wanted(np.random.default_rng(3).random((1, 32, 32))))[0]
    other, nails, lights = canvas.copy(), [20, 21, 22, 40], [480, 32, 96, -160]
    fans.lay(canvas, 4, nails, lights)
    for nail, light in zip(nails, lights, strict=True):
        fans.lay(other, 4, [nail], [light])
    assert np.array_equal(canvas, other)


def test_the_best_legal_chord_is_the_encoders(light):
    """On the encoder's own target its next nail has the highest score."""
    fans = fans_of(SCORING)
    pictures = fans.pictures(light, ORDER)
    paths = weave_targets((pictures / fans.white).astype(np.float32), WEAVING, threads=1).nails[:, :12]
    for canvas, path in zip(fans.canvas(pictures), paths, strict=True):
        for step in range(1, len(path) - 1):
            fans.lay(canvas, int(path[step - 1]), [path[step]], [fans.strength])
            scores = fans.scores(canvas, int(path[step]))
            allowed = allowed_next(path[None, : step + 1], WEAVING.board, WEAVING.rules)[0]
            assert np.argmax(np.where(allowed, scores, -np.inf)) == path[step + 1]


def test_a_plan_is_shown_between_black_and_white(light):
    """Ripples of a finite series are no light."""
    fans = fans_of(SCORING)
    shown = fans.pictures(light * 3, ORDER)
    assert shown.min() == 0
    assert shown.max() == round(fans.white)


def test_first_chords_are_scored_in_closed_form(light):
    """Over all chords the closed form follows the scores on pictures that are not cut to 0 … 1."""
    fans, starts = fans_of(SCORING), starts_of(SCORING, ORDER, 6)
    places = pixel_positions(32)
    basis = (Zernike(ORDER).projection(places) / (places[1] - places[0]) ** 2).T
    pictures = np.rint((light @ basis) * fans.white).astype(np.int32).reshape(-1, 32, 32)
    assert starts.spans.tolist() == list(range(6, 25))
    for picture, planned in zip(pictures, light, strict=True):
        canvas = fans.canvas(picture)
        scores = np.stack([fans.scores(canvas, nail) for nail in range(48)])
        exact = np.stack([scores[np.arange(48), (np.arange(48) + span) % 48] for span in starts.spans])
        near = starts.scores(planned[None])[0]
        assert np.corrcoef(exact.ravel(), near.ravel())[0, 1] > 0.98
        assert np.abs(exact - near).mean() < 0.2 * np.abs(exact).mean()


@pytest.mark.parametrize(("n", "gap"), [(48, 6), (47, 1), (8, 4), (3, 1)])
def test_ends_are_sums_over_the_chords_of_a_nail(n, gap):
    """Each chord counted once at each of its ends, a diameter too."""
    starts = Starts(Scoring(nails=n, canvas_size=32), ORDER, gap)
    values = np.random.default_rng(0).random((len(starts.spans), n), dtype=np.float32)
    found, wanted = starts.ends(values[None])[0], np.zeros(n)
    for span, row in zip(starts.spans, values, strict=True):
        for a in range(n):
            for nail in (a, (a + span) % n):
                wanted[nail] += row[a] / 2 if 2 * span == n else row[a]
    assert np.allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"line_radius": 3.0}, "line_radius of 1.97, got 3"),
        ({"line_strength": 0.0108}, "line_strength of 0.03"),
        ({"canvas_size": 600}, "canvas_size must be at most 256"),
    ],
)
def test_what_would_not_fit_is_refused(changes, words):
    """Sums that do not fit the whole numbers of a fan are never begun."""
    with pytest.raises(SettingsError, match=words):
        dataclasses.replace(SCORING, **changes)
