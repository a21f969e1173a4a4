"""Guards of weaving on a cluster of real processes: the bytes of one machine, whoever dies meanwhile."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from nitograph.corpus import cluster as cluster_module, prepare, shards
from nitograph.corpus.cluster import cluster
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import ARRAYS
from nitograph.corpus.shards import build_shards
from nitograph.errors import ProcessError
from tiny import ROWS, WEAVING, small_corpus, some_images

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Dask's own, about sockets of workers that were killed
]
SAMPLES = 320  # in parts of 16


@pytest.fixture(scope="module")
def address():
    """A cluster of two processes, in which a task is given up when its worker dies once."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as found,
    ):
        yield found.scheduler_address


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(prepare, "PART", 16)
    monkeypatch.setattr(shards, "PARTS_EACH", 4)


def wanted():
    """The settings of a corpus of warped pictures."""
    return ROWS.replace(samples=SAMPLES, augment=2)


def workers(address: str) -> list[int]:
    """The processes of the workers."""
    with distributed.Client(address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_a_killed_worker_changes_no_byte(address, tmp_path):
    """Killed in the middle: its parts are woven elsewhere; the shards are those of one machine."""
    build_shards(tmp_path / "here", some_images(), wanted(), WEAVING)
    killed = []

    def kill(count: int) -> None:
        if not killed:
            killed.append(workers(address)[0])
            os.kill(killed[0], signal.SIGKILL)

    with cluster(address) as engine:
        build_shards(tmp_path / "there", some_images(), wanted(), WEAVING, engine=engine, progress=kill)
    assert killed
    assert killed[0] not in workers(address)
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("here", "there")
    )
    assert one == other


def test_parts_are_kept_and_not_woven_again(address, tmp_path):
    """Stopped after some parts, it goes on with the others, here or there."""

    def stop(count: int) -> None:
        if count >= 80:
            raise KeyboardInterrupt

    images, parts = some_images(), tmp_path / "parts"
    with cluster(address) as engine, pytest.raises(KeyboardInterrupt):
        build(images, wanted(), WEAVING, parts=parts, engine=engine, progress=stop)
    kept = {int(path.stem) for path in parts.rglob("*.npz")}
    assert len(kept) == 5
    asked = []

    def counted(tasks):
        for task in tasks:
            asked.append(task.first)
            yield task.first, prepare.weave(task)

    made = build(images, wanted(), WEAVING, parts=parts, engine=counted)
    assert sorted([*asked, *kept]) == list(range(0, SAMPLES, 16))
    whole = small_corpus(samples=SAMPLES, augment=2)
    assert all(np.array_equal(getattr(made, name), getattr(whole, name)) for name in ARRAYS)


def deadly(data, version):
    """A part that no worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)


def faulty(data, version):
    """A part that cannot be woven there."""
    raise ZeroDivisionError("over\nthere")


FAULTS = {
    "__version__": ("0.0.0", "install the same version everywhere"),
    "DEATHS": (2, "the workers that wove part 0 died 2 times; give them more memory"),
    "AHEAD": (1, "could not weave a part .ZeroDivisionError: over there.; start the same"),
}


@pytest.mark.parametrize("changed", FAULTS)
def test_faults_of_workers_are_one_line(address, monkeypatch, capfd, changed):
    """Workers of another version, a part whose workers always die, and one that cannot be woven."""
    value, line = FAULTS[changed]
    monkeypatch.setattr(cluster_module, changed, value)
    work = {"DEATHS": deadly, "AHEAD": faulty}.get(changed, cluster_module.woven_from)
    monkeypatch.setattr(cluster_module, "woven_from", work)
    with cluster(address) as engine, pytest.raises(ProcessError, match=line) as caught:
        build(some_images(), ROWS.replace(samples=16), WEAVING, engine=engine)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("lost", "line"),
    [("workers", "the Dask cluster has had no worker for 1 s"), ("scheduler", "does not answer any more")],
)
def test_a_lost_cluster_is_one_line(monkeypatch, lost, line):
    """All workers gone for good, or the scheduler: nobody waits for ever."""
    monkeypatch.setattr(cluster_module, "WAIT_FOR_WORKERS", 1)
    monkeypatch.setattr(cluster_module, "LOOK", 0.2)
    monkeypatch.setattr(cluster_module, "WAIT", 6)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as found:
        lose = {"workers": lambda: found.scale(0), "scheduler": found.close}[lost]
        with cluster(found.scheduler_address) as engine, pytest.raises(ProcessError, match=line):
            build(some_images(), wanted(), WEAVING, engine=engine, progress=lambda done: lose())


def test_a_task_is_named_by_version_and_content(monkeypatch):
    """A scheduler keeps answers by name: another version's must not be taken."""
    first, other = (cluster_module.key_of(data, 0, 0) for data in (b"one", b"other"))
    assert first == cluster_module.key_of(b"one", 0, 0)
    monkeypatch.setattr(cluster_module, "__version__", "0.0.0")
    assert len({first, other, cluster_module.key_of(b"one", 0, 0)}) == 3


@pytest.mark.parametrize("place", ["tcp://127.0.0.1:1", "nowhere", "tcp://"])
def test_no_scheduler(monkeypatch, place):
    """Said in one line, with what to do."""
    monkeypatch.setattr(cluster_module, "WAIT", 1)
    monkeypatch.setattr(cluster_module, "WAIT_FOR_WORKERS", 1)
    with (
        pytest.raises(ProcessError, match="check the address, or start `dask worker") as caught,
        cluster(place),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="process groups")
def test_ctrl_c_leaves_nothing_behind(tmp_path):
    """In a terminal all processes get it; one line is said, all have ended, finished parts are kept."""
    words = ["prepare", "--engine", "dask", "--samples", "60000", "--nails", "32", "--canvas-size", "16"]
    words += ["--max-lines", "12", "--zernike-order", "4", "-o", "c"]
    with subprocess.Popen(
        [sys.executable, "-m", "nitograph", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not list(tmp_path.glob("c/parts/*.npz")) and not (tmp_path / "c" / "manifest.json").exists():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert err == "nitograph prepare: stopped\n"
    first, *saved = out.splitlines()
    assert first == "no --scheduler: starting a Dask cluster on the cores of this machine"
    ending = "of 60000 threads are saved; the same command continues from there"
    assert all(line.endswith(ending) for line in saved)
    for _ in range(300):  # what Dask started may need a moment
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("processes are left")
