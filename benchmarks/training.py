"""Training throughput beside a plain PyTorch Transformer of its size, trained the first Nitograph's way.

The reference pads every thread to 240 chords, takes nn.TransformerEncoder and one softmax over all
tokens; a token counts where it is learned from, padding does not. One figure a design, and how it grows.

Try it: python -m benchmarks.training
"""

import numpy as np
import torch
from torch import nn

from benchmarks.report import seconds, told
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.sources import mnist
from nitograph.model.settings import ModelSettings
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from nitograph.weaving.encoder import WeaveSettings

STEPS, ROUNDS = 4, 3


class Plain(nn.Module):
    """Tokens and places embedded, blocks of PyTorch's own, a head over all tokens."""

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


def plain_speed(corpus: Corpus) -> float:
    """Tokens a second of the reference, batch 32 as the first Nitograph's default."""
    pad, words = corpus.vocabulary.pad, corpus.vocabulary.size
    width = 243
    tokens = np.full((len(corpus), width), pad, dtype=np.int64)
    tokens[:, : corpus.tokens.shape[1]] = corpus.tokens
    model = Plain(words)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    counted = 0

    def steps() -> None:
        nonlocal counted
        for step in range(STEPS):
            batch = torch.from_numpy(tokens[step * 32 : step * 32 + 32])
            logits = model(batch[:, :-1])
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=pad
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch declares no types here
            optimizer.step()
            counted += int((batch[:, 1:] != pad).sum())

    return max(_speed(steps, lambda: counted) for _ in range(ROUNDS))


def our_speed(corpus: Corpus, design: str, batch: int = 64) -> float:
    """Tokens a second of the trainer's own steps."""
    settings = TrainSettings(
        batch_size=batch, plan_steps=1, epochs=1, validation_fraction=0.01, plan_rows=0
    )
    trainer = Trainer(corpus, ModelSettings(design=design), settings)
    for _ in trainer._train_plan(99.0):
        pass
    if design == "plan":
        trainer.objective.encode(trainer.weights())
    order, counted = trainer._order(0), 0

    def steps() -> None:
        nonlocal counted
        for step in range(STEPS):
            counted += trainer._train_step(order[step], 1e-3)[2]

    return max(_speed(steps, lambda: counted) for _ in range(ROUNDS))


def _speed(work, counted) -> float:  # type: ignore[no-untyped-def]  # two plain callables
    before = counted()
    spent = seconds(work)
    return float((counted() - before) / spent)


def main() -> None:
    """Both designs beside the reference."""
    corpus = build(mnist("train"), CorpusSettings(samples=1000), WeaveSettings())
    reference = plain_speed(corpus)
    for design in ("plan", "plain"):
        told(f"training, default model, {design}", our_speed(corpus, design), "tokens/s", reference)
    for batch in (16, 128):
        told(f"training, plan, batch {batch}", our_speed(corpus, "plan", batch), "tokens/s", reference)


if __name__ == "__main__":
    main()
