"""Guards of training in several processes: the steps of one, checkpoints for any number, an end for all."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from nitograph.corpus.prepare import build
from nitograph.corpus.rows import Corpus
from nitograph.errors import ProcessError
from nitograph.training import plan_phase, processes
from nitograph.training.settings import TrainSettings
from nitograph.training.shares import Share
from nitograph.training.trainer import Trainer
from test_reliability import MODEL_FLAGS, child, start, wait_for
from tiny import MODEL, ROWS, WEAVING, some_images

# 49 training rows: six steps of eight and one of a single row, of which the second process has none.
SETTINGS = TrainSettings(
    epochs=2, batch_size=8, plan_rows=5, plan_steps=6, validation_fraction=0.18, seed=1, plan_turn=0.2
)
STILL = MODEL.replace(dropout=0.0)  # what dropout drops is each process's own
SEES = SETTINGS.replace(flow_steps=3, flow_batch=5, own_walks=0.3, expected_error=0.2)
CASES = {"codes": (STILL, SETTINGS), "sight": (STILL.replace(sight=True), SEES)}
DROPS = MODEL, SETTINGS.replace(epochs=1)
STOP = 10  # steps, where a checkpoint is taken over
NEAR = {"rtol": 1e-3, "atol": 1e-4}  # far above rounding, far below what another seed gives


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 2, 6, 7, 20])
def test_shares_are_the_whole(world, rows):
    """All shares together are the rows, and what is drawn for them is what one process draws."""
    step = np.arange(100, 100 + rows)

    def drawn(rng, count):
        """As an objective draws: for each row once and twice, and once for all."""
        return rng.random(count), rng.random(), rng.normal(0, 0.5, (count, 2)), rng.random((3, 3))

    one, number, normal, block = drawn(np.random.default_rng(3), rows)
    seen = []
    for rank in range(world):
        mine = Share(rank, world).of(step, np.random.default_rng(3))
        assert len(mine.rows) == max(1, len(range(rank, rows, world)))
        assert mine.weight == (rank < rows)
        found = drawn(mine.rng, len(mine.rows))
        places = mine.rows - 100
        assert np.array_equal(found[0], one[places])
        assert found[1] == number
        assert np.array_equal(found[2], normal[places])
        if len(mine.rows) != 3:  # a draw of another size is everybody's
            assert np.array_equal(found[3], block)
        seen += mine.rows.tolist() * mine.weight
    assert sorted(seen) == step.tolist()


def curve(trainer, stop=None):
    """What the reports of each step say: losses, and the errors of light and of the flow."""
    found = []
    for report in trainer.run(report_every=0.0, validate_every=1e9):
        losses = (report.light_error, report.flow_loss, report.nail_loss, report.plan_loss)
        found.append([loss or 0.0 for loss in losses])
        if stop and trainer.step == stop:
            break
    return found


SCRIPT = """
import json, sys
sys.path.insert(0, {tests!r})
from nitograph.corpus import load_corpus
from nitograph.training import plan_phase
from nitograph.training.processes import leave_group
from test_shares import CASES, DROPS, STOP, Trainer, curve
plan_phase.PLAN_BATCH = 33
ends = []
for case, (model, settings) in CASES.items():
    fresh = lambda: Trainer(load_corpus(case + ".npz"), model, settings)
    whole, half, taken = fresh(), fresh(), fresh()
    found = [curve(whole), curve(half, STOP)]
    half.save(f"{{case}}-{{half.rank}}.pt")
    taken.resume(case + ".pt")
    found.append(curve(taken))
    ends.append(whole.weights().digest)
    if whole.rank == 0:
        open(case + ".json", "w").write(json.dumps(found))
drops = Trainer(load_corpus("codes.npz"), *DROPS)
curve(drops)
ends.append(drops.weights().digest)
open(f"{{drops.rank}}.json", "w").write(json.dumps(ends))
leave_group()
"""


class Pair(NamedTuple):
    """What two processes were given, by one, and the folder of what they made."""

    folder: Path
    corpora: dict[str, Corpus]
    alone: dict[str, list[list[float]]]
    first: dict[str, list[list[float]]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory, corpus) -> Iterator[Pair]:
    """Every case by one process here, then by two that torchrun starts."""
    seen = build(some_images(), ROWS, WEAVING.replace(canvas_size=64))
    made = Pair(tmp_path_factory.mktemp("pair"), {"codes": corpus, "sight": seen}, {}, {})
    (made.folder / "two.py").write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_phase, "PLAN_BATCH", 33)
        for case, given in CASES.items():
            made.corpora[case].save(made.folder / f"{case}.npz")
            made.alone[case] = curve(Trainer(made.corpora[case], *given))
            half = Trainer(made.corpora[case], *given)
            made.first[case] = curve(half, STOP)
            half.save(made.folder / f"{case}.pt")
        words = ["--standalone", "--nproc-per-node", "2", "two.py"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with start(*words, cwd=made.folder, module="torch.distributed.run", env=environment) as process:
            _, err = process.communicate()
        assert process.returncode == 0, err[-3000:]
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_take_the_steps_of_one(pair, case):
    """The curve of losses is the same but for rounding, also across a checkpoint of the other number."""
    (model, settings), corpus, alone = CASES[case], pair.corpora[case], pair.alone[case]
    record = json.loads((pair.folder / f"{case}.json").read_text())
    whole, second, taken = (np.array(found) for found in record)
    flow, first = settings.flow_steps or 0, pair.first[case]
    assert len(alone) == 6 + flow + 14 + 2 + 1
    assert np.allclose(whole, alone, **NEAR)
    assert np.allclose(second, first, **NEAR)
    rest = alone[len(first) :]
    assert np.allclose(taken, rest, **NEAR)
    back = Trainer(corpus, model, settings)
    back.resume(pair.folder / f"{case}-0.pt")
    assert back.step == STOP
    assert np.allclose(curve(back), rest, **NEAR)
    other = curve(Trainer(corpus, model, settings.replace(seed=2)))
    assert not np.allclose(other[6 + flow :][:6], alone[6 + flow :][:6], rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_two_processes_hold_equal_weights(pair):
    """Both end with the same bits, also where each drops other connections; cases differ."""
    one, other = (json.loads((pair.folder / f"{rank}.json").read_text()) for rank in (0, 1))
    assert one == other
    assert len(set(one)) == len(CASES) + 1


@pytest.mark.slow
@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_killed_process_ends_all(tmp_path, corpus, rank):
    """kill -9 of one: the other says so in one line and ends; one process goes on from the checkpoint."""
    corpus.save(tmp_path / "c.npz")
    words = ["--standalone", "--nproc-per-node", "2", "-m", "nitograph", "train", "--dataset", "c.npz"]
    words += [*MODEL_FLAGS, "--plan-steps", "3", "--epochs", "100000"]
    log, last = tmp_path / "string_ai.jsonl", tmp_path / "string_ai_last.pt"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with start(*words, cwd=tmp_path, module="torch.distributed.run", env=environment) as process:
        wait_for(lambda: log.exists() and '"kind": "valid"' in log.read_text(), process)
        os.kill(child(process.pid, rank), signal.SIGKILL)
        _, err = process.communicate()
    assert process.returncode != 0
    own = [line for line in err.splitlines() if line.startswith("nitograph train:")]
    assert own == [
        "nitograph train: another process of this run has ended, or is not heard of; "
        "--resume continues from string_ai_last.pt"
    ]
    assert not re.search(r'File ".*nitograph', err)
    state = torch.load(last, weights_only=True)
    epochs = str(state["step"] // 7 + 2)
    resumed = ["train", "--dataset", "c.npz", "--resume", "--device", "cpu", "--epochs", epochs]
    with start(*resumed, cwd=tmp_path) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, ""), out
    assert torch.load(last, weights_only=True)["step"] > state["step"]


def test_faults_of_the_others_are_one_line(monkeypatch):
    """Whatever the library raises while processes communicate; and one of them tells."""

    def fails(*given, **more):
        raise RuntimeError("Connection closed by peer [127.0.0.1]:1\n at somewhere.cpp")

    for name in ("all_reduce", "broadcast", "init_process_group"):
        monkeypatch.setattr(processes.dist, name, fails)
    one = torch.nn.Parameter(torch.ones(2))
    one.grad = torch.ones(2)
    cpu = torch.device("cpu")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for call in (
        lambda: processes.average_gradients([one], 2),
        lambda: processes.sums_of([1.0], 2, cpu),
        lambda: processes.of_first(1.0, 2, cpu),
        lambda: processes.any_of(True, 2, cpu),
        lambda: processes.join_group("cpu"),
    ):
        with pytest.raises(ProcessError, match="another process of this run has ended"):
            call()
    assert processes.first_to_tell()


def test_gradients_travel_as_one(monkeypatch):
    """Their mean comes back to each parameter; those without a gradient stay so."""
    calls = []

    def doubled(whole):
        calls.append(len(whole))
        whole.mul_(3)  # as if another process had twice the gradient

    monkeypatch.setattr(processes.dist, "all_reduce", doubled)
    found = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (4,), (1,))]
    found[0].grad, found[2].grad = torch.arange(6.0).view(2, 3), torch.tensor([8.0])
    processes.average_gradients(found, 2)
    assert calls == [7]
    assert torch.equal(found[0].grad, 1.5 * torch.arange(6.0).view(2, 3))
    assert found[1].grad is None
    assert found[2].grad.item() == 12
