"""Training throughput compared with a plain PyTorch Transformer of its size, trained like the original.

The reference pads every thread to 240 chords and uses nn.TransformerEncoder with one softmax over all
tokens. Only tokens with a loss count, padding does not. One figure per design, and by batch size.

Try it: python -m benchmarks.training
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.report import quick, report, seconds
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.sources import mnist
from nitograph.model.settings import ModelSettings
from nitograph.training.settings import Report, TrainSettings
from nitograph.training.trainer import Trainer
from nitograph.weaving.encoder import WeaveSettings

ROUNDS = (3, 4)  # the best of three rounds of four steps each
TINY = (1, 1)


class Plain(nn.Module):
    """Token and position embeddings, PyTorch's own blocks, a head over all tokens."""

    def __init__(self, words: int, width: int = 192, longest: int = 243) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, 6, 512, 0.1, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = nn.Linear(width, words)
        self.mask = nn.Transformer.generate_square_subsequent_mask(longest)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(b, t) → (b, t, words)."""
        t = tokens.shape[1]
        x = self.words(tokens) + self.places(torch.arange(t))
        logits: torch.Tensor = self.head(self.blocks(x, mask=self.mask[:t, :t], is_causal=True))
        return logits


def plain_speed(corpus: Corpus, *, batch_size: int, rounds: tuple[int, int]) -> float:
    """Tokens per second of the reference, in batches of the first Nitograph's default."""
    pad, words = corpus.vocabulary.pad, corpus.vocabulary.size
    width = 243
    tokens = np.full((len(corpus), width), pad, dtype=np.int64)
    tokens[:, : corpus.tokens.shape[1]] = corpus.tokens
    model = Plain(words)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    counted = 0

    def steps() -> None:
        nonlocal counted
        for step in range(rounds[1]):
            batch = torch.from_numpy(tokens[step * batch_size : (step + 1) * batch_size])
            logits = model(batch[:, :-1])
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=pad
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch declares no types here
            optimizer.step()
            counted += int((batch[:, 1:] != pad).sum())

    return max(_speed(steps, lambda: counted) for _ in range(rounds[0]))


def our_speed(corpus: Corpus, model: ModelSettings, *, batch_size: int, rounds: tuple[int, int]) -> float:
    """Tokens per second of the trainer's steps, from its reports, one per step without the first."""
    settings = TrainSettings(
        batch_size=batch_size, plan_steps=1, epochs=1000, validation_fraction=0.01, plan_rows=0
    )
    reports = Trainer(corpus, model, settings).run(report_every=0.0, validate_every=math.inf)
    speeds: list[float] = []
    before: Report | None = None
    tokens, spent, steps = 0.0, 0.0, 0
    for entry in reports:
        if entry.kind == "step" and before is not None and before.kind == "step":
            took = entry.seconds - before.seconds
            tokens, spent, steps = tokens + entry.tokens_per_second * took, spent + took, steps + 1
        if steps == rounds[1]:
            speeds.append(tokens / spent)
            tokens, spent, steps = 0.0, 0.0, 0
        if len(speeds) == rounds[0]:
            break
        before = entry
    return max(speeds)


def _speed(work: Callable[[], object], counted: Callable[[], int]) -> float:
    before = counted()
    spent = seconds(work)
    return float((counted() - before) / spent)


def main(tiny: bool) -> None:
    """Measure both designs and the reference."""
    rounds = TINY if tiny else ROUNDS
    samples, weaving = (40, WeaveSettings(max_lines=8)) if tiny else (1000, WeaveSettings())
    corpus = build(mnist("train"), CorpusSettings(samples=samples), weaving)
    reference = plain_speed(corpus, batch_size=2 if tiny else 32, rounds=rounds)
    for design in ("plan", "plain"):
        model, batch = ModelSettings(design=design), 2 if tiny else 64
        ours = our_speed(corpus, model, batch_size=batch, rounds=rounds)
        report(f"training, default model, {design}", ours, "tokens/s", reference)
    for batch in (4,) if tiny else (16, 128):
        ours = our_speed(corpus, ModelSettings(), batch_size=batch, rounds=rounds)
        report(f"training, plan, batch {batch}", ours, "tokens/s", reference)


if __name__ == "__main__":
    main(quick(__doc__))
