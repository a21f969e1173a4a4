"""Colours of light: palettes by name, by one colour, or a gradient of several along the thread.

A palette becomes a ramp of 256 colours from the background to white; a gradient becomes weights that add up
per channel. Knows nothing of pictures or threads.

Try it: python -c "from nitograph.drawing.palettes import ramp; print(ramp('cyan', '#04060c')[::51])"
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.oklab import from_oklab, to_oklab
from nitograph.errors import SettingsError
from nitograph.io import plugins

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

# Afterglow, body and heat of each palette; a single thread shows its body, a crossing its heat.
PALETTES = {
    "cyan": ("#053a6b", "#00c8f0", "#a8fbff"),
    "magenta": ("#4a0a6e", "#f02ab4", "#ffc2ee"),
    "amber": ("#5c2203", "#ff9a1f", "#ffe9b0"),
    "ice": ("#12306e", "#6fb4ff", "#e4f4ff"),
    "fire": ("#6a0d08", "#ff5a14", "#ffe08a"),
    "lime": ("#0a4a2a", "#4cf070", "#dcffd0"),
    "violet": ("#241070", "#8a5cff", "#dccfff"),
    "rose": ("#5c0c2c", "#ff5c86", "#ffd8e0"),
    "gold": ("#4a3208", "#f0bf4a", "#fff4cf"),
    "white": ("#20242c", "#b8c0cc", "#ffffff"),
}
GRADIENTS = {
    "aurora": ("#00ffa8", "#2fa8ff", "#a64cff"),
    "sunset": ("#ffb02e", "#ff4d6d", "#7b3cff"),
    "ember": ("#ffd23c", "#ff3d1f", "#b0186a"),
    "ocean": ("#2fffe0", "#1f7bff", "#4b3cff"),
    "candy": ("#ff4fd8", "#4fd2ff"),
}
NAMED = {
    "black": "#000000",
    "white": "#ffffff",
    "ink": "#15171c",
    "night": "#04060c",
    "navy": "#060b1f",
    "grey": "#808080",
    "paper": "#f6f1e6",
    "red": "#ff2b2b",
    "orange": "#ff7a1a",
    "yellow": "#ffd81a",
    "green": "#1ae05a",
    "teal": "#12c4a8",
    "blue": "#2a6bff",
    "purple": "#a03cff",
    "pink": "#ff6ab8",
    "silver": "#c4ccd8",
}
HEX = re.compile(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
SEPARATOR = re.compile(r"[\s,;:]+|(?<=[0-9a-fA-F])-(?=#)")
STOPS = (0.0, 0.24, 0.62, 0.88, 1.0)


@dataclass(frozen=True)
class Light:
    """How light adds up: weights per channel of each chord, and the background.

    weights: (count, 3) in red, green, blue. background: (3,) in 0…1.
    ink: the background is bright, so that light is subtracted from it.
    """

    weights: Float64
    background: Float64
    ink: bool


def colour(text: str) -> Float64:
    """Red, green and blue in 0…1 of a name or a hex colour, (3,); SettingsError otherwise."""
    word = NAMED.get(text.strip().lower(), text.strip())
    if not HEX.fullmatch(word):
        known = ", ".join(sorted(NAMED))
        raise SettingsError(f"a colour is a hex colour such as #00c8f0 or one of {known}; got {text!r}")
    digits = word.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0


def is_gradient(palette: str) -> bool:
    """Whether the palette runs along the thread, so that channels are drawn separately."""
    return _found(palette).gradient


def check(palette: str) -> None:
    """SettingsError if the palette is neither a name, built in or of a plugin, nor colours."""
    _found(palette)


def ramp(palette: str, background: str) -> UInt8:
    """256 colours from the bare background to the brightest crossing, (256, 3).

    Over a bright background light is subtracted instead, so that the thread looks like ink.
    """
    under = colour(background)
    afterglow, body, heat = _stops(palette)
    white, black = np.ones(3), np.zeros(3)
    ink = is_bright(under)
    stops = (
        [white, 0.55 + 0.45 * body, body, afterglow, 0.4 * afterglow]
        if ink
        else [black, afterglow, body, heat, white]
    )
    lab = to_oklab(np.array(stops))
    at = np.linspace(0.0, 1.0, 256)
    curve = from_oklab(np.stack([_smooth(at, lab[:, i]) for i in range(3)], axis=1))
    out = under * curve if ink else 1.0 - (1.0 - under) * (1.0 - curve)
    return np.rint(255 * np.clip(out, 0.0, 1.0)).astype(np.uint8)


def light(palette: str, background: str, count: int = 2) -> Light:
    """A gradient as additive weights of `count` chords; channels mix a little, so crossings are white."""
    under = colour(background)
    colours = np.array([colour(part) for part in _found(palette).colours])
    ink = is_bright(under)
    weights = (1.0 - colours) if ink else 1.8 * colours**1.3
    spill = 0.08
    weights = (1 - spill) * weights + spill * weights.mean(axis=1, keepdims=True)
    return Light(_blend(weights, count), under, ink)


def along(palette: str, count: int) -> Float64:
    """Colours of a gradient at `count` positions along the thread, (count, 3) in 0…1."""
    return _blend(np.array([colour(part) for part in _found(palette).colours]), count)


def body(palette: str) -> Float64:
    """The colour of a single thread, (3,) in 0…1, for a palette that is not a gradient."""
    return _stops(palette)[1]


def is_bright(rgb: Float64) -> bool:
    """Whether a background is too bright to add light to."""
    return bool((rgb * [0.2126, 0.7152, 0.0722]).sum() > 0.45)


def _blend(colours: Float64, count: int) -> Float64:
    at, knots = np.linspace(0, len(colours) - 1, count), np.arange(len(colours))
    return np.stack([np.interp(at, knots, colours[:, i]) for i in range(3)], axis=1)


class Colours(NamedTuple):
    """The meaning of a palette's name.

    gradient: the colours run along the thread. Otherwise there are three, afterglow, body and heat, or just
    the body.
    """

    gradient: bool
    colours: tuple[str, ...]


@functools.lru_cache(maxsize=64)
def _found(palette: str) -> Colours:
    """The colours of a built-in name, of colours written out, or of a plugin's name."""
    word = palette.strip().lower()
    if word in PALETTES:
        return Colours(False, PALETTES[word])
    if word in GRADIENTS:
        return Colours(True, GRADIENTS[word])
    written = _written(palette)
    if written is None and (added := plugins.find(plugins.PALETTES, word, (str, tuple))) is not None:
        written = _written(added) if isinstance(added, str) else _three(word, added)
    if written is None:
        known = ", ".join([*PALETTES, *GRADIENTS, *plugins.names(plugins.PALETTES)])
        raise SettingsError(
            f"a palette is one of {known}, a colour, or colours such as #ff0080,#00e0ff; got {palette!r}"
        )
    return written


def _written(palette: str) -> Colours | None:
    """One colour, or several along the thread; None if it is something else."""
    parts = tuple(part for part in SEPARATOR.split(palette.strip()) if part)
    try:
        for part in parts or (palette,):
            colour(part)
    except SettingsError:
        return None
    return Colours(len(parts) > 1, parts)


def _three(name: str, colours: Sequence[object]) -> Colours:
    """Afterglow, body and heat of a plugin's palette."""
    if len(colours) != 3 or not all(isinstance(text, str) and _written(text) for text in colours):
        raise SettingsError(
            f"the palette {name!r} must be three colours, afterglow, body and heat, or one text of colours "
            f"along the thread; got {colours!r}"
        )
    return Colours(False, tuple(map(str, colours)))


def _stops(palette: str) -> tuple[Float64, Float64, Float64]:
    colours = [colour(text) for text in _found(palette).colours]
    if len(colours) == 3:
        return colours[0], colours[1], colours[2]
    (body,) = colours
    lab = to_oklab(body[None])[0]
    dim = from_oklab(np.array([[0.42 * lab[0], 0.75 * lab[1], 0.75 * lab[2]]]))[0]
    return np.clip(dim, 0, 1), body, 0.4 * body + 0.6


def _smooth(at: Float64, values: Float64) -> Float64:
    """A curve through values at STOPS without overshoot (Fritsch and Carlson 1980), at `at`."""
    x = np.array(STOPS)
    step = np.diff(x)
    rise = np.diff(values) / step
    slope = np.concatenate([[rise[0]], np.zeros(len(x) - 2), [rise[-1]]])
    for i in range(1, len(x) - 1):
        if rise[i - 1] * rise[i] > 0:
            a, b = 2 * step[i] + step[i - 1], step[i] + 2 * step[i - 1]
            slope[i] = (a + b) / (a / rise[i - 1] + b / rise[i])
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    t = (at - x[k]) / step[k]
    return np.asarray(
        values[k] * (1 + 2 * t) * (1 - t) ** 2
        + step[k] * slope[k] * t * (1 - t) ** 2
        + values[k + 1] * t**2 * (3 - 2 * t)
        + step[k] * slope[k + 1] * t**2 * (t - 1)
    )
