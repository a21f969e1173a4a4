"""Which threads of a chart a picture wants: the colours whose layers come nearest to it, with the board's
own.

One thread after the other is added, the one with which the error of the ideal layers (`mixing`) is lowest;
then each is exchanged where another does better. A thread has to cross the whole board to come where it is
wanted, so that each costs a little light everywhere. Threads lie from the lightest to the darkest. This
module lays no thread.

Try it: nitograph weave photo.jpg --threads 4
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import Colour
from nitograph.colours.oklab import from_light, to_light, to_oklab
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import SettingsError
from nitograph.weaving.mixing import Mix, mix_of

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SAMPLES = 300  # places of the picture that are looked at
ROUNDS = 6
SAME = 0.03  # distance in OKLab below which two colours are one
CROSSING = 0.985  # light that each thread lets through at most: it has to cross the board
THRIFT = 0.002  # what hiding costs


def find_palette(
    chart: Sequence[Colour], count: int, board: Colour, wanted: Float64, weights: NDArray[np.floating]
) -> tuple[Colour, ...]:
    """The `count` threads of a chart for a picture, from the lightest to the darkest.

    wanted: (m, 3) light of places of the picture, within the range that so many chords reach; weights: (m,)
    how much each counts.
    """
    usable = [thread for thread in chart if apart(thread, board) > SAME]
    if count > len(usable):
        raise SettingsError(
            f"the chart has {len(usable)} colours that differ from the board's, got {count}"
        )
    places, counts = sampled(wanted, weights)
    chosen: list[Colour] = []
    for _ in range(count):
        chosen.append(_best(usable, chosen, board, places, counts)[0])
    for _ in range(2):
        for at in range(count) if count > 1 else ():
            others = chosen[:at] + chosen[at + 1 :]
            chosen = [*others[:at], _best(usable, others, board, places, counts)[0], *others[at:]]
    return tuple(sorted(chosen, key=lightness, reverse=True))


def lightness(colour: Colour) -> float:
    """Of a colour in OKLab."""
    return float(to_oklab(colour.rgb()[None])[0, 0])


def apart(one: Colour, other: Colour) -> float:
    """The distance of two colours in OKLab."""
    first, second = to_oklab(np.stack([one.rgb(), other.rgb()]))
    return float(np.hypot.reduce(first - second))


def sampled(wanted: Float64, weights: NDArray[np.floating]) -> tuple[Float64, Float64]:
    """The middles of the fullest boxes of colours in OKLab (m, 3) as light, and what each holds."""
    lab = to_oklab(from_light(wanted))
    box = np.floor(lab / [0.06, 0.035, 0.035]).astype(np.int64)
    _, box_of = np.unique(box, axis=0, return_inverse=True)
    box_of = box_of.reshape(-1)
    held = np.bincount(box_of, weights)
    sums = [np.bincount(box_of, weights * wanted[:, channel]) for channel in range(3)]
    fullest = np.argsort(held)[::-1][:SAMPLES]
    fullest = fullest[held[fullest] > 0]
    middles = np.stack(sums, axis=1)[fullest] / held[fullest, None]
    return middles, held[fullest] / held[fullest].sum()


def _best(
    usable: Sequence[Colour], chosen: Sequence[Colour], board: Colour, places: Float64, counts: Float64
) -> tuple[Colour, float]:
    """The thread that goes best with those chosen, and the error with it."""
    free = [thread for thread in usable if all(apart(thread, other) > SAME for other in chosen)]
    sets = [sorted([*chosen, thread], key=lightness, reverse=True) for thread in free]
    threads = to_light(np.array([[colour.rgb() for colour in one] for one in sets]))  # (n, k, 3)
    errors = errors_of(threads, to_light(board.rgb()), places, counts)
    best = int(np.argmin(errors))
    return free[best], float(errors[best])


@one_blas_thread
def errors_of(threads: Float64, board: Float64, places: Float64, counts: Float64) -> Float64:
    """The error of each of n palettes (n, k, 3), lowest layer first, at places (m, 3) of these counts."""
    one = mix_of(threads[0], board, places)
    shape = (len(threads), len(places), 3)
    mix = Mix(
        np.asarray(threads.transpose(1, 0, 2)[:, :, None, :], dtype=np.float32),
        one.board,
        np.broadcast_to(one.wanted, shape),
        np.broadcast_to(one.metric, (*shape, 3)),
    )
    through = mix.ideal(ROUNDS, THRIFT, CROSSING)
    off = np.einsum("...ij,...j->...i", mix.metric, mix.light(through) - mix.wanted)
    density = -np.log(through).sum(axis=0)
    return np.asarray(((off**2).sum(axis=-1) + 2 * THRIFT * density) @ counts, dtype=np.float64)
