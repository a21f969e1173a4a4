"""Guards of Ctrl-C, SIGTERM and SIGHUP: none is dropped, comes at a bad moment or makes the process die."""

import ctypes
import importlib
import signal
import threading
import time
from pathlib import Path

import numba
import pytest
import torch
from numba.core.dispatcher import Dispatcher

from cli_help import run
from compiled import call_everything
from nitograph.cli import sample as sample_command
from nitograph.cli.interrupts import exit_code, interrupt_deferred, interrupts_raised
from nitograph.corpus import prepare
from nitograph.thread import Thread
from nitograph.training import trainer
from nitograph.weaving import encoder
from nitograph.weaving.stepwise import Weaver
from test_house import MODULES

INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
every_interrupt = pytest.mark.parametrize("number", INTERRUPTS)


def interrupt() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


class Falls:
    """Something that is removed just when a signal comes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@every_interrupt
@pytest.mark.parametrize(
    "place", [lambda n: ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(n))(), Falls]
)
def test_ignored_by_python_it_is_raised_again(place, number):
    """In a callback of C and while an object is removed, where Python drops it with a note on stderr."""

    def work():
        place(number)
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt) as caught, interrupts_raised():
        work()
    assert exit_code(caught.value) == 128 + number


@every_interrupt
def test_a_signal_while_one_is_noted_is_raised(monkeypatch, number):
    """Python drops what is raised in its hook for what it dropped: a busy machine comes there late."""
    start, late = threading.Timer.start, [number]

    def busy(timer):
        if late:
            signal.raise_signal(late.pop())
        start(timer)

    def work():
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(number))()
        time.sleep(5)

    monkeypatch.setattr(threading.Timer, "start", busy)
    with pytest.raises(KeyboardInterrupt) as caught, interrupts_raised():
        work()
    assert exit_code(caught.value) == 128 + number


@every_interrupt
def test_handlers_are_as_before(number):
    """Of a signal that is ignored or that the program hears itself, too; it never comes to us then."""
    for before in (signal.getsignal(number), signal.SIG_IGN, lambda *given: None):
        kept = signal.signal(number, before)
        try:
            with interrupts_raised(), interrupt_deferred() as noted:
                if before is not kept:
                    signal.raise_signal(number)
                    assert not noted()
            assert signal.getsignal(number) is before
        finally:
            signal.signal(number, kept)


def test_other_threads_hear_nothing():
    """Where a command is run by a thread of its own, which may not set handlers, it runs all the same."""
    done = []

    def work():
        with interrupts_raised(), interrupt_deferred() as noted:
            done.append(noted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [0]


@every_interrupt
def test_every_command_ends_with_the_signal_s_code(monkeypatch, capsys, number):
    """One line on stderr, wherever it comes: while the command is loaded, or at work."""

    def at_work(args):
        signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(sample_command, "run", at_work)
        assert run("sample 7", capsys) == (128 + number, "", "nitograph sample: stopped\n")
    monkeypatch.setattr(sample_command, "add_arguments", at_work)
    assert run("sample 7", capsys) == (128 + number, "", "nitograph sample: stopped\n")


def test_other_ignored_errors_are_reported_as_before(monkeypatch):
    """And no handler stays behind."""
    reported = []
    monkeypatch.setattr("sys.unraisablehook", reported.append)
    with interrupts_raised():
        ctypes.CFUNCTYPE(None)(lambda: 1 / 0)()
        ctypes.CFUNCTYPE(None)(interrupt)()
    assert [ignored.exc_type for ignored in reported] == [ZeroDivisionError]
    time.sleep(0.05)


@every_interrupt
def test_the_first_is_noted_and_the_second_raised(number):
    """Only within; the second may be another signal."""
    with interrupts_raised():
        for second in INTERRUPTS:
            with interrupt_deferred() as noted:
                assert noted() == 0
                signal.raise_signal(number)
                assert noted() == number
                with pytest.raises(KeyboardInterrupt) as caught:
                    signal.raise_signal(second)
                assert exit_code(caught.value) == 128 + second
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@every_interrupt
def test_training_ends_after_the_step(tmp_path, corpus, monkeypatch, capsys, number):
    """A signal in the middle of a step: the last checkpoint is that of the whole step."""
    monkeypatch.chdir(tmp_path)
    corpus.save("c.npz")
    flags = "--design plain --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 --batch-size 8 --seed 1"
    word = f"train --dataset c.npz {flags} --validation-fraction 0.2 --epochs 2"
    step, kept, waiting = trainer.descend, [], [number]

    def interrupted(optimizer, *given, **more):
        update = optimizer._muon

        def in_the_middle(*args):
            if len(kept) == 3 and waiting:
                signal.raise_signal(waiting.pop())
            return update(*args)

        optimizer._muon = in_the_middle
        step(optimizer, *given, **more)
        kept.append(optimizer)
        optimizer._muon = update

    monkeypatch.setattr(trainer, "descend", interrupted)
    code, out, err = run(f"{word} --optimizer muon", capsys)
    assert (code, err) == (128 + number, "nitograph train: stopped\n")
    assert "stopped at step 4; --resume continues from string_ai_last.pt" in out
    state = torch.load("string_ai_last.pt", weights_only=True)
    assert (len(kept), state["step"]) == (4, 4)
    monkeypatch.setattr(trainer, "descend", step)
    assert run(f"{word} --optimizer muon --resume", capsys)[0] == 0
    stopped = torch.load("string_ai_last.pt", weights_only=True)["network"]
    assert run(f"{word} --optimizer muon", capsys)[0] == 0
    whole = torch.load("string_ai_last.pt", weights_only=True)["network"]
    assert all(torch.equal(stopped[name], whole[name]) for name in whole)


@every_interrupt
def test_preparing_keeps_finished_parts(tmp_path, monkeypatch, capsys, number):
    """A signal in the second part: said, no corpus yet; the same command weaves only what is left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(prepare, "PART", 20)
    weave, woven, waiting = encoder.weave_targets, [], [number]

    def interrupted(wanted, settings):
        woven.append(len(wanted))
        if len(woven) == 2 and waiting:
            signal.raise_signal(waiting.pop())
        return weave(wanted, settings)

    monkeypatch.setattr(encoder, "weave_targets", interrupted)
    woven_as = "--nails 32 --canvas-size 16 --max-lines 9 --zernike-order 4"
    words = f"prepare --split test --samples 60 {woven_as} -o a.npz"
    code, out, err = run(words, capsys)
    assert (code, err) == (128 + number, "nitograph prepare: stopped\n")
    assert out == "20 of 60 threads are saved; the same command continues from there\n"
    assert not Path("a.npz").exists()
    assert run(words, capsys)[0] == 0
    assert woven == [20, 20, 20, 20]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@every_interrupt
def test_weaving_keeps_the_thread_so_far(tmp_path, monkeypatch, capsys, number):
    """A signal after some chords: they are written and said."""
    advance, calls = Weaver.advance, []

    def interrupted(self: Weaver) -> bool:
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(number)
        self._step = 2  # chords in a call
        return advance(self)

    monkeypatch.setattr(Weaver, "advance", interrupted)
    words = f"weave mnist:test:17 --nails 32 --canvas-size 24 -o {tmp_path / 'a.json'}"
    code, out, err = run(words, capsys)
    assert (code, err) == (128 + number, "")
    assert "saving the thread so far" in out
    assert Thread.from_json((tmp_path / "a.json").read_text()).line_count == 4


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


@pytest.mark.slow
def test_nothing_compiled_returns_an_array():
    """Numba would call Python for it and die if Ctrl-C came meanwhile; so each fills what it is given."""
    call_everything()
    returned = {
        name: {signature.return_type for signature in function.nopython_signatures}
        for name, function in compiled().items()
    }
    assert [name for name, kinds in returned.items() if not kinds] == []
    assert {name: kinds for name, kinds in returned.items() if any(map(holds_arrays, kinds))} == {}
