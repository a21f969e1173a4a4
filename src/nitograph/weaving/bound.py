"""How good could any thread be? Non-negative weights on all chords at once, and no path.

Minimise ½‖T − Aᵀx‖² over x ≥ 0, A the coverage of each legal chord: no additive thread of whatever
strength, order or length has a smaller error. Solved by an accelerated projected gradient method with
restarts and a separate step size for each chord; a dual certificate bounds the distance to the optimum. The
model does not clip at white; a renderer that does could get below the bound. This module knows no paths.

Try it: nitograph weave mnist:test:17 --bound -o thread.json
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, jit
from nitograph.errors import SettingsError
from nitograph.light import chords
from nitograph.light.bands import FINE, SHIFT
from nitograph.weaving.settings import WeaveSettings

MAX_TAPS = 60_000_000
RETRY_EVERY = 25  # steps after which chords that were left out are tried again

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Bool = NDArray[np.bool_]


class Table(NamedTuple):
    """What each chord covers: entries first[k] to first[k + 1] are those of chord k."""

    first: NDArray[np.int64]  # (m + 1,)
    pixels: NDArray[np.int32]
    shares: Float32


@dataclass(frozen=True)
class Bound:
    """Errors as `chords.error` counts them: none can be below `lower`; `weights` reach `upper`.

    rounds: steps of the solver. weights: (m,) float32, the light of each chord.
    """

    lower: float
    upper: float
    rounds: int
    weights: NDArray[np.float32]


def relaxed_bound(
    target: NDArray[np.float32], settings: WeaveSettings, *, gap: float = 5e-3, rounds: int = 1500
) -> Bound:
    """The bound for one target (c, c), to a relative `gap` between lower and upper, or `rounds` steps.

    Raises SettingsError where the table of chords would be too large. Sources: Beck and Teboulle, FISTA,
    2009; O'Donoghue and Candès, Adaptive restart, 2015; diagonal steps as in Pock and Chambolle, 2011.
    """
    ring = chords.all_chords(settings.nails, settings.canvas_size, settings.width)
    if int(ring.total.sum()) // FINE * 2 > MAX_TAPS:
        raise SettingsError(
            f"the bound keeps all chords in memory, too many for {settings.nails} nails on "
            f"{settings.canvas_size} pixels; take a smaller canvas_size or fewer nails"
        )
    a, b = np.triu_indices(settings.nails, 1)
    long = settings.board.distance(a, b) >= settings.min_nail_gap
    table = _table(ring.lines[long & (ring.total > 0)], settings.canvas_size)
    inside = chords.disc(settings.canvas_size).reshape(-1)
    wanted = np.where(inside, np.asarray(target, dtype=np.float32).reshape(-1), np.float32(0))
    shares = np.where(inside[table.pixels], table.shares, np.float32(0)).astype(np.float32)
    table = table._replace(shares=shares)
    energy = float(np.sum(wanted.astype(np.float64) ** 2))
    weights = np.zeros(len(table.first) - 1, dtype=np.float32)
    if energy == 0.0:
        return Bound(0.0, 0.0, 0, weights)
    lower, upper, made = _solve(table, wanted, inside, gap, rounds, weights)
    return Bound(max(lower, 0.0) / energy, upper / energy, made, weights)


def _table(lines: NDArray[np.int32], size: int) -> Table:
    """Pixels and shares of all chords, concatenated."""
    bound = int(((lines[:, 4] - lines[:, 3]).astype(np.int64) * (lines[:, 2] // FINE + 2)).sum())
    first = np.zeros(len(lines) + 1, dtype=np.int64)
    pixels, shares = np.empty(bound, dtype=np.int32), np.empty(bound, dtype=np.float32)
    _taps(lines, size, first, pixels, shares)
    return Table(first, pixels[: first[-1]], shares[: first[-1]])


@jit
def _taps(lines: Int32, size: int, first: NDArray[np.int64], pixels: Int32, shares: Float32) -> None:
    """Fill the columns of a Table."""
    used = 0
    for k in range(len(lines)):
        top, rise, height, start, stop, steep = lines[k]
        for u in range(start, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                pixels[used] = u * size + v if steep else v * size + u
                shares[used] = (min(high, v * FINE + FINE) - max(low, v * FINE)) / FINE
                used += 1
        first[k + 1] = used


@inner
def _across(table: Table, image: Float32, k: int) -> np.float32:
    """Σ share × image over chord k."""
    found = np.float32(0)
    for t in range(table.first[k], table.first[k + 1]):
        found += table.shares[t] * image[np.uint64(table.pixels[t])]
    return found


@jit
def _solve(
    table: Table, wanted: Float32, inside: Bool, gap: float, rounds: int, here: Float32
) -> tuple[float, float, int]:
    """Lower and upper bound of ‖T − Aᵀx‖² and the steps taken; `here`, zeros at first, becomes x."""
    count, size = len(table.first) - 1, len(wanted)
    cover, step = np.zeros(size, np.float32), np.empty(count, np.float32)
    for t in range(len(table.pixels)):
        cover[np.uint64(table.pixels[t])] += table.shares[t]
    for k in range(count):
        step[k] = 1 / max(_across(table, cover, k), np.float32(1e-6))
    ahead = np.zeros(count, np.float32)
    residual, active, num_active = wanted.copy(), np.empty(count, np.int64), 0
    speed, lower, upper = 1.0, 0.0, 0.0
    for made in range(1, rounds + 1):
        uphill = 0.0
        faster = (1 + np.sqrt(1 + 4 * speed * speed)) / 2
        drift = np.float32((speed - 1) / faster)
        if made % RETRY_EVERY == 1:
            num_active = 0
            for k in range(count):
                if ahead[k] > 0 or _across(table, residual, k) > 0:
                    active[num_active] = k
                    num_active += 1
                else:
                    here[k], ahead[k] = 0, 0
        for place in range(num_active):
            k = active[place]
            slope = _across(table, residual, k)
            new = max(ahead[k] + slope * step[k], np.float32(0))
            uphill += (ahead[k] - new) * (new - here[k])
            ahead[k] = new + drift * (new - here[k])
            here[k] = new
        speed = 1.0 if uphill > 0 else faster
        if uphill > 0:  # the momentum points uphill: restart from here
            ahead[:] = here
        check = made % (4 * RETRY_EVERY) == 0 or made == rounds
        _left_over(table, wanted, here if check else ahead, residual)
        if check:
            lower, upper = _certificate(table, wanted, inside, residual, lower)
            if upper - lower <= gap * upper:
                return lower, upper, made
            _left_over(table, wanted, ahead, residual)
    return lower, upper, rounds


@inner
def _left_over(table: Table, wanted: Float32, weights: Float32, residual: Float32) -> None:
    """residual = T − Aᵀ weights."""
    for p in range(len(wanted)):
        residual[p] = wanted[p]
    for k in range(len(weights)):
        if weights[k] != 0:
            for t in range(table.first[k], table.first[k + 1]):
                residual[np.uint64(table.pixels[t])] -= weights[k] * table.shares[t]


@inner
def _certificate(
    table: Table, wanted: Float32, inside: Bool, residual: Float32, best: float
) -> tuple[float, float]:
    """A lower bound of ‖T − Aᵀx‖² for every x ≥ 0, from a residual, and the value of that residual.

    For any y with Ay ≤ 0, ‖T − Aᵀx‖² ≥ 2y·T − y·y (weak duality). The residual is nearly such
    a y: subtracting a small constant everywhere makes it one, and the best scale then gives (y·T)² / y·y.
    """
    size, excess = len(wanted), 0.0
    whole = np.ones(size, np.float32)
    for k in range(len(table.first) - 1):
        slope = _across(table, residual, k)
        if slope > 0:
            excess = max(excess, float(slope / _across(table, whole, k)))
    inner_product, squares, upper = 0.0, 0.0, 0.0
    for p in range(size):
        dual = float(residual[p]) - excess if inside[p] else 0.0
        inner_product += dual * wanted[p]
        squares += dual * dual
        upper += float(residual[p]) ** 2
    if inner_product > 0 and squares > 0:
        best = max(best, inner_product * inner_product / squares)
    return best, upper
