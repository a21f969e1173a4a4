"""Decoding with a key/value cache in NumPy, compared with running the whole network for each nail.

Try it: python -m benchmarks.decode
"""

import numpy as np

from benchmarks.report import fastest, quick, report, seconds
from nitograph.model.decoder import Decoder
from nitograph.model.weights import Weights, load_bundled
from nitograph.sampling.sampler import BATCH, MANY, SampleSettings, invent

CHORDS, TINY = 240, 12


def sampled(weights: Weights, decoder: Decoder, count: int, chords: int) -> None:
    """Sample `count` threads of `chords` chords each."""
    length = SampleSettings(min_lines=chords, max_lines=chords)
    invent(weights, ["7"] * count, range(count), length, decoder=decoder)


def whole_again(weights: Weights, chords: int) -> float:
    """Seconds for one path in PyTorch without a cache: each nail takes a pass over all tokens before it."""
    import torch

    from nitograph.model.network import Network

    network = Network.from_weights(weights).eval()
    labels = torch.tensor([7])
    codes = torch.zeros((1, weights.settings.plan_tokens), dtype=torch.long)
    light, nails = np.zeros((1, weights.zernike.size), np.float32), np.arange(chords + 1) * 100
    path = (nails % weights.board.num_nails)[None]
    seen = None
    if weights.sight is not None:
        from nitograph.model.batch.sight import sights_along

        seen = [
            torch.from_numpy(part) for part in sights_along(weights.sight, light, path, np.array([chords]))
        ]

    def walk() -> None:
        with torch.inference_mode():
            for count in range(1, chords + 1):
                known = None if seen is None else (seen[0][:, :count], seen[1][:, :count], seen[2])
                network(labels, codes, torch.from_numpy(path[:, :count]), torch.from_numpy(light), known)

    return seconds(walk)


def main(tiny: bool) -> None:
    """Time per path for single paths and batches."""
    weights, length, times = load_bundled(), TINY if tiny else CHORDS, 1 if tiny else 5
    batches = 1 if tiny else 2  # batches of MANY
    decoder = Decoder(weights)
    sampled(weights, decoder, 1, length)
    one = fastest(lambda: sampled(weights, decoder, 1, length), times)
    report(f"one path of {length} chords, batch 1", one, "s", whole_again(weights, length))
    each = fastest(lambda: sampled(weights, decoder, 8, length), min(times, 3)) / 8
    report(f"time per path of {length} chords, batch of 8", each * 1000, "ms")
    sampled(weights, decoder, MANY, length)
    count = batches * MANY
    each = fastest(lambda: sampled(weights, decoder, count, length), min(times, 3)) / count
    report(f"time per path of {length} chords, batches of {BATCH}", each * 1000, "ms")
    labels = [str(i % 10) for i in range(count)]
    made = invent(weights, labels, range(count), decoder=decoder)
    own = fastest(lambda: invent(weights, labels, range(count), decoder=decoder), min(times, 3)) / count
    chords = sum(len(thread.nails) - 1 for thread in made) / len(made)
    report(
        f"time per path of the model's own length, batches of {BATCH}",
        own * 1000,
        "ms",
        chords=round(chords),
    )


if __name__ == "__main__":
    main(quick(__doc__))
