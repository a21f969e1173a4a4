"""Guards of training: it learns, resumes exactly where it stopped, and refuses what does not fit."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nitograph.errors import FileError, SettingsError, WeightsError
from nitograph.light.zernike import turn
from nitograph.model.plan import encode_plan
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.training import checkpoints, plan_phase, processes
from nitograph.training.checkpoints import checkpoint_weights, read_checkpoint
from nitograph.training.optimizer import trapezoid
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from tiny import MODEL, random_weights, small_corpus

QUICK = TrainSettings(epochs=2, batch_size=16, plan_rows=8, plan_steps=5, validation_fraction=0.2, seed=1)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    """Plans in small batches."""
    monkeypatch.setattr(plan_phase, "PLAN_BATCH", 32)


def follow(trainer, *, stop=None):
    """All reports of a run, one per step, up to the `stop`th."""
    return list(itertools.islice(trainer.run(report_every=0.0, validate_every=1e9), stop))


def parts(trainer):
    """Everything that the next step depends on, flat: names to tensors or numbers."""
    found = {f"net.{k}": v for k, v in trainer.network.state_dict().items()}
    optimizers = {"optimizer": trainer.optimizer}
    if trainer.plan_phase:
        optimizers["plan_optimizer"] = trainer.plan_phase.optimizer
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()["state"]
        found |= {f"{name}.{i}.{k}": v for i, kept in state.items() for k, v in kept.items()}
    found |= {
        "step": trainer.step,
        "plan_step": getattr(trainer.plan_phase, "step", 0),
        "best": trainer.best,
    }
    return found | {"random": torch.get_rng_state()}


def unlike(one, other):
    """Names of what differs in any bit."""
    assert one.keys() == other.keys()
    return [k for k in one if not np.array_equal(np.asarray(one[k]), np.asarray(other[k]))]


def untimed(reports):
    """Reports without what depends on the clock."""
    timed = {"seconds": 0.0, "tokens_per_second": 0.0}
    return [dataclasses.replace(report, **timed) for report in reports]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("design", ["plan", "plain"])
def test_stopped_and_resumed_is_the_whole_run(tmp_path, corpus, design, optimizer):
    """k steps, a stop and the rest give the bits of the whole run: weights, optimiser and reports."""
    model, settings = MODEL.replace(design=design), QUICK.replace(optimizer=optimizer)
    whole = Trainer(corpus, model, settings)
    reports = follow(whole)
    wanted = parts(whole)
    stops = [4, 7] if design == "plain" else [2, 8]  # before and after a validation, or within the plan
    done = []
    for stop in [*stops, None]:
        trainer = Trainer(corpus, model, settings)
        if done:
            trainer.resume(tmp_path / "last.pt")
        done += follow(trainer, stop=None if stop is None else stop - len(done))
        trainer.save(tmp_path / "last.pt")
        torch.manual_seed(99)  # whatever happens between the runs
    trainer.resume(tmp_path / "last.pt")
    assert unlike(parts(trainer), wanted) == []
    assert untimed(done) == untimed(reports)
    assert [h["step"] for h in trainer.history] == [h["step"] for h in whole.history]


@pytest.mark.parametrize("calls", [2, 8, 11])
def test_a_requested_stop_comes_after_the_step(tmp_path, corpus, calls):
    """Requested within the plan, between two steps or within a validation; resumed it is the whole run."""
    whole = Trainer(corpus, MODEL, QUICK)
    reports = follow(whole)
    trainer, looks = Trainer(corpus, MODEL, QUICK), itertools.count(1)
    runs = [trainer.run(report_every=0.0, validate_every=1e9, stop=lambda: next(looks) > calls)]
    done = [*runs[0]]
    assert [(report.kind, report.best) for report in done] == [
        (report.kind, report.best) for report in reports[: len(done)]
    ]
    assert len(done) < len(reports)
    trainer.save(tmp_path / "last.pt")
    again = Trainer(corpus, MODEL, QUICK)
    again.resume(tmp_path / "last.pt")
    follow(again)
    assert unlike(parts(again), parts(whole)) == []


def test_the_comparison_can_fail(corpus):
    """Another seed, or another dropout, is seen in the bits."""
    one, other = (Trainer(corpus, MODEL, s) for s in (QUICK, QUICK.replace(exact_light=0.9)))
    follow(one)
    first = parts(one)
    follow(other)
    assert "net.embed.nail" in unlike(first, parts(other))


def test_training_can_begin_from_weights_at_rest(corpus):
    """Weights, autoencoder and classes by their names are taken over; a new class starts fresh."""
    given = dataclasses.replace(random_weights(), classes=tuple("x123456789"))
    trainer = Trainer(corpus, MODEL.replace(dropout=0.0), QUICK)
    fresh = trainer.network.at("embed.class").detach().clone()
    trainer.start_from(given)
    made = trainer.weights()
    rows = made.tensors["embed.class"]
    assert (rows[1:] == given.tensors["embed.class"][1:]).all()
    assert (rows[0] == fresh[0].numpy()).all()
    others = [name for name in given.tensors if name != "embed.class"]
    assert all((made.tensors[name] == given.tensors[name]).all() for name in others)
    assert made.facts["started_from"] == given.digest
    reports = follow(trainer)
    assert "plan" not in {report.kind for report in reports}
    after = trainer.weights().tensors
    assert (after["plan.encode.weight.0"] == given.tensors["plan.encode.weight.0"]).all()
    assert (after["embed.nail"] != given.tensors["embed.nail"]).any()


@pytest.mark.parametrize("changes", [{"layers": 1}, {"design": "plain"}])
def test_weights_of_another_shape_are_no_beginning(corpus, changes):
    """One line names what differs."""
    with pytest.raises(WeightsError, match=rf"another model \({next(iter(changes))}"):
        Trainer(corpus, MODEL, QUICK).start_from(random_weights(MODEL.replace(**changes)))


def test_begun_from_weights_and_resumed_is_the_whole_run(tmp_path, corpus):
    """The same holds with rotated additional plans and training from given weights."""
    settings = QUICK.replace(plan_turn=0.2)
    whole = Trainer(corpus, MODEL, settings)
    whole.start_from(random_weights())
    follow(whole)
    wanted = parts(whole)
    trainer = Trainer(corpus, MODEL, settings)
    trainer.start_from(random_weights())
    follow(trainer, stop=3)
    trainer.save(tmp_path / "last.pt")
    again = Trainer(corpus, MODEL, settings)
    again.resume(tmp_path / "last.pt")
    follow(again)
    assert unlike(parts(again), wanted) == []
    assert again.weights().facts["started_from"] == random_weights().digest


def test_plans_are_turned_as_pictures_are(corpus):
    """A turn by whole nails gives the codes of the turned light; none at all gives the row's own."""
    trainer = Trainer(corpus, MODEL, QUICK.replace(plan_turn=0.3))
    trainer.start_from(random_weights())
    objective, rows = trainer.objective, np.arange(20)
    objective.encode(trainer.weights())

    class Still:
        """A generator whose every draw is the same."""

        def __init__(self, angle):
            self.angle = angle

        def normal(self, mean, spread, size):
            return np.full(size, self.angle)

    assert (objective._turned_codes("train", rows, Still(0.0)) == objective.codes["train"][rows]).all()
    cosine, sine = (table[3:4] for table in trainer.weights().zernike.turns(32))
    light = turn(trainer.train.light[rows].astype(np.float64), cosine, sine)
    turned = objective._turned_codes("train", rows, Still(3 * 2 * np.pi / 32))
    assert (turned == encode_plan(trainer.weights(), light)).mean() > 0.98
    assert (turned != objective.codes["train"][rows]).any()


def test_a_stop_just_before_validation_skips_nothing(tmp_path, corpus):
    """A checkpoint written at the last step still leads to the validation, so that a best one is kept."""
    settings = QUICK.replace(epochs=1)
    trainer = Trainer(corpus, MODEL.replace(design="plain"), settings)
    assert [report.kind for report in follow(trainer, stop=3)] == ["step"] * 3
    trainer.save(tmp_path / "last.pt")
    again = Trainer(corpus, MODEL.replace(design="plain"), settings)
    again.resume(tmp_path / "last.pt")
    assert [(report.kind, report.best) for report in follow(again)] == [("valid", True), ("done", False)]


@pytest.mark.slow
@pytest.mark.parametrize("design", ["plan", "plain"])
def test_loss_falls(corpus, design):
    """A few epochs on a tiny corpus bring both losses down, the plan's light error too."""
    settings = QUICK.replace(epochs=15, plan_steps=60, learning_rate=1e-2, validation_fraction=0.0)
    reports = follow(Trainer(corpus, MODEL.replace(design=design, dropout=0.0), settings))
    steps = [report for report in reports if report.kind == "step"]
    assert np.mean([r.nail_loss for r in steps[-5:]]) < np.mean([r.nail_loss for r in steps[:5]]) - 0.3
    if design == "plan":
        light = [report.light_error for report in reports if report.kind == "plan"]
        assert light[-1] < 0.8 * light[0]
        assert steps[-1].plan_loss < steps[0].plan_loss - 0.3


def test_what_is_trained_can_be_sampled(tmp_path, corpus):
    """A checkpoint's weights are the model's, carry the facts of their training, and invent threads."""
    trainer = Trainer(corpus, MODEL, QUICK)
    follow(trainer)
    trainer.save(tmp_path / "a.pt")
    weights = checkpoint_weights(tmp_path / "a.pt")
    assert weights.digest == trainer.weights().digest
    assert weights.max_lines == 20
    assert weights.facts["corpus"]["source_sha256"] == corpus.metadata["source_sha256"]
    assert trainer.weights().facts["train"] == QUICK.to_dict()
    assert invent(weights, ["3"], [0], SampleSettings())[0].board == corpus.board


def test_reports_and_validation(corpus):
    """Plan first, a validation at the end of each epoch, one end; progress only rises."""
    trainer = Trainer(corpus, MODEL, QUICK)
    reports = follow(trainer)
    kinds = [report.kind for report in reports]
    assert kinds == ["plan"] * 5 + ["step"] * 3 + ["valid"] + ["step"] * 3 + ["valid", "done"]
    rest = [report.progress for report in reports[5:]]
    assert rest == sorted(rest)
    assert rest[-1] == 1.0
    assert trainer.total_steps == 6
    assert reports[8].best
    assert len(trainer.valid) == 12


def test_minutes_end_the_run(corpus):
    """With minutes given the clock ends the run, whatever the epochs, with a validation at the end."""
    settings = QUICK.replace(minutes=0.01, epochs=1, patience=0)
    trainer = Trainer(corpus, MODEL.replace(design="plain"), settings)
    reports = follow(trainer)
    assert trainer.seconds >= 0.6
    assert trainer.step > 3
    assert [report.kind for report in reports[-2:]] == ["valid", "done"]


def test_rate_of_learning():
    """The rate warms up, stays constant, and falls to zero over the last half."""
    rates = [trapezoid(progress) for progress in np.linspace(0, 1, 1001)]
    assert 0 < rates[0] < 0.1
    assert rates[30] == rates[499] == 1.0
    assert rates[-1] == 0.0
    assert rates[750] == pytest.approx(0.5)


def test_divergence_is_one_line(corpus):
    """A gradient that is not finite stops the run with a remedy, before any weight changes."""
    trainer = Trainer(corpus, MODEL.replace(design="plain"), QUICK)
    run = trainer.run(report_every=0.0)
    next(run)
    with torch.no_grad():
        trainer.network.at("head.nail")[0, 0] = 1e38
    with pytest.raises(
        WeightsError, match=r"training diverged at step 1: .* lower learning_rate"
    ) as caught:
        list(run)
    assert "\n" not in str(caught.value)
    assert all(torch.isfinite(value).all() for value in trainer.network.state_dict().values())


def test_checkpoints_that_do_not_fit(tmp_path, corpus):
    """A checkpoint of another model, corpus or split is refused by the name of what differs."""
    path = tmp_path / "a.pt"
    plain = MODEL.replace(design="plain")
    Trainer(corpus, plain, QUICK).save(path)
    for model, settings, rows, part in (
        (MODEL, QUICK, corpus, r"another model \(design\)"),
        (plain.replace(layers=1), QUICK, corpus, r"another model \(layers\)"),
        (plain, QUICK.replace(seed=2), corpus, r"another settings \(seed\)"),
        (plain, QUICK.replace(batch_size=8, optimizer="adamw"), corpus, r"\(batch_size, optimizer\)"),
        (plain, QUICK, small_corpus(seed=4), r"another corpus \(corpus\)"),
    ):
        trainer = Trainer(rows, model, settings)
        with pytest.raises(WeightsError, match=part):
            trainer.resume(path)
    longer = Trainer(corpus, plain, QUICK.replace(epochs=9))
    longer.resume(path)


@pytest.mark.parametrize(
    "change",
    [
        {"network": {}},
        {"network": 3},
        {"network": {"head.nail": torch.zeros(2)}},
        {"optimizer": {}},
        {"optimizer": None},
        {"random": torch.zeros(3)},
        {"model": None},
        {"corpus": 5},
        {"settings": None},
        {"step": None},
        {"max_lines": "x"},
    ],
    ids=str,
)
def test_damaged_checkpoints(tmp_path, corpus, change):
    """Parts that are missing or of the wrong kind are one line, in resuming or in reading the weights."""
    path = tmp_path / "a.pt"
    plain = MODEL.replace(design="plain")
    Trainer(corpus, plain, QUICK).save(path)
    state = torch.load(path, weights_only=True)
    for key, value in change.items():
        if value is None:
            del state[key]
        else:
            state[key] = value
    torch.save(state, path)
    faults = []
    for use in (Trainer(corpus, plain, QUICK).resume, checkpoint_weights):
        try:
            use(path)
        except WeightsError as error:
            faults.append(str(error))
    assert faults
    assert all("\n" not in fault and "a.pt" in fault for fault in faults)


def test_foreign_and_cut_checkpoints(tmp_path, corpus):
    """Files that are not checkpoints are refused in one line, and no code in them is run."""
    path, mark = tmp_path / "a.pt", tmp_path / "mark"
    Trainer(corpus, MODEL.replace(design="plain"), QUICK).save(path)
    whole = path.read_bytes()

    class Trap:
        """A pickle that would leave a mark."""

        def __reduce__(self):
            """Touch a file."""
            return (mark.touch, ())

    torch.save({"format": checkpoints.FORMAT, "trap": Trap()}, tmp_path / "trap.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"format": "other/1"}, tmp_path / "other.pt")
    for name, data in {
        "cut": whole[:-900],
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"hi",
    }.items():
        (tmp_path / f"{name}.pt").write_bytes(data)
    for name in ("trap", "list", "other", "cut", "half", "empty", "text", "none"):
        with pytest.raises(FileError, match=f"{name}.pt") as caught:
            read_checkpoint(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_flipped_checkpoints(tmp_path, corpus):
    """A flipped byte anywhere gives a checkpoint or one of our errors, never anything else."""
    path = tmp_path / "a.pt"
    Trainer(corpus, MODEL.replace(design="plain"), QUICK).save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for place in [*rng.integers(0, len(whole), 30), *rng.integers(len(whole) - 4000, len(whole), 30)]:
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(changed))
        try:
            checkpoint_weights(path)
        except (FileError, WeightsError) as error:
            fault = str(error)
        else:
            fault = ""
        assert "\n" not in fault


def test_corpus_and_model_must_see_the_same_light(corpus):
    """Another order of the light is refused with what to change."""
    with pytest.raises(SettingsError, match="give both the same zernike_order"):
        Trainer(corpus, MODEL.replace(zernike_order=8), QUICK)


def test_devices():
    """A device that is not available is refused; auto always finds one."""
    assert processes.find_device("auto") in ("cuda", "mps", "cpu")
    assert processes.find_device("cpu") == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="device cuda is not available here"):
            processes.find_device("cuda")


WIDE = MODEL.replace(
    embed_dim=64, heads=2, layers=1, ff_dim=64
)  # enough for PyTorch to use several threads


@pytest.fixture
def _same_threads():
    """The number of threads is afterwards what it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_same_threads")
@pytest.mark.parametrize("design", ["plan", "plain"])
def test_two_threads_give_the_same_bits(tmp_path, corpus, design):
    """Two runs on two threads, and one that is stopped and resumed, are equal in every bit."""
    model = WIDE.replace(design=design)
    settings = QUICK.replace(batch_size=48, plan_rows=400, plan_steps=1, epochs=3, workers=2)
    made = []
    for _ in range(2):
        trainer = Trainer(corpus, model, settings)
        follow(trainer)
        assert torch.get_num_threads() == 2
        made.append(parts(trainer))
    assert unlike(*made) == []
    stopped, again = (Trainer(corpus, model, settings) for _ in range(2))
    follow(stopped, stop=3)
    stopped.save(tmp_path / "last.pt")
    again.resume(tmp_path / "last.pt")
    follow(again)
    assert 0 < stopped.step < again.step
    assert unlike(parts(again), made[0]) == []


class Operations(TorchDispatchMode):
    """The names of all operations that PyTorch carries out meanwhile, forwards and backwards."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.name().removeprefix("aten::").split(".")[0])
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("design", ["plan", "plain"])
def test_no_threads_add_to_one_place(corpus, design):
    """Training uses no operation whose sums depend on the order of threads."""
    trainer = Trainer(corpus, MODEL.replace(design=design), QUICK)
    with Operations() as found:
        follow(trainer)
    assert {"embedding_dense_backward", "mm"} <= found.names  # what is done backwards is seen
    unordered = ("index_put", "_index_put_impl", "index_add", "index_reduce", "scatter_reduce", "put")
    assert found.names.isdisjoint({*unordered, *(f"{name}_" for name in unordered)})
