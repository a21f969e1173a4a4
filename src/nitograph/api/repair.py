"""A finished thread pulled towards its plan by the encoder's local search.

Encoder and model know nothing of each other; here a plan's picture becomes what the encoder's local search
(`weaving.loops.search`) is to reach: nails move, come and go wherever that lowers the squared error between
picture and thread. The rules of the board and the limits of length hold, and the error never rises. This
module invents nothing.

Try it: python -m nitograph generate 7 --repair
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import NitographError, SettingsError
from nitograph.light import chords
from nitograph.model.weights import Weights
from nitograph.sampling.plans import Plans, shown
from nitograph.sampling.settings import SampleSettings, resolved
from nitograph.thread import Thread
from nitograph.weaving import dispatch
from nitograph.weaving.loops.operands import Rows
from nitograph.weaving.settings import WeaveSettings

Float32 = NDArray[np.float32]


def search_settings(weights: Weights, settings: SampleSettings) -> WeaveSettings:
    """How the encoder searches for a model, within the limits of these sampling settings.

    SettingsError in one line for a model without plans, or whose threads cannot be searched.
    """
    if not weights.settings.planned:
        raise SettingsError("repair needs a plan to pull a thread towards; use weights of the plan design")
    limits = resolved(settings, weights)
    try:
        return WeaveSettings.from_dict(dict(weights.weaving)).replace(
            min_lines=limits.min_lines,
            max_lines=limits.max_lines,
            min_nail_gap=limits.min_nail_gap,
            recent_edges=weights.rules.recent_edges,
            beam=1,
            quality="best",
        )
    except NitographError as error:
        raise SettingsError(f"repair cannot search the threads of this model: {error}") from None


def repaired(
    weights: Weights, threads: Sequence[Thread], plans: Plans, settings: SampleSettings
) -> list[Thread]:
    """Each thread pulled towards its plan; its provenance gets the error before and after.

    The error is that of `chords.error`, what is brighter than white included.
    """
    weaving, wanted = search_settings(weights, settings), shown(weights, plans)
    nails = np.full((len(threads), weaving.max_lines + 1), -1, dtype=np.int32)
    for places, thread in zip(nails, threads, strict=True):
        places[: len(thread.nails)] = thread.nails
    lengths = np.array([len(thread.nails) for thread in threads], dtype=np.int32)
    explained = np.zeros(len(threads), dtype=np.float32)
    dispatch.improve(weaving, Rows(np.ascontiguousarray(wanted), nails, lengths, explained))
    found = []
    for row, thread in enumerate(threads):
        after = thread.replace(nails=nails[row, : lengths[row]])
        errors = [round(_error(each, wanted[row], weaving), 6) for each in (thread, after)]
        made = {**thread.provenance, "repaired": dict(zip(("before", "after"), errors, strict=True))}
        found.append(after.replace(provenance=made))
    return found


def _error(thread: Thread, wanted: Float32, weaving: WeaveSettings) -> float:
    strength, width = weaving.line_strength, weaving.width
    light = chords.raster(thread, weaving.canvas_size, strength=strength, width=width, clip=False)
    return chords.error(wanted, light)
