"""Decoding with a key/value cache in NumPy beside the plain way: the whole network again for each nail.

Try it: python -m benchmarks.decode
"""

import numpy as np

from benchmarks.report import least, seconds, told
from nitograph.model.decoder import Decoder
from nitograph.model.weights import Weights, load_bundled
from nitograph.sampling.invent import MANY, SampleSettings, invent

CHORDS = 240
LONG = SampleSettings(min_lines=CHORDS, max_lines=CHORDS)


def sampled(weights: Weights, decoder: Decoder, count: int) -> None:
    """`count` threads of CHORDS chords."""
    invent(weights, ["7"] * count, range(count), LONG, decoder=decoder)


def whole_again(weights: Weights) -> float:
    """Seconds for one path when each nail takes a pass over all tokens before it, in PyTorch."""
    import torch

    from nitograph.model.network import Network

    network = Network.from_weights(weights).eval()
    labels = torch.tensor([7])
    codes = torch.zeros((1, weights.settings.plan_tokens), dtype=torch.long)
    light = torch.zeros((1, weights.zernike.size))
    path = torch.tensor(np.arange(CHORDS + 1) * 100 % weights.board.num_nails)[None]

    def walk() -> None:
        with torch.inference_mode():
            for count in range(1, CHORDS + 1):
                network(labels, codes, path[:, :count], light)

    return seconds(walk)


def main() -> None:
    """Time, and how it grows with the batch and the length."""
    weights = load_bundled()
    decoder = Decoder(weights)
    sampled(weights, decoder, 1)
    one = least(lambda: sampled(weights, decoder, 1), 5)
    told("one path of 240 chords, batch 1", one, "s", whole_again(weights))
    each = least(lambda: sampled(weights, decoder, 8), 3) / 8
    told("a path of 240 chords in a batch of 8", each * 1000, "ms")
    sampled(weights, decoder, MANY)
    each = least(lambda: sampled(weights, decoder, 2 * MANY), 3) / (2 * MANY)
    told("a path of 240 chords in batches of 64", each * 1000, "ms")
    labels = [str(i % 10) for i in range(2 * MANY)]
    made = invent(weights, labels, range(2 * MANY), decoder=decoder)
    own = least(lambda: invent(weights, labels, range(2 * MANY), decoder=decoder), 3) / (2 * MANY)
    chords = sum(len(thread.nails) - 1 for thread in made) / len(made)
    told("a path of the model's own length in batches of 64", own * 1000, "ms", chords=round(chords))


if __name__ == "__main__":
    main()
