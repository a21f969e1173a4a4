"""Plans drawn sharp by a flow in the weights, given pictures, and the settings that weights come with."""

import dataclasses

import numpy as np
import pytest

from nitograph.api.inventing import Wish, invented
from nitograph.errors import SettingsError, WeightsError
from nitograph.model import weights as weights_file
from nitograph.model.decoder import Decoder
from nitograph.model.network import Network
from nitograph.model.network_decoder import NetworkDecoder
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.sharpen import Sharpener, coarse_pictures, enlarged
from nitograph.model.weights import SHARPEN, Weights
from nitograph.sampling.batch import pace
from nitograph.sampling.plans import Plans, noise_of, of_light, of_pictures, sharp
from nitograph.sampling.sampler import SampleSettings, invent, resolved
from nitograph.weaving.encoder import targets
from nitograph.weaving.settings import WeaveSettings
from tiny import MODEL, WEAVING, random_sharpener, random_weights

WIDE = WEAVING.replace(canvas_size=64)  # a flow draws for a canvas of this size
FREE = SampleSettings(temperature=1.0, top_k=0, guidance=1.0)


@pytest.fixture(scope="module")
def blind() -> Weights:
    """A model without sight whose plans are drawn sharp."""
    return random_weights(sharpener=random_sharpener())


@pytest.fixture(scope="module")
def sighted() -> Weights:
    """A model with sight whose plans are drawn sharp."""
    model = MODEL.replace(sight=True)
    return random_weights(model, weaving=WIDE.to_dict(), sharpener=random_sharpener())


@pytest.fixture(params=["blind", "sighted"])
def drawing(request, blind, sighted) -> Weights:
    """Each of them in turn."""
    return blind if request.param == "blind" else sighted


class Watched:
    """A decoder that keeps what it is shown with the last code."""

    def __init__(self, weights):
        self.decoder, self.shown = Decoder(weights), []

    def start(self, labels):
        """Begin."""
        return self.decoder.start(labels)

    def step(self, tokens, *shown):
        """Append."""
        if shown:
            self.shown.append(shown)
        return self.decoder.step(tokens, *shown)

    def select(self, rows):
        """Keep."""
        self.decoder.select(rows)


def some_codes(count: int) -> np.ndarray:
    """Codes of some plans."""
    return np.random.default_rng(1).integers(0, 256, (count, MODEL.plan_tokens))


def test_a_flow_comes_back_from_its_file(tmp_path, drawing):
    """Its numbers as the model's own, rounded to 16 bits or not, and the file is the same again."""
    flow = drawing.sharpener.tensors
    for half in (True, False):
        path = tmp_path / "w.safetensors"
        weights = dataclasses.replace(drawing, sampling={"plan_steps": 3, "guidance": 1.0})
        weights.save(path, half=half)
        again = weights_file.load(path)
        assert again.sampling == weights.sampling
        assert set(again.sharpener.tensors) == set(flow)
        for name, tensor in flow.items():
            stored = tensor.astype(np.float16).astype(np.float32) if half else tensor
            assert np.array_equal(again.sharpener.tensors[name], stored)
        assert (again.digest == weights.digest) is not half
        again.save(tmp_path / "again", half=half)
        assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_flow_is_part_of_the_weights(planned, blind):
    """The digest and the count know it; without one nothing is said of it, as in older weights."""
    flow = dict(blind.sharpener.tensors)
    assert blind.parameters() == planned.parameters() + sum(tensor.size for tensor in flow.values())
    flow["up"] = flow["up"] + np.float32(1e-6)
    other = dataclasses.replace(blind, sharpener=Sharpener(flow))
    assert len({planned.digest, blind.digest, other.digest}) == 3
    assert dataclasses.replace(blind, sharpener=None).digest == planned.digest
    assert dataclasses.replace(planned, sampling={"guidance": 2.0}).digest == planned.digest


@pytest.mark.parametrize(
    ("name", "change", "part"),
    [
        ("up", lambda t: t[:-1], "tensor sharpen.up must have shape"),
        ("in.weight", lambda t: t[..., 0], "must have shape"),
        ("class", lambda t: t[:-1], "tensor sharpen.class must have shape"),
        ("spread", np.zeros_like, "spread above 0"),
        ("fine.0.first", lambda t: np.full_like(t, np.nan), "sharpen.fine.0.first holds numbers"),
        ("wide.0.last", None, "they lack 'sharpen.wide.0.last'"),
        ("in.weight", None, "they lack 'sharpen.in.weight'"),
        ("down", lambda t: np.float32(1).reshape(()), "must have shape"),
        ("more", lambda t: np.zeros(3, np.float32), "they have 'sharpen.more'"),
        ("fine.9.norm", lambda t: np.zeros(4, np.float32), "they lack 'sharpen.fine.2"),
    ],
)
def test_a_flow_that_does_not_fit(blind, name, change, part):
    """One line that names the tensor as the file does."""
    tensors = dict(blind.sharpener.tensors)
    if change is None:
        del tensors[name]
    else:
        tensors[name] = change(tensors.get(name))
    with pytest.raises(WeightsError, match=part):
        dataclasses.replace(blind, sharpener=Sharpener(tensors))


def test_a_flow_needs_plans_and_a_canvas_that_it_can_draw_for(plain):
    """A model without plans, and one that looks at a canvas of another size, cannot have one."""
    with pytest.raises(WeightsError, match="without plans"):
        dataclasses.replace(plain, sharpener=random_sharpener())
    with pytest.raises(WeightsError, match="canvas_size of 64"):
        random_weights(MODEL.replace(sight=True), sharpener=random_sharpener())


def test_the_decoder_is_shown_what_the_flow_draws(drawing):
    """The picture of the codes made sharp with the seed's noise, its light, and for sight the picture."""
    decoder, seeds = Watched(drawing), [5, 9]
    invent(drawing, ["3", None], seeds, FREE.replace(plan_steps=3, max_lines=3), decoder=decoder)
    ((light, *more),) = decoder.shown
    codes = decoder.decoder._codes if len(decoder.decoder._codes) == 2 else None
    shown = sharp(drawing, codes, [3, 10], seeds, 3, noisy=True)
    coarse = coarse_pictures(decode_plan(drawing, codes), MODEL.zernike_order)
    drawn = drawing.sharpener.draw(coarse, np.array([3, 10]), noise_of(seeds), steps=3)
    assert np.array_equal(light, shown.light)
    assert np.allclose(light, drawing.zernike.light(enlarged(drawn)), atol=1e-5)
    assert bool(more) is drawing.settings.sight
    assert all(np.allclose(pictures, enlarged(drawn), atol=1e-5) for pictures in more)
    assert np.abs(enlarged(drawn) - enlarged(coarse)).max() > 0.1


def test_a_seed_gives_the_same_thread_in_any_company(drawing, monkeypatch):
    """Alone, among few, in compiled batches and by PyTorch."""
    chosen = FREE.replace(max_lines=12, plan_steps=2)
    monkeypatch.setattr(pace, "MANY", 10)
    labels, seeds = [*"0123456789", None, "4"], range(20, 32)
    alone = [invent(drawing, [label], [seed], chosen)[0] for label, seed in zip(labels, seeds, strict=True)]
    assert invent(drawing, labels[:4], seeds[:4], chosen) == alone[:4]
    assert invent(drawing, labels, seeds, chosen) == alone
    other = NetworkDecoder(Network.from_weights(drawing))
    assert invent(drawing, labels, seeds, chosen, decoder=other) == alone


def test_a_plan_is_drawn_the_same_bit_for_bit_in_any_company(drawing):
    """And apart from the numbers that choose tokens, as the module's docstring says."""
    codes, seeds = some_codes(5), [3, 1, 4, 1, 5]
    many = sharp(drawing, codes, [1, 2, 3, 10, 5], seeds, 2, noisy=True)
    one = sharp(drawing, codes[2:3], [3], seeds[2:3], 2, noisy=True)
    assert np.array_equal(many.light[2:3], one.light)
    own = np.random.Generator(np.random.PCG64(np.random.SeedSequence(4, spawn_key=(1,))))
    assert np.array_equal(noise_of([4])[0], own.standard_normal((32, 32), dtype=np.float32))
    again = sharp(drawing, codes[3:4], [10], [1], 2, noisy=True)
    assert np.array_equal(many.light[3:4], again.light)
    still = [sharp(drawing, codes[:1], [1], [seed], 2, noisy=False).light for seed in (1, 2)]
    assert np.array_equal(*still)


def test_no_steps_leave_the_plan_as_its_codes_stand_for(blind, planned):
    """As a model that has no flow, nail for nail; one step makes a difference."""
    chosen, labels = FREE.replace(max_lines=10), list("0123456789")
    paths = [
        [thread.nails.tolist() for thread in invent(weights, labels, range(10), chosen.replace(**more))]
        for weights, more in ((planned, {}), (blind, {"plan_steps": 0}), (blind, {"plan_steps": 1}))
    ]
    assert paths[0] == paths[1] != paths[2]


def test_a_given_picture_is_seen_itself_and_no_flow_draws_it(drawing):
    """`--like`: its light, its codes, and for a model with sight the picture on the canvas."""
    grey = np.zeros((28, 28), np.uint8)
    grey[4:24, 12:16] = 255
    wanted = targets(grey[None], WeaveSettings.from_dict(drawing.weaving))
    plans = of_pictures(drawing, wanted)
    assert np.array_equal(plans.codes, encode_plan(drawing, drawing.zernike.light(wanted)))
    decoder = Watched(drawing)
    made = invent(drawing, ["1"], [3], FREE, plans=plans, decoder=decoder)
    ((light, *more),) = decoder.shown
    assert np.array_equal(light, drawing.zernike.light(wanted))
    assert len(more) == drawing.settings.sight
    assert all(np.array_equal(pictures, wanted) for pictures in more)
    assert np.array_equal(invented(drawing, ["1"], 3, FREE, Wish(picture=grey))[0].nails, made[0].nails)


def test_given_codes_are_drawn_as_if_the_model_had_written_them(blind):
    """Codes alone go through the flow; with their light they do not."""
    chosen, codes = FREE.replace(plan_steps=2, max_lines=8), some_codes(2)
    decoder = Watched(blind)
    invent(blind, ["1", "2"], [3, 4], chosen, plans=Plans(codes), decoder=decoder)
    assert np.array_equal(decoder.shown[0][0], sharp(blind, codes, [1, 2], [3, 4], 2, noisy=True).light)
    decoder = Watched(blind)
    plans = of_light(blind, decode_plan(blind, codes))
    invent(blind, ["1", "2"], [3, 4], chosen, plans=plans, decoder=decoder)
    assert np.array_equal(decoder.shown[0][0], plans.light)


def test_settings_come_from_the_call_then_the_weights_then_the_program(planned, blind):
    """Weights that say nothing are sampled as ever, and what is recorded has no steps of a flow."""
    old = resolved(SampleSettings(), planned)
    assert (old.temperature, old.top_k, old.plan_temperature, old.guidance) == (0.85, 32, 1.0, 1.5)
    assert "plan_steps" not in old.to_dict()
    own = {"temperature": 1.0, "top_k": 0, "plan_temperature": 0.8, "guidance": 1.0, "plan_steps": 6}
    tuned = dataclasses.replace(blind, sampling=own)
    assert {name: getattr(resolved(SampleSettings(), tuned), name) for name in own} == own
    given = SampleSettings(temperature=0.5, plan_steps=2)
    assert resolved(given, tuned) == resolved(SampleSettings(**(own | given.given())), tuned)
    assert resolved(SampleSettings(temperature=0), tuned).plan_temperature == 0
    assert resolved(SampleSettings(temperature=0, plan_temperature=1), tuned).plan_temperature == 1
    assert resolved(SampleSettings(), blind).plan_steps > 0
    thread = invent(tuned, ["3"], [1], SampleSettings(max_lines=5))[0]
    assert {name: thread.provenance["sampling"][name] for name in own} == own
    again = SampleSettings.from_dict(dict(thread.provenance["sampling"]))
    assert invent(dataclasses.replace(tuned, sampling={}), ["3"], [1], again) == [thread]


def test_steps_need_a_flow(planned):
    """A count of steps that nothing could take is refused; none is fine."""
    with pytest.raises(SettingsError, match="no flow to draw plans sharp"):
        resolved(SampleSettings(plan_steps=4), planned)
    assert resolved(SampleSettings(plan_steps=0), planned).plan_steps is None


@pytest.mark.parametrize(
    "values",
    [
        {"wings": 2},
        {"guidance": "warm"},
        {"guidance": float("nan")},
        {"guidance": [1.0]},
        {"top_k": 1.5},
        {"top_k": True},
        {"plan_steps": -1},
        {"plan_steps": 10**400},
        {"temperature": {}},
    ],
)
def test_settings_of_damaged_weights_are_refused_in_one_line(planned, values):
    """Whatever the file says of how it is sampled, it is a SettingsError where it cannot count."""
    with pytest.raises(SettingsError) as raised:
        resolved(SampleSettings(), dataclasses.replace(planned, sampling=values))
    assert "\n" not in str(raised.value)


def test_the_names_in_the_file_are_those_of_the_flow(tmp_path, blind):
    """What other programs read: each tensor of the flow under SHARPEN."""
    from safetensors.numpy import load_file

    blind.save(tmp_path / "w.safetensors")
    names = {name for name in load_file(tmp_path / "w.safetensors") if name.startswith(SHARPEN)}
    assert names == {SHARPEN + name for name in blind.sharpener.tensors}
