"""What a thread is wound from: a plan that is given, or codes that a model wrote, drawn sharp by its flow.

A given picture is its light, its codes, and, for a model with sight, itself. The codes that a model writes
stand for blurred light; where its weights have a flow (`model.sharpen`), each thread's picture is drawn
with noise of its own: the standard normal numbers of NumPy's PCG64 with SeedSequence(seed, spawn_key=(1,)),
one per pixel, in rows. They are apart from the uniform numbers that choose tokens. Each picture is drawn
alone, so that it has the same bits in a batch. This module chooses no tokens.

Try it: python -c "from nitograph.sampling.plans import *; print(noise_of([42])[0, 0, :3])"
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.light.fans import fans_of
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.sharpen import SIDE, coarse_pictures, enlarged
from nitograph.model.sight import SightSettings
from nitograph.model.weights import Weights

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


class Plans(NamedTuple):
    """Plans to wind, a row per thread.

    codes: (b, p). light: (b, k), in place of what the codes stand for; where it is None, that is drawn from
    the codes as if the model had written them. pictures: (b, c, c), finer than the light.
    """

    codes: Int64
    light: Float32 | None = None
    pictures: Float32 | None = None

    def take(self, part: "slice | Int64") -> "Plans":
        """Some of them."""
        light = None if self.light is None else self.light[part]
        return Plans(self.codes[part], light, None if self.pictures is None else self.pictures[part])


def joined(parts: Sequence[Plans]) -> Plans:
    """Plans one after the other, at least one; either all or none of them have light, and pictures."""
    light = [part.light for part in parts if part.light is not None]
    pictures = [part.pictures for part in parts if part.pictures is not None]
    return Plans(
        np.concatenate([part.codes for part in parts]),
        np.concatenate(light) if light else None,
        np.concatenate(pictures) if pictures else None,
    )


def shown(weights: Weights, plans: Plans) -> Float32:
    """What plans stand for on the canvas of the model's threads, (b, c, c) from 0 to 1.

    WeightsError where light cannot be shown there: see SightSettings.of.
    """
    if plans.pictures is not None:
        return np.asarray(plans.pictures, dtype=np.float32)
    order = weights.settings.zernike_order
    light = decode_plan(weights, plans.codes) if plans.light is None else plans.light
    fans = fans_of(SightSettings.of(weights.weaving, weights.board, weights.rules, order).scoring)
    return np.asarray(fans.pictures(light, order) / fans.white, dtype=np.float32)


def of_light(weights: Weights, light: Float32) -> Plans:
    """The plans of pictures given as Zernike coefficients (b, k)."""
    if not weights.settings.planned:
        raise SettingsError("a plain model cannot draw a given picture; use weights of the plan design")
    return Plans(encode_plan(weights, light), light)


def of_pictures(weights: Weights, pictures: Float32) -> Plans:
    """The plans of pictures (b, c, c), 0 to 1, on the model's canvas; a model with sight looks at them."""
    plans = of_light(weights, weights.zernike.light(pictures))
    return plans if weights.sight is None else plans._replace(pictures=pictures)


def sharp(
    weights: Weights, codes: Int64, labels: Sequence[int], seeds: Sequence[int], steps: int, *, noisy: bool
) -> Plans:
    """Plans (b, p) of class indices `labels` as they are wound: drawn sharp by the flow in `steps` steps.

    As they are where the weights have no flow or steps is 0. noisy: whether the flow begins with noise.
    """
    flow = weights.sharpener
    if flow is None or steps == 0:
        return Plans(codes)
    pictures, light = [], []
    for row, label in enumerate(labels):
        coarse = coarse_pictures(decode_plan(weights, codes[row : row + 1]), weights.settings.zernike_order)
        noise = noise_of(seeds[row : row + 1]) if noisy else np.zeros_like(coarse)
        pictures.append(enlarged(flow.draw(coarse, np.array([label]), noise, steps=steps)))
        light.append(weights.zernike.light(pictures[-1]))
    drawn = Plans(codes, np.concatenate(light), np.concatenate(pictures))
    return drawn if weights.sight is not None else drawn._replace(pictures=None)


def noise_of(seeds: Sequence[int]) -> Float32:
    """The noise that the flow begins with, (b, 32, 32), one picture per seed."""
    own = (np.random.SeedSequence(int(seed), spawn_key=(1,)) for seed in seeds)
    rngs = [np.random.Generator(np.random.PCG64(sequence)) for sequence in own]
    return np.stack([rng.standard_normal((SIDE, SIDE), dtype=np.float32) for rng in rngs])
