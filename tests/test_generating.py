"""Guards of beam, penalties, best of, repair and continue as commands and from Python, and their faults."""

import json
from pathlib import Path

import numpy as np
import pytest

import nitograph
from cli_help import fails, run
from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.sampling.best import seeds_of
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.thread import Thread
from tiny import MODEL, random_weights

BEGUN = Thread([3, 20, 7, 28, 12], Board(32), "4", {"made_by": "a test", "seed": 11})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with weights of a small model and a begun thread."""
    monkeypatch.chdir(tmp_path)
    Path("string_ai.pt").write_bytes(b"older than its weights")
    random_weights().save("string_ai.safetensors")
    random_weights(MODEL.replace(design="plain")).save("plain.safetensors")
    nitograph.save(BEGUN, "begun.json")
    return tmp_path


def written(name: str) -> Thread:
    """The thread that a command wrote."""
    return Thread.from_json(Path(name).read_text())


@pytest.mark.parametrize(
    ("flags", "keywords"),
    [
        ("--beam 3", {"beam": 3}),
        ("--penalty short=1,metres=0.5", {"penalty": {"metres": 0.5, "short": 1}}),
        ("--beam 2 --penalty overdraw=1 --top-k 5", {"beam": 2, "penalty": "overdraw=1", "top_k": 5}),
        ("--best-of 3", {"best_of": 3}),
        ("--repair", {"repair": True}),
        ("--best-of 2 --beam 2 --repair", {"best_of": 2, "beam": 2, "repair": True}),
        ("--continue begun.json", {"continue_from": BEGUN}),
        ("--continue begun.json --like mnist:test:4", {"continue_from": BEGUN, "picture": "mnist:test:4"}),
    ],
)  # fmt: skip
def test_flags_and_keywords_are_the_same(folder, capsys, flags, keywords):
    """The command and the verb give the same nails and provenance, again and again."""
    threads = []
    for _ in range(2):
        code, *_ = run(f"generate 7 --seed 5 --size 64 {flags} -o a.png", capsys)
        assert code == 0
        threads.append(written("a.json"))
    ours = nitograph.generate("7", seed=5, **keywords)
    for thread in threads:
        assert np.array_equal(thread.nails, ours.nails)
        assert thread.provenance == ours.provenance
        assert thread.label == "7"


def test_what_was_asked_for_is_said(folder):
    """In the provenance, where anything was; the sampling in it makes the thread again."""
    plain = nitograph.generate("7", seed=5)
    assert not {"beam", "penalty", "best_of"} & set(plain.provenance["sampling"])
    asked = nitograph.generate("7", seed=5, beam=2, penalty={"short": 1.5}, best_of=3)
    made = asked.provenance
    assert (made["sampling"]["beam"], made["sampling"]["penalty"]) == (2, "short=1.5")
    chosen = made["best_of"]
    assert chosen["seed"] == seeds_of(5, 3)[chosen["candidate"] - 1]
    settings = SampleSettings.from_dict(made["sampling"])
    assert invent(random_weights_saved(), ["7"], [5], settings)[0] == asked
    alone = settings.replace(best_of=1)
    assert invent(random_weights_saved(), ["7"], [chosen["seed"]], alone)[0] == asked
    assert nitograph.generate(continue_from=BEGUN).provenance["continued"] == {
        "nails": 5, "made_by": "a test", "seed": 11,
    }  # fmt: skip


def random_weights_saved():
    """The weights of the folder, in half precision."""
    from nitograph.model.weights import load

    return load("string_ai.safetensors")


def test_sample_and_gallery_take_them_too(folder, capsys):
    """Thread i of a sample is that of its seed; the beginning is every thread's; a gallery is drawn."""
    code, *_ = run("sample 7 --count 3 --seed 5 --beam 2 --best-of 2 --repair -o a.jsonl", capsys)
    assert code == 0
    lines = [Thread.from_json(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert lines[2] == nitograph.generate("7", seed=7, beam=2, best_of=2, repair=True)
    code, *_ = run("sample 7 --count 3 --continue begun.json -o b.jsonl", capsys)
    assert code == 0
    lines = [Thread.from_json(line) for line in Path("b.jsonl").read_text().splitlines()]
    assert len(set(lines)) == 3
    assert all(thread.nails[:5].tolist() == BEGUN.nails.tolist() for thread in lines)
    assert run("gallery 12 --count 2 --repair --best-of 2 -o a.html", capsys)[0] == 0


def test_many_are_the_same_on_several_cores(folder):
    """Compiled decoding searches, finishes and repairs as well: each thread is that of its seed alone."""
    many = nitograph.generate(["7"] * 130, seed=5, beam=2, repair=True, max_lines=8)
    assert many[129] == nitograph.generate("7", seed=134, beam=2, repair=True, max_lines=8)
    finished = invent(random_weights(), ["7"] * 130, range(130), SampleSettings(max_lines=9), begun=BEGUN)
    assert {tuple(thread.nails[:5]) for thread in finished} == {tuple(BEGUN.nails)}


def test_a_begun_thread_is_finished_as_its_own_class(folder, capsys):
    """From JSON, or from a bare list on the model's board; its default names keep the beginning safe."""
    assert run("generate --continue begun.json --size 64", capsys)[0] == 0
    assert written("digit_begun_continued_4k.json").label == "4"
    Path("list.txt").write_text("3 20 7 28 12\n")
    assert run("generate 4 --continue list.txt --size 64 -o b.png", capsys)[0] == 0
    assert np.array_equal(written("b.json").nails, written("digit_begun_continued_4k.json").nails)
    assert json.loads(Path("b.json").read_text())["provenance"]["continued"] == {"nails": 5}


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("generate 7 --penalty shart=1", "penalty knows overdraw, crowding, short, metres, got 'shart'"),
        ("generate 7 --penalty short", "penalty takes names and weights such as"),
        ("generate 7 --beam 0", "beam must be at least 1, got 0"),
        ("generate 7 --beam 65", "beam must be at most 64, got 65"),
        ("generate 7 --best-of 0", "best_of must be at least 1, got 0"),
        ("generate 7 --beam 2 --repetition-penalty 1.1", "exclude repetition_penalty, got 1.1"),
        ("generate 7 --best-of 4 --temperature 0", "at temperature 0 all 4 threads would be the same"),
        ("generate 7 --like mnist:test:0 --best-of 4 --temperature 0 --plan-temperature 1", "4 threads"),
        ("generate 77 --continue begun.json", "one begun thread makes one; give one class, got '77'"),
        ("generate 7 --continue begun.json --repair", "repair would move the nails of a begun thread"),
        ("generate 7 --continue begun.json --max-lines 4", "fewer chords than max_lines, got 4 and 4"),
        ("generate 7 --continue begun.json --min-nail-gap 16", "must obey the model's rules"),
        ("generate 7 --continue none.json", "none.json"),
        ("generate 7 --continue begun.json --sequence-output begun.json", "written over the begun thread"),
        ("generate 7 --repair --checkpoint plain.safetensors", "repair needs a plan"),
        ("sample 7 --continue begun.json --repair", "repair would move the nails"),
        ("gallery 7 --threads begun.json --repair", "threads in a file have no plans"),
    ],
)  # fmt: skip
def test_what_combines_badly(folder, capsys, command, part):
    """Is refused in one line, and nothing is written."""
    fails(command, 1, part, capsys)


def test_from_python_too(folder):
    """What is no thread and no penalty."""
    with pytest.raises(SettingsError, match=r"continue_from takes a thread, got 'begun.json'; load its"):
        nitograph.generate("7", continue_from="begun.json")
    with pytest.raises(SettingsError, match="penalty knows overdraw, crowding, short, metres, got 'shart'"):
        nitograph.generate("7", penalty={"shart": 1})
    with pytest.raises(SettingsError, match="short must be a finite number, got 'much'"):
        nitograph.generate("7", penalty={"short": "much"})
