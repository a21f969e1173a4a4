"""Guards of many threads as a stream: the same bytes however they are shared out, stopped and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cli_help import fails, run
from nitograph.cli import sample as sample_command
from nitograph.errors import FileError
from nitograph.io import streams
from nitograph.io.locks import sole_writer
from nitograph.io.streams import Item, LinesFile, ShardFolder, line_items
from nitograph.sampling.sampler import BATCH, MANY, SampleSettings
from nitograph.sampling.stream import UNIT, Order, stream
from nitograph.thread import Thread

COUNT = 2 * UNIT + 70


@pytest.fixture(scope="module")
def folder(tmp_path_factory, planned):
    """A folder with weights that have learned nothing."""
    found = tmp_path_factory.mktemp("stream")
    planned.save(found / "w.safetensors")
    return found


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def order(weights, **changes):
    """Threads of no class in particular."""
    given = {"label": None, "seed": 5, "count": 3 * MANY + 9, "settings": SampleSettings()} | changes
    return Order(weights, **given)


def sample(words: str, capsys) -> str:
    """What `nitograph sample 3 --checkpoint w.safetensors WORDS` prints, that succeeds in silence."""
    code, out, err = run(f"sample 3 --checkpoint w.safetensors {words}", capsys)
    assert (code, err) == (0, "")
    return out


def joined(found) -> list[Thread]:
    """All threads of a stream, as one list."""
    return [thread for items in found for thread in items]


@pytest.mark.parametrize("unit", [BATCH, 3 * BATCH, 100 * BATCH])
def test_units_change_nothing(planned, unit):
    """Threads are the same in units of any size, from any place on, and in runs of any length."""
    whole = joined(stream(order(planned), list))
    assert len(whole) == 3 * MANY + 9
    assert len(set(whole)) > 100
    assert joined(stream(order(planned, unit=unit), list)) == whole
    assert joined(stream(order(planned, unit=unit), list, start=131)) == whole[131:]
    assert joined(stream(order(planned, unit=unit, count=MANY + 1), list)) == whole[: MANY + 1]
    assert joined(stream(order(planned, unit=unit, seed=6), list))[:200] == whole[1:201]


def test_few_threads_are_not_filled_up(plain):
    """A thread alone is decoded alone."""
    (alone,) = stream(order(plain, count=1), list)
    assert len(alone) == 1
    assert alone[0].provenance["seed"] == 5


@pytest.fixture(scope="module")
def whole(folder):
    """The bytes of a run in one go, in this process."""
    os.chdir(folder)
    words = f"sample 3 --checkpoint w.safetensors --count {COUNT} --workers 1 -o whole.jsonl"
    assert sample_command.__name__
    from nitograph.cli import main

    assert main(words.split()) == 0
    return (folder / "whole.jsonl").read_bytes()


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(whole, capsys, folder):
    """Two share the units; nothing but the file is left."""
    out = sample(f"--count {COUNT} --workers 2 -o two.jsonl", capsys)
    assert out.startswith(f"two.jsonl: {COUNT} threads, ")
    assert (folder / "two.jsonl").read_bytes() == whole
    assert not list(folder.glob(".*"))
    seeds = [json.loads(line)["seed"] for line in whole.splitlines()]
    assert seeds == list(range(42, 42 + COUNT))


@pytest.mark.slow
def test_killed_and_started_again(whole, folder, capsys):
    """kill -9 in the middle: the same command goes on where the journal stood, to the same bytes."""
    words = ["sample", "3", "--checkpoint", "w.safetensors", "--workers", "1", "--count", "200000"]
    parts = folder / ".killed.jsonl.parts"
    command = [sys.executable, "-m", "nitograph", *words, "-o", "killed.jsonl"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        while not list(parts.glob("[!.]*.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (partial,) = parts.glob("[!.]*.jsonl")
    done = json.loads(partial.with_suffix(".json").read_text())[0]
    assert 0 < done < 200_000
    lines = partial.read_bytes().split(b"\n")[:done]
    assert b"\n".join(lines[: min(done, COUNT)]) == b"\n".join(whole.split(b"\n")[: min(done, COUNT)])
    shown = []
    with pytest.MonkeyPatch.context() as patch:

        def cut(*given, **more):
            shown.append(more["start"])
            raise KeyboardInterrupt

        patch.setattr(sample_command, "stream", cut)
        code, out, _ = run(" ".join([*words, "-o killed.jsonl"]), capsys)
    assert (code, shown) == (130, [done])
    assert f"{done} of 200000 threads are saved; the same command continues from there" in out


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_there(whole, capsys, monkeypatch, folder):
    """A second call goes on from the unit that was written last, in another number of processes."""
    really = sample_command.stream

    def stopped(*given, **more):
        yield next(iter(really(*given, **more)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sample_command, "stream", stopped)
        code, out, err = run(
            f"sample 3 --checkpoint w.safetensors --count {COUNT} --workers 1 -o c.jsonl", capsys
        )
    assert (code, err) == (130, "nitograph sample: stopped\n")
    assert out == f"{UNIT} of {COUNT} threads are saved; the same command continues from there\n"
    assert not (folder / "c.jsonl").exists()
    out = sample(f"--count {COUNT} --workers 1 -o c.jsonl", capsys)
    assert out.startswith(f"{UNIT} of {COUNT} threads are there already\nc.jsonl: {COUNT} threads, ")
    assert (folder / "c.jsonl").read_bytes() == whole
    assert not (folder / ".c.jsonl.parts").exists()


@pytest.mark.slow
def test_shards_are_the_file_in_pieces(whole, capsys, folder, monkeypatch):
    """Stopped in the third shard and gone on with; a finished folder says so, another run is refused."""
    really = sample_command.stream
    words = f"--count {COUNT} --workers 1 --shard-size 300 -o pieces"

    def stopped(*given, **more):
        found = iter(really(*given, **more))
        yield next(found)
        yield next(found)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sample_command, "stream", stopped)
        code, out, _ = run(f"sample 3 --checkpoint w.safetensors {words}", capsys)
    assert (code, out.splitlines()[-1]) == (
        130,
        f"900 of {COUNT} threads are saved; the same command continues from there",
    )
    mean = sample(words, capsys).rpartition(":")[2]
    pieces = sorted((folder / "pieces").glob("*.jsonl"))
    assert [len(path.read_bytes().splitlines()) for path in pieces] == [300, 300, 300, 194]
    assert b"".join(path.read_bytes() for path in pieces) == whole
    assert sorted(path.name for path in (folder / "pieces").iterdir() if path not in pieces) == [
        "manifest.json"
    ]
    assert mean in sample(f"--count {COUNT} --workers 1 -o again.jsonl", capsys)
    assert sample(words, capsys) == f"pieces is finished: {COUNT} threads\n"
    fails(
        f"sample 3 --checkpoint w.safetensors {words} --seed 1",
        1,
        "holds a sample of other settings",
        capsys,
    )


@pytest.mark.slow
def test_parquet(whole, capsys, folder):
    """Rows of the same threads, with what they share; the same bytes at the second time."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("table", "table2"):
        sample(f"--count {COUNT} --workers 1 --format parquet --shard-size 1000 -o {name}", capsys)
    paths = sorted((folder / "table").glob("*.parquet"))
    assert [path.read_bytes() for path in paths] == [
        (folder / "table2" / path.name).read_bytes() for path in paths
    ]
    tables = [parquet.read_table(path) for path in paths]
    assert [len(table) for table in tables] == [1000, COUNT - 1000]
    rows = [row for table in tables for row in table.to_pylist()]
    common = json.loads(tables[0].schema.metadata[b"nitograph"])
    for line, row in zip(whole.splitlines(), rows, strict=True):
        record = json.loads(line)
        assert (row["seed"], row["label"], row["nails"]) == (record["seed"], "3", record["nails"])
        del record["provenance"]["seed"]
        assert common == {"num_nails": record["num_nails"], "provenance": record["provenance"]}


FAULTS = [
    ("--format parquet -o a.jsonl", "name a folder, with no ending"),
    ("--workers 0", "workers must be 1 to 4096, got 0"),
    ("--workers 2 --device cuda", "device cuda decodes in one process"),
    ("--shard-size 0 -o b", "shard_size must be 1 to 1000000, got 0"),
    ("-o w.safetensors/a", "cannot write"),
    ("-o full", "full is not empty and holds no sample"),
    ("-o none/a", "there is no folder none"),
]


@pytest.mark.parametrize(("words", "part"), FAULTS)
def test_faults(folder, capsys, words, part):
    """One line, and nothing is written."""
    (folder / "full").mkdir(exist_ok=True)
    (folder / "full" / "mine.txt").write_text("here")
    fails(f"sample 3 --checkpoint w.safetensors --count 600 {words}", 1, part, capsys)


def test_parquet_needs_pyarrow(monkeypatch, capsys):
    """Said before any work."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    fails("sample 3 --format parquet -o p", 1, "pip install 'nitograph[parquet]'", capsys)


@pytest.mark.parametrize("output", ["busy.jsonl", "busy"])
def test_one_writer_at_a_time(capsys, folder, output):
    """A second run on one output is refused in one line, and does not hurt the first."""
    lock = folder / (".busy.jsonl.parts" if output.endswith("l") else "busy") / "lock"
    with sole_writer(lock, output):
        fails(
            f"sample 3 --checkpoint w.safetensors --count 600 --workers 1 -o {output}",
            1,
            f"another process is writing {output}; wait until it has ended",
            capsys,
        )
        assert lock.exists()
    assert not lock.parent.exists()


def items(first: int, count: int) -> list[Item]:
    """Lines of different lengths."""
    return [Item(1, f"{number}\n".encode()) for number in range(first, first + count)]


def test_what_the_journal_does_not_speak_of_is_written_again(tmp_path, monkeypatch):
    """Lines after the last entry are cut off; where the rest is damaged, all begins anew."""
    parts = tmp_path / "parts"
    parts.mkdir()
    monkeypatch.setattr(streams, "EVERY", 1e9)
    file = LinesFile(tmp_path / "a.jsonl", parts, "id")
    file.add(items(0, 50))
    file.keep()
    file.add(items(50, 7))
    file._file.flush()
    assert (parts / "id.jsonl").read_bytes().count(b"\n") == 57
    file.close()
    again = LinesFile(tmp_path / "a.jsonl", parts, "id")
    assert (again.done, again.chords) == (50, 50)
    again.add(items(50, 5))
    again.keep()
    again.close()
    damaged = bytearray((parts / "id.jsonl").read_bytes())
    damaged[20] ^= 1
    (parts / "id.jsonl").write_bytes(damaged)
    anew = LinesFile(tmp_path / "a.jsonl", parts, "id")
    assert anew.done == 0
    anew.add(items(0, 55))
    anew.finish()
    assert (tmp_path / "a.jsonl").read_bytes() == b"".join(item.body for item in items(0, 55))
    assert list(parts.iterdir()) == []
    (parts / "other.jsonl").write_text("of other settings")
    LinesFile(tmp_path / "a.jsonl", parts, "id").close()
    assert [path.name for path in parts.iterdir()] == ["id.jsonl"]


@pytest.mark.parametrize("text", ["", "{", "[]", "[1, 2, 3]", "[1, -2]", '["a", 2]', "[" * 100_000])
def test_damaged_journals_count_for_nothing(tmp_path, text):
    """The folder's shards are written again."""

    def fresh() -> ShardFolder:
        return ShardFolder(
            tmp_path, {"run": 1}, 10, ".txt", lambda found, first: bytes([len(found), first])
        )

    folder = fresh()
    folder.add(items(0, 25))
    assert fresh().done == 20
    (tmp_path / "progress.json").write_text(text)
    again = fresh()
    assert again.done == 0
    again.add(items(0, 25))
    again.finish()
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*.txt"))] == [b"\n\0", b"\n\n", b"\5\x14"]
    assert fresh().finished


def test_lines_are_threads(planned):
    """What is written of a thread is its JSON."""
    (found,) = stream(order(planned, count=3), line_items)
    assert [item.chords for item in found] == [len(json.loads(item.body)["nails"]) - 1 for item in found]
    assert [np.array(json.loads(item.body)["nails"]).tolist() for item in found] == [
        Thread.from_json(item.body.decode()).nails.tolist() for item in found
    ]


def test_locks(tmp_path):
    """A lock that is held is refused; its folder goes with it, unless something lies there."""
    with (
        sole_writer(tmp_path / "lock", "a"),
        pytest.raises(FileError, match="another process is writing a"),
        sole_writer(tmp_path / "lock", "a"),
    ):
        pass
    with sole_writer(tmp_path / "new" / "lock", "a"):
        Path(tmp_path / "new" / "kept").write_text("")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kept"]
