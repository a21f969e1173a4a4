"""Guards of Ctrl-C: none is lost, none comes at a bad moment, and none makes the process die."""

import ctypes
import importlib
import signal
import time

import numba
import numpy as np
import pytest
import torch
from numba.core.dispatcher import Dispatcher

import nitograph
from cli_help import run
from nitograph.board import Board, Rules
from nitograph.cli.interrupts import interrupt_noted, interrupts_heard
from nitograph.compute.rules import legal_paths, legal_steps
from nitograph.evaluation.nearest import longest_runs, nearest, pack
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling.invent import MANY, SampleSettings, sample_paths
from nitograph.training import trainer as training
from nitograph.weaving.bound import relaxed_bound
from nitograph.weaving.encoder import PRESETS, targets, weave_many
from nitograph.weaving.stepwise import Weaver
from test_house import MODULES
from tiny import WEAVING, some_images


def interrupt() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


class Falls:
    """Something that is removed just when Ctrl-C comes."""

    def __del__(self) -> None:
        interrupt()


@pytest.mark.parametrize("place", [ctypes.CFUNCTYPE(None)(interrupt), Falls])
def test_ignored_by_python_it_is_raised_again(place):
    """In a callback of C and while an object is removed, where Python drops it with a note on stderr."""

    def work():
        place()
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        work()


def test_other_ignored_errors_are_told_as_ever(monkeypatch):
    """And nothing that was asked for stays behind."""
    told = []
    monkeypatch.setattr("sys.unraisablehook", told.append)
    with interrupts_heard():
        ctypes.CFUNCTYPE(None)(lambda: 1 / 0)()
        ctypes.CFUNCTYPE(None)(interrupt)()
    assert [ignored.exc_type for ignored in told] == [ZeroDivisionError]
    time.sleep(0.05)


def test_the_first_is_noted_and_the_second_raised():
    """Only within; ignored Ctrl-C stays ignored."""
    with interrupt_noted() as asked:
        assert not asked()
        interrupt()
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupt_noted() as asked:
        interrupt()
        assert not asked()
    signal.signal(signal.SIGINT, before)


def test_training_ends_after_the_step(tmp_path, corpus, monkeypatch, capsys):
    """Ctrl-C in the middle of a step: the last checkpoint is that of the whole step."""
    monkeypatch.chdir(tmp_path)
    corpus.save("c.npz")
    flags = "--design plain --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 --batch-size 8 --seed 1"
    word = f"train --dataset c.npz {flags} --validation-fraction 0.2 --epochs 2"
    step, kept, waiting = training.take_step, [], [interrupt]

    def interrupted(optimizer, *given):
        update = optimizer._muon

        def in_the_middle(*args):
            if len(kept) == 3 and waiting:
                waiting.pop()()
            return update(*args)

        optimizer._muon = in_the_middle
        kept.append(step(optimizer, *given))
        optimizer._muon = update
        return kept[-1]

    monkeypatch.setattr(training, "take_step", interrupted)
    assert run(f"{word} --optimizer muon", capsys)[0] == 130
    state = torch.load("string_ai_last.pt", weights_only=True)
    assert (len(kept), state["step"]) == (4, 4)
    monkeypatch.setattr(training, "take_step", step)
    assert run(f"{word} --optimizer muon --resume", capsys)[0] == 0
    stopped = torch.load("string_ai_last.pt", weights_only=True)["network"]
    assert run(f"{word} --optimizer muon", capsys)[0] == 0
    whole = torch.load("string_ai_last.pt", weights_only=True)["network"]
    assert all(torch.equal(stopped[name], whole[name]) for name in whole)


def compiled() -> dict[str, Dispatcher]:
    """What Python may call, by its place."""
    found = {}
    for name in MODULES:
        if name == "__main__":
            continue
        for key, value in vars(importlib.import_module(f"nitograph.{name}")).items():
            own = isinstance(value, Dispatcher) and value.py_func.__module__ == f"nitograph.{name}"
            if own and not value.targetoptions.get("no_cpython_wrapper"):
                found[f"{name}.{key}"] = value
    return found


def holds_arrays(kind: object) -> bool:
    """Whether a value of this type is an array or has one in it."""
    return isinstance(kind, numba.types.Buffer) or any(map(holds_arrays, getattr(kind, "types", ())))


def test_nothing_compiled_returns_an_array(planned):
    """Numba would call Python for it and die if Ctrl-C came meanwhile; so each fills what it is given."""
    images = some_images(20).images
    for settings in (WEAVING, WEAVING.replace(quality="best"), WEAVING.replace(beam=2)):
        weave_many(images, settings)
    weave_many(images, PRESETS["original"].replace(nails=32, canvas_size=24, max_lines=9, min_lines=1))
    wanted = targets(images[:1], WEAVING)[0]
    relaxed_bound(wanted, WEAVING, rounds=2)
    weaver = Weaver(wanted, WEAVING, importance=np.ones_like(wanted))
    weaver.advance()
    nitograph.light.chords.coverage(weaver.thread(), 8)
    board, rules, nails = Board(9), Rules(2, 2), np.array([[0, 3, 6]])
    legal_paths(nails, board, rules)
    legal_steps(nails, np.array([3]), board, rules)
    paths = pack([nails[0]])
    nearest(paths, paths, 9)
    longest_runs(paths, paths, 9)
    for count, decoder in ((MANY, None), (2, BatchDecoder(planned))):
        sample_paths(planned, ["3"] * count, range(count), SampleSettings(), decoder=decoder)
    returned = {
        name: {signature.return_type for signature in function.nopython_signatures}
        for name, function in compiled().items()
    }
    assert [name for name, kinds in returned.items() if not kinds] == []
    assert {name: kinds for name, kinds in returned.items() if any(map(holds_arrays, kinds))} == {}
