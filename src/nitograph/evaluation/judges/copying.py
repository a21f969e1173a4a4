"""The judge of copying: samples against all training threads, by chords, nails and pictures.

Everything stands beside the same figure for test threads, which cannot be copies. This module decides no
threshold; `nearest` does the comparing of chords and nails.

Try it: python -m nitograph evaluate --stand-in rewinder --samples-per-class 20 --seeds 1
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.evaluation.judges.court import Court, Found, mean, quantiles
from nitograph.evaluation.material import SIDE, Training, rasters
from nitograph.evaluation.metrics import mean_interval, ratio_interval
from nitograph.evaluation.nearest import in_both, longest_runs, nearest, repeats
from nitograph.evaluation.verdicts import Figure, rounded

Float32 = NDArray[np.float32]
COARSE = 4  # px of a raster averaged each way, so that a shape counts and not how it was wound
ROWS = 20_000


def copying(court: Court, training: Training) -> Found:
    """Every sample against every training thread, beside the same for test threads."""
    board = court.material.weaving.nails
    mine, theirs = court.samples.paths(), court.reference.paths()
    jaccard, where = nearest(mine, training.paths, board)
    usual, _ = nearest(theirs, training.paths, board)
    lost, _ = nearest(court.walks.paths(), training.paths, board)
    runs, usual_runs = (longest_runs(paths, training.paths, board) for paths in (mine, theirs))
    shelf = small(rasters(training.paths, court.material.weaving))
    away, usual_away, lost_away = (
        distances(small(kind.rasters), shelf) for kind in (court.samples, court.reference, court.walks)
    )
    same = in_both(mine, training.paths) | (jaccard >= 1.0)
    limit = float(np.quantile(usual, 0.99))
    twice = np.zeros(len(mine))
    twice[: repeats(mine)] = 1.0
    by_seed = [court.round(i) for i in range(court.rounds)]
    near_ratio, run_ratio = ratio_interval(jaccard, usual), ratio_interval(runs, usual_runs)
    lost_runs = longest_runs(court.walks.paths(), training.paths, board)
    figures = {
        "duplicates": Figure(
            "duplicates",
            mean_interval(twice),
            mean(twice),
            repeats(theirs) / len(theirs),
            [repeats(mine.take(np.arange(part.start, part.stop))) / court.size for part in by_seed],
            repeats(court.walks.paths()) / court.size,
        ),
        "copies": Figure(
            "copies",
            mean_interval(same),
            mean(same),
            mean(usual >= 1.0),
            [mean(same[part]) for part in by_seed],
            mean(lost >= 1.0),
        ),
        "nearness": Figure(
            "nearness",
            near_ratio,
            mean(jaccard),
            mean(usual),
            [mean(jaccard[part]) for part in by_seed],
            mean(lost),
        ),
        "near_copies": Figure(
            "near_copies",
            mean_interval(jaccard > limit),
            mean(jaccard > limit),
            0.01,
            [mean(jaccard[part] > limit) for part in by_seed],
            mean(lost > limit),
        ),
        "pictures": Figure(
            "pictures",
            ratio_interval(usual_away, away),
            mean(away),
            mean(usual_away),
            [mean(away[part]) for part in by_seed],
            mean(lost_away),
        ),
        "longest_run": Figure(
            "longest_run",
            run_ratio,
            mean(runs),
            mean(usual_runs),
            [mean(runs[part]) for part in by_seed],
            mean(lost_runs),
        ),
    }
    details: dict[str, Any] = {
        "jaccard": quantiles(jaccard) | {"test": quantiles(usual)},
        "picture_distance": quantiles(away) | {"test": quantiles(usual_away)},
        "longest_run_nails": quantiles(runs) | {"test": quantiles(usual_runs)},
        "limit_99": rounded(limit),
        "nearness": {"samples": jaccard, "test": usual},
        "where": where,
    }
    return figures, details


def small(pictures: NDArray[np.uint8]) -> Float32:
    """Pictures (n, 28, 28) as greys of 7×7, 0 to 1, flat: (n, 49)."""
    side = SIDE // COARSE
    blocks = pictures.reshape(len(pictures), side, COARSE, side, COARSE).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(blocks.reshape(len(pictures), -1) / np.float32(255))


@one_blas_thread
def distances(asked: Float32, shelf: Float32) -> NDArray[np.float64]:
    """Root mean square distance to the nearest row of the shelf: (q, d) and (n, d) → (q,)."""
    best = np.full(len(asked), np.inf)
    for first in range(0, len(shelf), ROWS):
        part = shelf[first : first + ROWS]
        found = (part * part).sum(axis=1) - 2 * asked @ part.T
        best = np.minimum(best, found.min(axis=1))
    squares = np.maximum(best + (asked * asked).sum(axis=1), 0)
    return np.asarray(np.sqrt(squares / asked.shape[1]), dtype=np.float64)
