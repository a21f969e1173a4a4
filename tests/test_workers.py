"""Guards of processes that share work: results in order, a bounded number ahead, faults in one line."""

import os
import signal
import time

import pytest

from nitograph.compute.cores import at_most, cores
from nitograph.compute.parallel import in_threads
from nitograph.compute.workers import AHEAD, in_processes
from nitograph.errors import ProcessError, SourceError


class Work:
    """What a process does here: numbers to numbers, or to its end."""

    def __init__(self, added: int) -> None:
        self.added = added

    def __call__(self, part: int) -> tuple[int, int, int]:
        """The sum, the process, and the cores it may use."""
        if part == 99:
            raise SourceError("no such part")
        if part == 98:
            raise ZeroDivisionError("part of none")
        if part == 97:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02 * (part % 3))
        return part + self.added, os.getpid(), cores()


def test_results_come_in_order_from_several_processes():
    """Each on one core, and no more parts are taken than a few ahead of the results."""
    taken = []

    def parts():
        for part in range(40):
            taken.append(part)
            yield part

    found = []
    for result in in_processes(Work, (100,), parts(), 2):
        found.append(result)
        assert len(taken) <= len(found) + 2 * AHEAD
    assert [number for number, _, _ in found] == list(range(100, 140))
    assert len({process for _, process, _ in found} | {os.getpid()}) == 3
    assert {allowed for _, _, allowed in found} == {1}


def test_nothing_to_do():
    """No parts, no results."""
    assert list(in_processes(Work, (0,), [], 1)) == []


@pytest.mark.parametrize(
    ("part", "error", "line"),
    [
        (99, SourceError, "no such part"),
        (98, RuntimeError, "ZeroDivisionError: part of none"),
        (97, ProcessError, "has ended by itself"),
    ],
)
def test_faults_are_raised_here(part, error, line):
    """Those of the work, and the end of a process, once its turn comes; no process stays."""
    results = in_processes(Work, (0,), [1, 2, part, 3], 1)
    first = next(results)
    with pytest.raises(error, match=line):
        list(results)
    with pytest.raises(ProcessLookupError):
        os.kill(first[1], 0)


def test_closing_ends_the_processes():
    """A caller that needs no more leaves nothing behind."""
    results = in_processes(Work, (0,), range(1000), 1)
    _, process, _ = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_limit_holds_within_its_block():
    """Limits within limits: the lowest counts, and threads keep to it."""
    before = cores()
    with at_most(before + 5), at_most(1):
        assert cores() == 1
        assert len(set(in_threads(lambda tool, part: id(tool), object, range(20)))) == 1
    assert cores() == before
