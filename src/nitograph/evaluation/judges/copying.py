"""The judge of copying: samples compared with all training threads, by chords, nails and pictures.

Every figure comes with that of test threads, which cannot be copies. `nearest` compares chords and nails.
This module knows no threshold.

Try it: python -m nitograph evaluate --stand-in rewinder --samples-per-class 20 --seeds 1
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.evaluation.judges.comparison import Comparison, Judgement, mean, quantiles
from nitograph.evaluation.metrics import Estimate, mean_interval, ratio_interval
from nitograph.evaluation.nearest import Paths, in_both, longest_runs, nearest, repeats
from nitograph.evaluation.verdicts import Figure, rounded
from nitograph.evaluation.woven import SIDE, Training, Woven, rasters

Float32 = NDArray[np.float32]
COARSE = 4  # px averaged in each direction, so that the shape counts and not the way it was wound
ROWS = 20_000


@dataclass(frozen=True, eq=False)
class _Nearness:
    """How near each of some threads is to its nearest training thread, arrays (n,).

    jaccard: shared chords; which: the thread that shares them. runs: longest shared run of nails.
    distances: to the nearest training picture.
    """

    paths: Paths
    jaccard: NDArray[np.float64]
    which: NDArray[np.int64]
    runs: NDArray[np.int64]
    distances: NDArray[np.float64]


def copying(compared: Comparison, training: Training) -> Judgement:
    """Every sample compared with every training thread, and the same for test threads and random walks."""
    pictures = small(rasters(training.paths, compared.material.weaving))

    def nearness(threads: Woven) -> _Nearness:
        paths, nails = threads.paths(), compared.material.weaving.nails
        return _Nearness(
            paths,
            *nearest(paths, training.paths, nails),
            longest_runs(paths, training.paths, nails),
            distances(small(threads.rasters), pictures),
        )

    mine, test, walks = map(nearness, (compared.samples, compared.reference, compared.walks))
    limit = float(np.quantile(test.jaccard, 0.99))
    figures = _figures(compared, training, mine, test, walks, limit)
    details: dict[str, Any] = {
        "jaccard": quantiles(mine.jaccard) | {"test": quantiles(test.jaccard)},
        "picture_distance": quantiles(mine.distances) | {"test": quantiles(test.distances)},
        "longest_run_nails": quantiles(mine.runs) | {"test": quantiles(test.runs)},
        "limit_99": rounded(limit),
        "nearness": {"samples": mine.jaccard, "test": test.jaccard},
        "where": mine.which,
    }
    return figures, details


def _figures(
    compared: Comparison,
    training: Training,
    mine: _Nearness,
    test: _Nearness,
    walks: _Nearness,
    limit: float,
) -> dict[str, Figure]:
    """All figures of copying. limit: the Jaccard index above which a sample is a near copy."""
    rounds = [compared.round(i) for i in range(compared.rounds)]

    def figure(
        key: str, value: Estimate, samples: NDArray[Any], reference: float, floor: NDArray[Any]
    ) -> Figure:
        return Figure(key, value, mean(samples), reference, [mean(samples[r]) for r in rounds], mean(floor))

    repeated = np.zeros(len(mine.paths))
    repeated[: repeats(mine.paths)] = 1.0
    duplicates = Figure(
        "duplicates",
        mean_interval(repeated),
        mean(repeated),
        repeats(test.paths) / len(test.paths),
        [repeats(mine.paths.take(np.arange(r.start, r.stop))) / compared.size for r in rounds],
        repeats(walks.paths) / compared.size,
    )
    copied = in_both(mine.paths, training.paths) | (mine.jaccard >= 1.0)
    near = mine.jaccard > limit
    near_ratio = ratio_interval(mine.jaccard, test.jaccard)
    away_ratio = ratio_interval(test.distances, mine.distances)
    run_ratio = ratio_interval(mine.runs, test.runs)
    found = [
        duplicates,
        figure("copies", mean_interval(copied), copied, mean(test.jaccard >= 1.0), walks.jaccard >= 1.0),
        figure("nearness", near_ratio, mine.jaccard, mean(test.jaccard), walks.jaccard),
        figure("near_copies", mean_interval(near), near, 0.01, walks.jaccard > limit),
        figure("pictures", away_ratio, mine.distances, mean(test.distances), walks.distances),
        figure("longest_run", run_ratio, mine.runs, mean(test.runs), walks.runs),
    ]
    return {figure.key: figure for figure in found}


def small(pictures: NDArray[np.uint8]) -> Float32:
    """Pictures (n, 28, 28) as greys of 7×7, 0 to 1, flat: (n, 49)."""
    side = SIDE // COARSE
    blocks = pictures.reshape(len(pictures), side, COARSE, side, COARSE).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(blocks.reshape(len(pictures), -1) / np.float32(255))


@one_blas_thread
def distances(queries: Float32, pictures: Float32) -> NDArray[np.float64]:
    """Root mean square distance to the nearest row of `pictures`: (q, d) and (n, d) → (q,)."""
    best = np.full(len(queries), np.inf)
    for first in range(0, len(pictures), ROWS):
        part = pictures[first : first + ROWS]
        found = (part * part).sum(axis=1) - 2 * queries @ part.T
        best = np.minimum(best, found.min(axis=1))
    squares = np.maximum(best + (queries * queries).sum(axis=1), 0)
    return np.asarray(np.sqrt(squares / queries.shape[1]), dtype=np.float64)
