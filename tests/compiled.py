"""Every compiled function, called once with the types that commands give it.

`.ci/run` fills the cache of compiled code with it, beside work that needs one core only, and
test_interrupts looks at what the functions return. It needs neither PyTorch nor what tests need.

Try it: PYTHONPATH=src:tests python tests/compiled.py
"""

import numpy as np

from nitograph.board import Board, Rules
from nitograph.compute.rules import legal_paths, legal_steps
from nitograph.evaluation.nearest import longest_runs, nearest, pack
from nitograph.light import chords
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.model.batch.sight import BatchSight, scores_along, sights_along
from nitograph.model.weights import load_bundled
from nitograph.sampling.sampler import MANY, SampleSettings, sample_paths
from nitograph.weaving.bound import relaxed_bound
from nitograph.weaving.encoder import PRESETS, targets, weave_many
from nitograph.weaving.loops import board_light
from nitograph.weaving.photograph import PhotoWeaver
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.stepwise import Weaver
from tiny import WEAVING, random_weights, some_images


def call_everything() -> None:
    """Weave in every way, look for copies, and decode with each kind of model."""
    weave()
    search()
    decode()


def weave() -> None:
    """Digits by every quality and preset, and a photograph."""
    images = some_images(20).images
    for settings in (WEAVING, WEAVING.replace(quality="best"), WEAVING.replace(beam=2)):
        weave_many(images, settings)
    weave_many(images, PRESETS["original"].replace(nails=32, canvas_size=24, max_lines=9, min_lines=1))
    wanted = targets(images[:1], WEAVING)[0]
    relaxed_bound(wanted, WEAVING, rounds=2)
    weaver = Weaver(wanted, WEAVING, importance=np.ones_like(wanted))
    weaver.advance()
    chords.coverage(weaver.thread(), 8)
    photo = PhotoWeaver(wanted, WEAVING, RealBoard()).run()
    photo.likeness(1.0, 3.0)
    board_light.lay(photo._loom, photo._board, 0, 1)
    board_light.falls_from(photo._loom, photo._board, 0, np.empty(WEAVING.nails))


def search() -> None:
    """What a board's rules allow, and the nearest threads."""
    board, rules, nails = Board(9), Rules(2, 2), np.array([[0, 3, 6]])
    legal_paths(nails, board, rules)
    legal_steps(nails, np.array([3]), board, rules)
    paths = pack([nails[0]])
    nearest(paths, paths, 9)
    longest_runs(paths, paths, 9)


def decode() -> None:
    """Few threads and many, of weights that see and of weights that do not; what they see."""
    seeing = load_bundled()
    for weights in (random_weights(), seeing):
        for count, decoder in ((MANY, None), (2, BatchDecoder(weights))):
            brief = SampleSettings(max_lines=9)
            sample_paths(weights, ["3"] * count, range(count), brief, decoder=decoder)
    assert seeing.sight is not None
    pictures, walk = np.ones((1, 64, 64), np.float32), np.array([[0, 90, 180]])
    sights_along(seeing.sight, np.ones((1, 338), np.float32), walk, np.array([3]), pictures)
    scores_along(seeing.sight, pictures, walk, np.array([3]))
    sight = BatchSight(seeing.sight)
    sight.start(np.ones((1, 338), np.float32), pictures)
    sight.step(np.array([0]))


if __name__ == "__main__":
    call_everything()
