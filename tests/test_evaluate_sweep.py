"""Sweeps: which settings, in what order, on which images, and what the page and the plot show."""

import json
from pathlib import Path

import pytest

from nitograph.cli import main
from nitograph.errors import SettingsError
from nitograph.evaluation import sweep
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import ModelCandidate
from nitograph.evaluation.material import Material
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import SampleSettings
from tiny import WEAVING, random_weights

QUICK = EvaluationSettings(samples_per_class=5, critic_images=100, images_seen=200)
FIVE = "guidance=1,2 temperature=0.7 top_k=16,0 min-p=0.05 plan_temperature=0.9"


def test_axes_go_over_every_setting_of_sampling() -> None:
    """Guards the settings that a sweep is for, whole numbers kept whole, and its default."""
    found = sweep.axes(FIVE)
    assert found["top_k"] == [16, 0]
    assert all(type(value) is int for value in found["top_k"])
    assert list(found) == ["guidance", "temperature", "top_k", "min_p", "plan_temperature"]
    assert {"guidance", "temperature", "plan_temperature"} == set(sweep.axes(sweep.AXES))
    for wrong in ("", "warmth=1", "top_k=1.5", "temperature", "temperature=a"):
        with pytest.raises(SettingsError):
            sweep.axes(wrong)


@pytest.mark.slow
def test_every_combination_is_a_point(planned: Weights, tmp_path: Path) -> None:
    """Guards the record: settings of each point, the best by score, and only settings named differ."""
    material, counts = Material(WEAVING, Cache(tmp_path)), []
    candidate = ModelCandidate(planned, SampleSettings(max_lines=9))
    record = sweep.sweep(candidate, material, sweep.axes(FIVE), QUICK, progress=counts.append)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert counts == [1, 2, 3, 4]
    points = record["points"]
    assert [(p["sampling"]["guidance"], p["sampling"]["top_k"]) for p in points] == [
        (1.0, 16), (1.0, 0), (2.0, 16), (2.0, 0),
    ]  # fmt: skip
    best = max(points, key=lambda p: p["score"])
    assert record["best"] == best["sampling"]
    assert record["base"]["max_lines"] == 9
    text = sweep.page(record)
    assert text.count("data:image/png") == 1
    assert "guidance 2 temperature 0.7 top_k 16" in text
    assert sweep.plot(record).pixels.shape[2] == 3


def test_impossible_values_are_refused_before_the_work(planned: Weights) -> None:
    """Guards minutes: no image is woven before every point is known to be possible."""
    nothing = Material(WEAVING.replace(nails=3, min_nail_gap=1), Cache())
    with pytest.raises(SettingsError, match="guidance must be at most 20"):
        sweep.sweep(ModelCandidate(planned), nothing, {"guidance": [1.0, 30.0]}, QUICK)


@pytest.mark.slow
def test_the_command_writes_the_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards the flag: a picture file beside record and page, and only for a sweep, and a file apart."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NITOGRAPH_CACHE", str(tmp_path / "cache"))
    random_weights().save("w.safetensors")
    flags = "--checkpoint w.safetensors --samples-per-class 5 --critic-images 100 --images-seen 200"
    command = ["evaluate", "--sweep", "guidance=1,1.5", *flags.split(), "--plot", "sweep.png"]
    assert main(command) == 0
    assert "evaluation.json, evaluation.html, sweep.png: 2 points, best guidance" in capsys.readouterr().out
    assert Path("sweep.png").read_bytes().startswith(b"\x89PNG")
    assert main(["evaluate", "--plot", "sweep.png"]) == 1
    assert main(["evaluate", "--sweep", "--plot", "evaluation.html"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "only a sweep has a plot" in lines[0]
    assert "the plot is written as .png" in lines[1]
