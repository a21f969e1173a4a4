"""The settings of a model, and the name and shape of each of its tensors. No arrays.

This module knows neither files nor how the tensors are used.

Try it: python -c "from nitograph.model.settings import ModelSettings; print(ModelSettings())"
"""

from dataclasses import dataclass
from typing import Any

from nitograph.board import MAX_NAILS
from nitograph.errors import WeightsError
from nitograph.light.zernike import Zernike
from nitograph.model.vocab import Vocabulary
from nitograph.settings import Settings, setting

CODE_DIGITS, CODE_LEVELS = 4, 4
PLAN_CODES = CODE_LEVELS**CODE_DIGITS
FACTS, SIGHTS = 5, 4  # numbers about a fan of chords; forms in which the sight of a chord is weighed
WAVES = 8  # of a sharpener's time, as cosines and sines
ROPE_BASE = 10_000.0
NORM_EPS = 1e-6
LIGHT_GAIN = 30.0  # logits per unit of missing light along a chord, before training


@dataclass(frozen=True)
class ModelSettings(Settings):
    """The shape of a model."""

    design: str = setting(
        "plan",
        "what the model writes before the nails: a plan of the picture, or nothing",
        choices=("plan", "plain"),
    )
    embed_dim: int = setting(192, "width of the Transformer", low=8, high=4096)
    heads: int = setting(6, "query heads, sharing embed_dim; keys and values have one", low=1, high=64)
    layers: int = setting(4, "Transformer blocks", low=1, high=64)
    ff_dim: int = setting(512, "width inside the feed-forward part of a block", low=8, high=16384)
    dropout: float = setting(0.0, "share of activations dropped in training", low=0, high=0.9)
    plan_tokens: int = setting(16, "tokens of the plan", low=1, high=256)
    plan_width: int = setting(384, "width inside the plan's autoencoder", low=8, high=4096)
    zernike_order: int = setting(24, "radial order of the light the model sees", low=2, high=40)
    sight: bool = setting(False, "whether the model sees the encoder's score of each chord it might lay")

    def check(self) -> None:
        """Each head needs an even width, because rotary positions rotate pairs."""
        if self.embed_dim % self.heads or (self.embed_dim // self.heads) % 2:
            raise WeightsError(
                f"embed_dim must be an even multiple of heads, got {self.embed_dim} for {self.heads}; "
                f"take {self.heads * 2 * max(1, round(self.embed_dim / self.heads / 2))}"
            )
        if self.sight and not self.planned:
            raise WeightsError(
                "sight needs a planned picture to look at; take the plan design, or no sight"
            )

    def to_dict(self) -> dict[str, Any]:
        """As Settings.to_dict; without sight where there is none, as in weights older than it."""
        values = super().to_dict()
        if not self.sight:
            del values["sight"]
        return values

    @property
    def planned(self) -> bool:
        """Whether a plan comes before the nails."""
        return self.design == "plan"

    @property
    def prefix(self) -> int:
        """Tokens before the first nail: the class and the plan."""
        return 1 + (self.plan_tokens if self.planned else 0)


def tensor_shapes(settings: ModelSettings, vocabulary: Vocabulary) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a model. Matrices take rows: y = x @ W, W (in, out)."""
    d, f, n = settings.embed_dim, settings.ff_dim, vocabulary.num_nails
    if n > MAX_NAILS or len(vocabulary.classes) < 1:
        raise WeightsError(
            f"a model needs at least 1 class and at most {MAX_NAILS} nails, "
            f"got {len(vocabulary.classes)} and {n}"
        )
    shapes: dict[str, tuple[int, ...]] = {
        "embed.class": (len(vocabulary.classes) + 1, d),
        "embed.nail": (n, d),
        "head.norm": (d,),
        "head.nail": (d, n + 1),
    }
    for layer in range(settings.layers):
        shapes |= {
            f"layer.{layer}.attention.norm": (d,),
            f"layer.{layer}.attention.qkv": (d, d + 2 * (d // settings.heads)),
            f"layer.{layer}.attention.out": (d, d),
            f"layer.{layer}.feed.norm": (d,),
            f"layer.{layer}.feed.up": (d, f),
            f"layer.{layer}.feed.down": (f, d),
        }
    if settings.planned:
        shapes |= _plan_shapes(settings, n)
    if settings.sight:
        del shapes["head.gain"]  # the missing light is seen exactly
        shapes |= {
            "embed.facts": (FACTS, d),
            "sight.gain": (d, SIGHTS),
            "sight.base": (SIGHTS,),
            "sight.first": (1,),
        }
    return shapes


def sharpener_shapes(
    classes: int, fine: int, wide: int, fine_blocks: int, wide_blocks: int
) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a sharpen.Sharpener: channels and blocks on its two grids."""
    conditions = 2 * WAVES + 1
    shapes: dict[str, tuple[int, ...]] = {
        "spread": (1,),
        "class": (classes + 1, conditions),
        "in.weight": (9, 8, fine),
        "down": (4 * fine, wide),
        "up": (wide, 4 * fine),
        "out.norm": (fine,),
        "out.weight": (fine, 4),
    }
    for kind, count, width in (("fine", fine_blocks, fine), ("wide", wide_blocks, wide)):
        for i in range(count):
            shapes |= {
                f"{kind}.{i}.norm": (width,),
                f"{kind}.{i}.first": (9, width, width),
                f"{kind}.{i}.condition": (conditions, width),
                f"{kind}.{i}.last": (9, width, width),
            }
    return shapes


def _plan_shapes(settings: ModelSettings, n: int) -> dict[str, tuple[int, ...]]:
    d, p, w = settings.embed_dim, settings.plan_tokens, settings.plan_width
    k = Zernike(settings.zernike_order).size
    return {
        "embed.code": (PLAN_CODES, d),
        "embed.slot": (p, d),
        "embed.digits": (p, CODE_DIGITS, d),
        "embed.light": (k, d),
        "head.code": (d, PLAN_CODES),
        "head.light": (d, k),
        "head.gain": (k,),
        "head.reach": (n,),
        "light.scale": (k,),
        "light.chord": (1,),
        "plan.encode.weight.0": (k, w),
        "plan.encode.weight.1": (w, w),
        "plan.encode.weight.2": (w, p * CODE_DIGITS),
        "plan.encode.bias.0": (w,),
        "plan.encode.bias.1": (w,),
        "plan.encode.bias.2": (p * CODE_DIGITS,),
        "plan.decode.weight.0": (p * CODE_DIGITS, w),
        "plan.decode.weight.1": (w, w),
        "plan.decode.weight.2": (w, k),
        "plan.decode.bias.0": (w,),
        "plan.decode.bias.1": (w,),
        "plan.decode.bias.2": (k,),
    }
