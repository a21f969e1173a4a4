"""Guards of weaving: fast equals plain, the rules hold, settings mean what they say."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import violations
from nitograph.corpus.sources import mnist
from nitograph.errors import SettingsError, SourceError
from nitograph.light import cells, chords
from nitograph.weaving import dispatch, encoder
from nitograph.weaving.encoder import PRESETS, WeaveSettings
from nitograph.weaving.loops import greedy
from nitograph.weaving.loops.operands import Rounding, Rows
from weave_oracle import PlainOriginal, PlainWeaver


def blob(rng: np.random.Generator, size: int) -> np.ndarray:
    """A smooth random picture with dark parts, (size, size) float32."""
    rough = rng.random((size // 4 + 2, size // 4 + 2))
    smooth = np.kron(rough, np.ones((4, 4)))[:size, :size]
    return np.clip(smooth * 1.6 - 0.7, 0, 1).astype(np.float32)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    nails=st.integers(12, 40),
    size=st.integers(8, 40),
    strength=st.sampled_from([0.004, 0.03, 0.17, 1.0]),
    over=st.sampled_from([0.0, 0.2, 1.0, 3.0]),
    radius=st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.5]),
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
    woven, plain = encoder.weave_targets(wanted, chosen, threads=1), PlainWeaver(chosen)
    for index in {0, count - 1}:
        assert woven.path(index).tolist() == plain.weave(wanted[index])


def test_narrow_cells_give_way_to_wide_ones():
    """Pictures whose gains leave 16 bits, and only those, are woven in cells of 32, as plainly."""
    rng = np.random.default_rng(3)
    chosen = WeaveSettings(nails=24, canvas_size=24, line_strength=0.3, min_lines=12, max_lines=12)
    dark, light = np.zeros((24, 24), np.float32), np.ones((24, 24), np.float32)
    wanted = np.stack([dark, light, blob(rng, 24)])
    rows = np.full((3, 13), -1, np.int32), np.zeros(3, np.int32), np.zeros(3, np.float32)
    dispatch.make_weave(chosen)(Rows(wanted, *rows))
    plain = PlainWeaver(chosen)
    assert [row[:length].tolist() for row, length in zip(*rows[:2], strict=True)] == list(
        map(plain.weave, wanted)
    )
    tried, none = np.zeros(3, np.int32), Rounding(0, np.zeros(0, np.float32))
    again = Rows(wanted, rows[0].copy(), tried, rows[2])
    greedy.walk_many(dispatch.task_of(chosen), none, again, np.zeros(cells.cells_of(24), np.int16))
    assert tried[:2].tolist() == [-1, 13]


def test_targets_brighter_than_white():
    """Gains that 16 bits do not hold from the start, nor the sums of first bounds: as the plain one."""
    rng = np.random.default_rng(4)
    chosen = WeaveSettings(nails=24, canvas_size=24, line_strength=0.2, max_lines=30)
    wanted = np.stack([1 + 2 * blob(rng, 24) for _ in range(9)])
    woven, plain = encoder.weave_targets(wanted, chosen, threads=1), PlainWeaver(chosen)
    assert [woven.path(i).tolist() for i in range(9)] == list(map(plain.weave, wanted))


def test_plain_can_fail():
    """The comparison above notices a thread woven with another strength."""
    wanted = blob(np.random.default_rng(0), 24)
    one, other = (WeaveSettings(nails=24, canvas_size=24, line_strength=s) for s in (0.1, 0.2))
    assert encoder.weave_targets(wanted[None], one).path(0).tolist() != PlainWeaver(other).weave(wanted)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), beam=st.integers(2, 5), strength=st.sampled_from([0.05, 0.2, 0.6]))
def test_beam_equals_plain(seed, beam, strength):
    """The walks side by side are those of plain lists, and the best that ended is kept."""
    rng = np.random.default_rng(seed)
    chosen = WeaveSettings(
        nails=int(rng.integers(8, 20)), canvas_size=16, line_strength=strength, start_nail=3, max_lines=25,
        min_nail_gap=int(rng.integers(1, 4)), recent_edges=int(rng.integers(1, 20)), beam=beam,
    )  # fmt: skip
    wanted = blob(rng, 16)
    woven = encoder.weave_targets(wanted[None], chosen, threads=1)
    assert woven.path(0).tolist() == PlainWeaver(chosen).beam(wanted, beam)


def test_beam_is_better_than_greedy_on_digits():
    """Over some digits a beam has less error than the greedy walk."""
    images = mnist("test").images[:20]
    greedy, beam = (encoder.weave_many(images, WeaveSettings(beam=b)).explained.mean() for b in (1, 4))
    assert beam > greedy


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    nails=st.integers(6, 24),
    size=st.integers(8, 24),
    strength=st.sampled_from([0.03, 0.17, 0.4, 1.0]),
    over=st.sampled_from([0.0, 0.2, 1.0, 3.0]),
    radius=st.sampled_from([0.0, 1.0, 2.0]),
    count=st.sampled_from([1, 9]),
)
def test_fast_original_equals_plain(seed, nails, size, strength, over, radius, count):
    """With lines skipped by their bounds the original's preset takes the nails of scoring them all.

    Strong lines clip soon, so that gains rise again and the bounds have to rise with them.
    """
    rng = np.random.default_rng(seed)
    chosen = PRESETS["original"].replace(
        nails=nails, canvas_size=size, line_strength=strength, false_positive_weight=over,
        line_radius=radius, max_lines=40, min_lines=int(rng.integers(1, 41)),
        min_nail_gap=int(rng.integers(1, 3)), recent_edges=int(rng.integers(1, 20)),
        start_nail=int(rng.integers(nails)),
    )  # fmt: skip
    wanted = np.stack([blob(rng, size) for _ in range(count)])
    woven, plain = encoder.weave_targets(wanted, chosen, threads=1), PlainOriginal(chosen)
    for index in {0, count - 1}:
        assert woven.path(index).tolist() == plain.weave(wanted[index])


GOLDEN = json.loads((Path(__file__).parent / "data/golden/reference_encoder.json").read_text())


@pytest.mark.parametrize("group", GOLDEN, ids=["forced", "stopping"])
def test_original_preset_makes_the_original_nails(group):
    """Four of five cases equal nail for nail; the others for 60 nails, up to a tie in single precision."""
    config = dict(group["config"])
    config["nails"] = config.pop("num_nails")
    chosen = PRESETS["original"].replace(**config)
    images = mnist("train").images[[case["mnist_train_index"] for case in group["cases"]]]
    woven = encoder.weave_many(images, chosen, threads=1)
    equal = 0
    for index, case in enumerate(group["cases"]):
        ours, theirs = woven.path(index).tolist(), case["nails"]
        if ours == theirs:
            equal += 1
            assert woven.explained[index] == pytest.approx(case["explained_energy"], abs=2e-6)
        else:
            assert ours[:60] == theirs[:60]
    assert equal >= 0.8 * len(group["cases"])


def test_golden_comparison_can_fail():
    """Another gamma does not give the golden nails, so the test above sees something."""
    case = GOLDEN[0]["cases"][0]
    image = mnist("train").images[case["mnist_train_index"]]
    thread = encoder.weave(image, PRESETS["original"].replace(gamma=0.9))
    assert thread.nails.tolist() != case["nails"]


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6), nails=st.integers(3, 60), gap=st.integers(1, 12), recent=st.integers(1, 60),
    coverage=st.sampled_from(["antialiased", "bresenham"]),
)  # fmt: skip
def test_threads_keep_the_rules(seed, nails, gap, recent, coverage):
    """Whatever the settings, a woven thread breaks no rule of its board and ends within max_lines."""
    rng = np.random.default_rng(seed)
    chosen = WeaveSettings(
        nails=nails, canvas_size=24, min_nail_gap=min(gap, nails // 2), recent_edges=recent,
        min_lines=50, max_lines=50, line_strength=0.2, coverage=coverage,
    )  # fmt: skip
    woven = encoder.weave_targets(blob(rng, 24)[None], chosen)
    path = woven.path(0)
    assert violations(path, chosen.board, chosen.rules) == []
    assert (woven.nails[0, woven.lengths[0] :] == -1).all()


def test_stop_rule_and_forced_lines():
    """A "1" takes fewer chords than an "8"; min_lines forces more; an empty picture takes one."""
    digits = mnist("test")
    one, eight = (int(np.flatnonzero(digits.labels == k)[0]) for k in (1, 8))
    lengths = encoder.weave_many(digits.images[[one, eight]]).lengths - 1
    assert 20 < lengths[0] < lengths[1] <= 240
    assert encoder.weave(digits.images[one], WeaveSettings(min_lines=200)).line_count >= 200
    assert encoder.weave(np.zeros((28, 28), dtype=np.uint8)).line_count == 1


def test_many_equals_one_by_one():
    """A picture's nails do not depend on what it was woven together with, nor on the threads."""
    images = mnist("test").images[:70]
    together, alone = encoder.weave_many(images, threads=2), encoder.weave_many(images[:70:23], threads=1)
    for place, index in enumerate(range(0, 70, 23)):
        assert together.path(index).tolist() == alone.path(place).tolist()
    assert np.allclose(together.explained[::23], alone.explained)


def test_explained_is_the_one_error():
    """What weaving reports is 1 − chords.error of the raster of its thread."""
    image, chosen = mnist("test").images[3], WeaveSettings()
    thread, wanted = encoder.weave(image, chosen), encoder.targets(image[None], chosen)[0]
    shown = chords.raster(thread, 64, strength=chosen.line_strength, width=chosen.width)
    assert thread.provenance["explained_energy"] == pytest.approx(1 - chords.error(wanted, shown), abs=1e-5)


def test_progress_counts_up_and_interrupts():
    """Progress is called with counts up to the whole; an exception in it stops the work."""
    images, seen = mnist("test").images[:130], []
    encoder.weave_many(images, WeaveSettings(max_lines=3), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 130

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoder.weave_many(images, WeaveSettings(max_lines=3), progress=stop)


def test_provenance_makes_the_thread_again():
    """The settings kept in a thread give the same thread again."""
    image = mnist("train").images[17]
    thread = encoder.weave(
        image, WeaveSettings(nails=100, max_lines=40), label="8", source="mnist:train:17"
    )
    again = encoder.weave(image, WeaveSettings.from_dict(thread.provenance["weave"]), label="8")
    assert again == thread
    assert thread.provenance["source"] == "mnist:train:17"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"min_lines": 9, "max_lines": 8}, "min_lines"),
        ({"min_nail_gap": 129}, "min_nail_gap"),
        ({"start_nail": 256}, "start_nail"),
        ({"coverage": "bresenham", "line_radius": 0.5}, "line_radius"),
        ({"beam": 4, "canvas_size": 300}, "beam"),
        ({"nails": 2}, "nails"),
    ],
)
def test_impossible_settings(changes, said):
    """Settings that exclude each other give one clear line."""
    with pytest.raises(SettingsError, match=said) as caught:
        WeaveSettings(**changes)
    assert "\n" not in str(caught.value)


def test_bad_pictures():
    """A picture of another shape is a SourceError, not an internal traceback."""
    for bad in (np.zeros(5, np.uint8), np.zeros((2, 2, 3), np.uint8), np.full((4, 4), 2.0)):
        with pytest.raises(SourceError):
            encoder.weave(bad)
    with pytest.raises(SourceError):
        encoder.weave_targets(np.zeros((1, 5, 5), np.float32))
    with pytest.raises(SettingsError, match="table"):
        encoder.weave(np.zeros((9, 9), np.uint8), PRESETS["original"].replace(nails=2000, canvas_size=512))
