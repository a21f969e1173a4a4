"""What a run takes over and learns from: plans of a teacher, the flow, own walks; and how it ends."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from nitograph.board import violations
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import load_corpus
from nitograph.errors import FileError
from nitograph.model.network import Network
from nitograph.model.plan import encode_plan
from nitograph.model.sharpen import SIDE, enlarged
from nitograph.training import plan_phase
from nitograph.training.checkpoints import checkpoint_weights
from nitograph.training.expert import MOST, corrected, own_walks, regrets
from nitograph.training.measure import thinned
from nitograph.training.settings import TrainSettings
from nitograph.training.shares import Share
from nitograph.training.teacher import Teacher
from nitograph.training.threads import counts, quickest
from nitograph.training.trainer import Trainer
from nitograph.weaving.encoder import targets
from tiny import MODEL, ROWS, WEAVING, random_weights, some_images

SEEN = WEAVING.replace(canvas_size=2 * SIDE)
SIGHTED = MODEL.replace(sight=True, dropout=0.0)
QUICK = TrainSettings(
    epochs=1,
    batch_size=16,
    plan_rows=8,
    plan_steps=5,
    flow_steps=4,
    flow_batch=4,
    validation_fraction=0.2,
    seed=1,
)


@pytest.fixture(scope="module")
def seen():
    """Sixty threads with their pictures."""
    return build(some_images(), ROWS, SEEN)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(plan_phase, "PLAN_BATCH", 32)


def taught_by(model=MODEL, **more):
    """Weights of the small model on the board of these threads."""
    return random_weights(model, weaving=SEEN.to_dict(), **more)


def follow(trainer, *, stop=None):
    """All reports of a run, one per step, up to the `stop`th."""
    return list(itertools.islice(trainer.run(report_every=0.0, validate_every=1e9), stop))


def bits(trainer):
    """All tensors that the next step depends on."""
    found = {f"net.{name}": value for name, value in trainer.network.state_dict().items()}
    if trainer.flow_phase:
        found |= {f"flow.{name}": value for name, value in trainer.flow_phase.flow.state_dict().items()}
        found |= {f"smooth.{name}": value for name, value in trainer.flow_phase.smooth.items()}
    return {name: value.clone() for name, value in found.items()}


def test_a_corpus_keeps_its_pictures(seen, tmp_path):
    """As the encoder's targets shrunk; they are split, saved and read with their rows, and checked."""
    assert seen.pictures.shape == (60, SIDE, SIDE)
    wanted = targets(some_images().images[seen.sources], SEEN)
    assert np.abs(enlarged(seen.pictures / 255) - wanted).mean() < 0.01
    part = seen.take(np.array([5, 2]))
    assert (part.pictures[1] == seen.pictures[2]).all()
    seen.save(tmp_path / "seen.npz")
    assert (load_corpus(tmp_path / "seen.npz").pictures == seen.pictures).all()
    for wrong in (seen.pictures[:, :-1], seen.pictures[:-1], seen.pictures.astype(np.uint16)):
        dataclasses.replace(seen, pictures=wrong).save(tmp_path / "wrong.npz")
        with pytest.raises(FileError, match="prepare it again"):
            load_corpus(tmp_path / "wrong.npz")


def test_a_corpus_without_pictures_is_read(seen, tmp_path):
    """One of an older version, or of another canvas; a model with sight then learns from light."""
    older = dataclasses.replace(seen, pictures=None)
    older.save(tmp_path / "older.npz")
    assert load_corpus(tmp_path / "older.npz").pictures is None
    assert build(some_images(), ROWS, WEAVING).pictures is None
    trainer = Trainer(older, SIGHTED, QUICK)
    assert not trainer.objective.sees_pictures
    assert trainer.flow_phase is None


def test_pictures_are_woven_again_where_a_part_lacks_them(seen, tmp_path):
    """A folder of parts from an interrupted build of an older version."""
    build(some_images(), ROWS, SEEN, parts=tmp_path)
    (part,) = tmp_path.glob("*/0.npz")
    kept = dict(np.load(part))
    del kept["pictures"]
    np.savez(part, **kept)
    assert (build(some_images(), ROWS, SEEN, parts=tmp_path).pictures == seen.pictures).all()


def test_the_teacher_draws_as_it_says(seen):
    """Its chances along the plans that it draws are those of the plans given; drawn codes follow them."""
    weights = dataclasses.replace(taught_by(), classes=tuple("01x3456789"))
    teacher = Teacher(Network.from_weights(weights), ("3", "x"), torch.device("cpu"))
    labels = torch.tensor([0, 1, 2] * 400)
    codes, chances = teacher.draw(labels, np.random.default_rng(1))
    assert torch.allclose(chances, teacher.chances(labels, codes), atol=1e-5)
    own = teacher.network.plan_logits(torch.tensor([3, 2, 10] * 400), codes).softmax(-1)
    assert torch.allclose(chances, own, atol=1e-5)
    first = chances[0, 0]
    found = torch.bincount(codes[::3, 0], minlength=len(first)) / 400
    assert float((found - first).abs().sum()) < float((found - first.flip(0)).abs().sum())


def test_a_plan_is_taken_over_and_its_prior_learned(seen):
    """The autoencoder as it is, no plan phase; the chances of codes come nearer to the teacher's."""
    weights = taught_by(MODEL.replace(ff_dim=32))  # another trunk: nothing of the prior is copied
    trainer = Trainer(seen, SIGHTED, QUICK.replace(plan_rows=64, epochs=4, flow_steps=0))
    assert trainer.take_plan(weights)
    teacher, rng = trainer.objective.teacher, np.random.default_rng(0)
    labels = torch.arange(10).repeat(20)
    codes, chances = teacher.draw(labels, rng)

    def apart():
        with torch.inference_mode():
            logits = trainer.network.plan_logits(labels, codes).log_softmax(-1)
        return float((chances * (chances.clamp_min(1e-9).log() - logits)).sum(-1).mean())

    before = apart()
    kinds = {report.kind for report in follow(trainer)}
    assert "plan" not in kinds
    assert apart() < 0.8 * before
    made = trainer.weights()
    assert made.facts["plan_of"] == weights.digest
    for name in ("plan.encode.weight.1", "plan.decode.bias.2", "light.scale"):
        assert (made.tensors[name] == weights.tensors[name]).all(), name
    light = seen.light[:9].astype(np.float32)
    assert (encode_plan(made, light) == encode_plan(weights, light)).all()


def test_a_trunk_of_the_same_shape_brings_its_prior(seen):
    """Plans have the chances that the weights give them, on another board and with other class ids."""
    weights = dataclasses.replace(taught_by(), classes=tuple("1032456789"))
    board = build(some_images(), ROWS, SEEN.replace(nails=24))
    trainer = Trainer(board, SIGHTED, QUICK.replace(flow_steps=0))
    assert trainer.take_plan(weights)
    given = Network.from_weights(weights).eval()
    codes = torch.from_numpy(np.random.default_rng(0).integers(256, size=(3, 4)))
    with torch.inference_mode():
        wanted = given.plan_logits(torch.tensor([1, 2, 10]), codes)
        found = trainer.network.plan_logits(torch.tensor([0, 3, 10]), codes)
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("changes", [{"plan_tokens": 5}, {"zernike_order": 8}, {"plan_width": 24}])
def test_a_plan_of_another_shape_is_left(seen, changes):
    """Then the run learns its own, as it does where the weights lack a class."""
    trainer = Trainer(seen, SIGHTED, QUICK)
    assert not trainer.take_plan(taught_by(MODEL.replace(**changes)))
    assert not trainer.take_plan(dataclasses.replace(taught_by(), classes=tuple("abcdefghij")))
    assert trainer.objective.teacher is None
    assert "plan" in {report.kind for report in follow(trainer)}


def test_sight_is_gained_by_weights_without(seen):
    """Everything else is taken over; what it sees by is fresh, and learned."""
    weights = taught_by()
    trainer = Trainer(seen, SIGHTED, QUICK.replace(flow_steps=0))
    fresh = trainer.network.at("sight.base").detach().clone()
    trainer.start_from(weights)
    assert torch.equal(trainer.network.at("sight.base"), fresh)
    assert (trainer.network.at("head.light").detach().numpy() == weights.tensors["head.light"]).all()
    follow(trainer)
    assert not torch.equal(trainer.network.at("sight.base"), fresh)
    assert trainer.weights().sight is not None


def test_the_flow_is_learned_by_the_same_run(seen, tmp_path):
    """It comes before the Transformer, tells its error on held-out pictures, and lies in the weights."""
    trainer = Trainer(seen, SIGHTED, QUICK.replace(flow_steps=60))
    reports = follow(trainer)
    flow = [report for report in reports if report.kind == "flow"]
    assert [report.step for report in flow] == list(range(1, 61))
    assert np.mean([report.flow_loss for report in flow[-15:]]) < np.mean(
        [report.flow_loss for report in flow[:15]]
    )
    assert [report.flow_held_out is None for report in flow] == [True] * 59 + [False]
    made = trainer.weights()
    assert made.sharpener is not None
    assert made.sharpener.spread == pytest.approx(trainer.objective.plans("train").spread())
    trainer.save(tmp_path / "last.pt")
    kept = checkpoint_weights(tmp_path / "last.pt")
    assert (kept.digest, kept.sampling) == (made.digest, made.sampling)


def test_a_flow_is_taken_over_with_the_plan(seen, tmp_path):
    """As it is, with its classes in this run's order; with steps of its own it is trained on."""
    donor = Trainer(seen, SIGHTED, QUICK)
    follow(donor)
    given = donor.weights()
    order = tuple("1032456789")
    other = dataclasses.replace(seen, metadata={**seen.metadata, "classes": list(order)})
    trainer = Trainer(other, SIGHTED, QUICK.replace(flow_steps=None))
    assert trainer.take_plan(given)
    assert trainer.flow_phase is None
    trainer.save(tmp_path / "last.pt")
    assert checkpoint_weights(tmp_path / "last.pt").digest == trainer.weights().digest
    made = trainer.weights().sharpener
    assert (made.tensors["class"][0] == given.sharpener.tensors["class"][1]).all()
    assert (made.tensors["class"][-1] == given.sharpener.tensors["class"][-1]).all()
    assert (made.tensors["down"] == given.sharpener.tensors["down"]).all()
    further = Trainer(seen, SIGHTED, QUICK)
    further.start_from(given)
    follow(further)
    assert not (further.weights().sharpener.tensors["down"] == given.sharpener.tensors["down"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("taught", [False, True])
def test_stopped_and_resumed_is_the_whole_run(seen, tmp_path, taught):
    """Within the plan, the flow and the steps; with a teacher whose file is gone, and with own walks."""
    settings = QUICK.replace(own_walks=0.5, expected_error=0.1)

    def begun():
        trainer = Trainer(seen, SIGHTED, settings)
        if taught:
            trainer.take_plan(taught_by())
        return trainer

    whole = begun()
    follow(whole)
    done = 0
    for stop in (2, 3, 5, None):
        trainer = begun() if not done else Trainer(seen, SIGHTED, settings)
        if done:
            trainer.resume(tmp_path / "last.pt")
        done += len(follow(trainer, stop=stop))
        trainer.save(tmp_path / "last.pt")
        torch.manual_seed(99)
    wanted, found = bits(whole), bits(trainer)
    assert wanted.keys() == found.keys()
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []
    assert trainer.plan_of == whole.plan_of


def test_minutes_count_every_phase(seen):
    """Plan and flow take their share of the time at most; the rest sees the rate rise and fall."""
    trainer = Trainer(seen, SIGHTED, QUICK.replace(minutes=1.0, plan_steps=10**6, flow_steps=None))
    ticks = itertools.count()
    trainer.clock = lambda: 0.5 * next(ticks)
    last = {report.kind: report.seconds for report in follow(trainer)}
    assert 6 <= last["plan"] < 7
    assert 18 <= last["flow"] < 19
    assert 60 <= last["valid"] < 62
    rates = [past for past in trainer.history if past["kind"] == "valid"]
    assert rates[-1]["progress"] == 1.0


def walked(trainer, rows):
    """Own walks for some rows of the training part, and the pictures they are judged by."""
    objective, part = trainer.objective, trainer.train
    objective.encode(trainer.weights())
    pictures = enlarged(part.pictures[rows].astype(np.float32) / 255)
    plans = part.labels[rows], objective.codes["train"][rows], part.light[rows].astype(np.float32), pictures
    walks = own_walks(trainer.network, objective.sight, plans, most=12, rng=np.random.default_rng(3))
    return walks, pictures


def test_own_walks_keep_the_rules_and_are_corrected(seen):
    """Along the threads of the encoder its choice is the thread; along others a legal nail, or the end."""
    trainer = Trainer(seen, SIGHTED, QUICK)
    rows = np.arange(8)
    (nails, lengths), pictures = walked(trainer, rows)
    part, sight = trainer.train, trainer.objective.sight
    for path, length in zip(nails, lengths, strict=True):
        assert 2 <= length <= 13
        assert violations(path[:length], part.board, part.rules) == []
    batch = corrected(part, sight, rows, (nails, lengths), pictures)
    place = np.arange(batch.targets.shape[1])
    assert ((batch.targets >= 0) == (place <= lengths[:, None])).all()
    assert np.take_along_axis(batch.allowed, np.maximum(batch.targets, 0)[..., None], 2).all()
    true = trainer.objective.collect(part, rows)
    counts_ = (true.targets >= 0).sum(axis=1) - 1
    again = corrected(part, sight, rows, (true.nails, counts_), pictures)
    assert (again.targets == true.targets).mean() > 0.8  # pictures of 32×32 are not the whole truth


def test_regret_is_nothing_for_the_best_and_counts_the_end(seen):
    """The encoder's nails cost next to nothing, others more; an early end costs what is left."""
    trainer = Trainer(seen, SIGHTED, QUICK)
    rows = np.arange(8)
    batch = trainer.objective.collect(trainer.train, rows)
    pictures = enlarged(trainer.train.pictures[rows].astype(np.float32) / 255)
    found = regrets(trainer.objective.sight, batch, pictures)
    inside = (batch.targets >= 0)[:, 1:]
    chosen = np.take_along_axis(found, np.maximum(batch.targets, 0)[..., None], 2)[:, 1:, 0][inside]
    legal = np.where(batch.allowed, found, np.nan)[:, 1:][inside]
    assert chosen.mean() < 0.05 * np.nanmean(legal)
    assert (np.nanmin(legal, axis=1) == 0).all()
    assert (found[:, 0] == 0).all()
    assert (found[:, 1:][~inside] == 0).all()
    early = found[:, 3, -1]
    assert (early > 0).all()
    assert found.max() <= MOST


@pytest.mark.parametrize("changes", [{"own_walks": 1.0}, {"expected_error": 1.0}])
def test_what_is_asked_beside_the_likelihood_is_learned(seen, changes):
    """Either changes what is learned; without sight neither does anything."""
    settings, other = QUICK.replace(flow_steps=0), QUICK.replace(flow_steps=0, **changes)
    found = []
    for model, chosen in ((SIGHTED, settings), (SIGHTED, other), (MODEL, settings), (MODEL, other)):
        trainer = Trainer(seen, model, chosen)
        follow(trainer)
        found.append(trainer.network.at("embed.nail").detach().clone())
    assert not torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])


@pytest.mark.parametrize("rank", [0, 1, 4])
@pytest.mark.parametrize("what", ["walks", "flow", "teacher"])
def test_what_is_drawn_for_a_row_does_not_depend_on_the_share(seen, what, rank):
    """Of three processes, or of five for four rows: each draws for its rows what one draws for all."""
    trainer = Trainer(seen, SIGHTED, QUICK)
    trainer.objective.encode(trainer.weights())
    part, plans = trainer.train, trainer.objective.plans("train")
    teacher = Teacher(trainer.network, part.classes, torch.device("cpu"))

    def drawn(rows, rng):
        if what == "flow":
            return tuple(plans.rows(rng, rows, doubtful=0.7))
        if what == "teacher":
            return [tensor.numpy() for tensor in teacher.draw(torch.tensor(part.labels[rows]), rng)]
        codes, light = trainer.objective.codes["train"][rows], part.light[rows].astype(np.float32)
        given = part.labels[rows], codes, light, enlarged(part.pictures[rows].astype(np.float32) / 255)
        nails, lengths = own_walks(trainer.network, trainer.objective.sight, given, most=12, rng=rng)
        nails = np.pad(nails, ((0, 0), (0, 13 - nails.shape[1])))
        return np.where(np.arange(13) < lengths[:, None], nails, -1), lengths

    rows, rng = np.arange(20)[: 4 if rank == 4 else None] * 2, np.random.default_rng(4)
    share = Share(rank, 5 if rank == 4 else 3)
    whole, after = drawn(rows, rng), rng.random()
    shared = np.random.default_rng(4)
    mine = share.of(rows, shared)
    for one, some in zip(whole, drawn(mine.rows, mine.rng), strict=True):
        assert np.allclose(one[np.searchsorted(rows, mine.rows)], some, atol=1e-5)
    assert shared.random() == after


def test_of_several_processes_the_first_decides(seen, monkeypatch):
    """Whether a validation is the best, on which patience counts; threads are torchrun's business."""
    trainer = Trainer(seen, MODEL, QUICK)
    trainer.objective.encode(trainer.weights())
    monkeypatch.setattr("nitograph.training.trainer.of_first", lambda number, world, device: 70.0)
    trainer.best = 60.0
    report = trainer.validate()
    assert report.nail_loss < 60
    assert (report.best, trainer.best) == (False, 60.0)
    threads = torch.get_num_threads()
    trainer.world, trainer.threads = 2, threads + 1
    trainer._take_threads()
    assert torch.get_num_threads() == threads


def test_a_run_that_gets_no_better_ends(seen):
    """After so many validations without a better loss; with none asked for it goes on to its end."""
    for patience, epochs in ((2, 3), (0, 6)):
        trainer = Trainer(seen, MODEL, QUICK.replace(epochs=6, patience=patience, learning_rate=1e-8))
        trainer.best = 0.0  # nothing is better
        follow(trainer)
        assert trainer.step == (epochs - 1 if patience else epochs) * trainer.steps_per_epoch
        assert trainer.finished
        assert trainer.stale == bool(patience)


def test_a_weights_file_tells_of_a_few_validations():
    """Evenly, the first and the last among them, in a few words."""
    history = [
        {"step": k, "seconds": 1 / 3, "nail_loss": 2.0, "plan_loss": None, "best": False, "kind": "valid"}
        for k in range(500)
    ]
    found = thinned(history)
    assert [past["step"] for past in found][:: len(found) - 1] == [0, 499]
    assert len(found) == 12
    assert set(found[0]) == {"step", "seconds", "nail_loss", "plan_loss", "best"}
    assert [len(thinned(history[:count])) for count in (0, 1, 2, 5)] == [0, 1, 2, 5]


def test_threads_are_those_that_were_quickest():
    """By the clock alone; a tie, or a little gain, goes to fewer."""
    before = torch.get_num_threads()
    try:
        assert counts(1) == [1]
        assert counts(6) == [1, 2, 4, 6]
        for seconds, wanted in (({1: 1.0, 2: 0.5}, 2), ({1: 1.0, 2: 0.95}, 1), ({1: 1.0, 2: 3.0}, 1)):
            now = [0.0]

            def work(took=seconds, now=now):
                now[0] += took.get(torch.get_num_threads(), 9.0)

            assert quickest(work, 2, clock=lambda now=now: now[0]) == wanted
            assert torch.get_num_threads() == wanted
    finally:
        torch.set_num_threads(before)


def test_a_resumed_run_keeps_its_threads(seen, tmp_path):
    """They were measured once; nothing else of the run is touched by measuring."""
    before = torch.get_num_threads()
    try:
        plain, measured = (Trainer(seen, SIGHTED, QUICK) for _ in range(2))
        torch.set_num_threads(1)
        follow(plain)
        measured.measures_threads = True
        follow(measured)
        assert measured.threads == 1
        wanted, found = bits(plain), bits(measured)
        assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []
        measured.save(tmp_path / "last.pt")
        again = Trainer(seen, SIGHTED, QUICK)
        again.resume(tmp_path / "last.pt")
        assert again.threads == 1
    finally:
        torch.set_num_threads(before)


def test_lessons_gathered_ahead_teach_the_same(seen):
    """While a GPU works the next lesson is gathered; own walks, which need its weights, wait."""
    found = []
    for early in (False, True):
        trainer = Trainer(seen, SIGHTED, QUICK.replace(own_walks=0.4, epochs=2))
        trainer.ahead.early = early
        reports = list(trainer.run(report_every=0.0))
        losses = [r.nail_loss for r in reports if r.kind == "step"]
        found.append(
            (losses, {name: value.clone() for name, value in trainer.network.state_dict().items()})
        )
    assert found[0][0] == found[1][0]
    assert len({trainer.ahead.task_of(step).own_walk for step in range(8)}) == 2
    for name, value in found[0][1].items():
        assert torch.equal(value, found[1][1][name]), name
