"""Guards of work in threads: order, one tool per thread, errors, and the usable cores."""

import os
import threading
import time
from contextlib import closing

import pytest

from nitograph.compute import parallel
from nitograph.compute.cores import cores
from nitograph.compute.parallel import in_threads


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_order(count, monkeypatch):
    """Whatever part ends first; no tool is used by two parts at once, and there are no more than cores."""
    monkeypatch.setattr(parallel, "cores", lambda: count)
    made = []

    def make():
        made.append(threading.Lock())
        return made[-1]

    def work(tool, part):
        assert tool.acquire(blocking=False)
        time.sleep(0.01 if part % 2 else 0.002)
        tool.release()
        return part * part

    assert list(in_threads(work, make, range(9))) == [part * part for part in range(9)]
    assert len(made) == count


def test_an_error_ends_the_work(monkeypatch):
    """The first error is raised, and parts that have not begun never begin."""
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    begun = []

    def work(tool, part):
        begun.append(part)
        time.sleep(0.02)
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        list(in_threads(work, object, range(50)))
    reached = len(begun)
    time.sleep(0.1)
    assert len(begun) == reached < 50


def test_an_end_before_the_end(monkeypatch):
    """Closing the generator waits only for the parts that have begun."""
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    begun = []
    with closing(
        in_threads(lambda tool, part: (begun.append(part), time.sleep(0.02)), object, range(50))
    ) as done:
        next(done)
    reached = len(begun)
    time.sleep(0.1)
    assert len(begun) == reached < 50


def test_at_most(monkeypatch):
    """The caller can limit the number of threads."""
    made = []
    assert list(in_threads(lambda tool, part: part, lambda: made.append(0), range(5), max_threads=1)) == [
        *range(5)
    ]
    assert len(made) == 1


def test_cores_are_those_of_the_process(monkeypatch):
    """What taskset leaves counts, not what the machine has; some systems do not report it."""
    assert 1 <= cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores() == (os.cpu_count() or 1)
