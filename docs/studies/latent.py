"""The plan's form and size: how well a latent and its prior model handwriting in equal time.

Each form gets the same processor time: a sixth for the autoencoder of pictures and tokens, the rest for a
Transformer that predicts the tokens given the class. Its pictures are woven by the encoder, not wound by
the model, so that only the plan is judged: error of the light after the round trip and nats per picture
(test digits), accuracy of critic B and Fréchet distance of critic C (1,000 samples each, with and without
guidance). Each run appends a line of JSON to `--output`; runs that are already there are skipped.

Try it: python docs/studies/latent.py --minutes 6 --output runs/latent.jsonl
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from records import arguments, finished, keep
from torch import Tensor

from nitograph.corpus.sources import mnist
from nitograph.corpus.warps import warp
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.judges.comparison import Critics, train_critics
from nitograph.evaluation.material import Material
from nitograph.evaluation.metrics import frechet
from nitograph.evaluation.nearest import pack_rows
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.woven import rasters
from nitograph.light import chords
from nitograph.light.zernike import Zernike
from nitograph.model.network import Cache as Kept, Network
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import Weights
from nitograph.training.optimizer import make_optimizer, trapezoid
from nitograph.training.plan_phase import PLAN_BATCH
from nitograph.training.settings import TrainSettings
from nitograph.weaving.encoder import WeaveSettings, targets, weave_targets

PRIOR_BATCH, CHUNK, GREYS = 256, 2000, 16


@dataclass(frozen=True)
class Sizes:
    """Sizes: MNIST pictures, pictures tested, samples judged, and the critics' training."""

    pictures: int | None = None
    tested: int = 5000
    samples: int = 1000
    critic_images: int = EvaluationSettings.default("critic_images")
    images_seen: int = EvaluationSettings.default("images_seen")


QUICK = Sizes(pictures=40, tested=20, samples=20, critic_images=100, images_seen=100)
FORMS: dict[str, dict[str, Any]] = {
    "16 codes": {"tokens": 16},
    "8 codes": {"tokens": 8},
    "32 codes": {"tokens": 32},
    "16 codes, warped": {"tokens": 16, "warps": 3},
    "thumbnail 6×6": {"side": 6},
    "thumbnail 8×8": {"side": 8},
    "32 codes, warped": {"tokens": 32, "warps": 3},
    "16 codes, wide": {"tokens": 16, "width": 1024},
}


def pictures(part: str, folder: Path, sizes: Sizes, warps: int = 0) -> dict[str, NDArray[Any]]:
    """Light, thumbnails and labels of MNIST's pictures and of warped copies; cached in the folder."""
    path = folder / f"latent-{part}-{warps}-{sizes.pictures or 'all'}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        source, weaving, zernike = mnist(part), WeaveSettings(), Zernike(24)
        count = sizes.pictures or len(source)
        matrix = zernike.projection(chords.pixel_positions(weaving.canvas_size)).astype(np.float32)
        found: dict[str, list[NDArray[Any]]] = {"light": [], "6": [], "8": [], "labels": []}
        for copy in range(1 + warps):
            for first in range(0, count, CHUNK):
                rows = slice(first, min(first + CHUNK, count))
                images = source.images[rows]
                if copy:
                    images = warp(images, np.random.default_rng([5, copy, first]))
                wanted = targets(images, weaving)
                found["light"].append((wanted.reshape(len(wanted), -1) @ matrix).astype(np.float16))
                for side in (6, 8):
                    small = F.interpolate(torch.from_numpy(wanted)[:, None], (side, side), mode="area")
                    found[str(side)].append(small.flatten(1).numpy().astype(np.float16))
                found["labels"].append(source.labels[rows])
        arrays: dict[str, Any] = {name: np.concatenate(parts) for name, parts in found.items()}
        np.savez(path, **arrays)
    with np.load(path) as kept:
        return dict(kept)


class Latent:
    """A network of which only the plan is used, and the mapping between pictures and its tokens."""

    def __init__(
        self, data: dict[str, NDArray[Any]], *, tokens: int = 0, side: int = 0, width: int = 384
    ) -> None:
        self.side, self.data = side, data
        settings = ModelSettings(plan_tokens=tokens or side * side, plan_width=width, dropout=0.0)
        torch.manual_seed(7)
        self.network = Network(settings, WeaveSettings().board, tuple("0123456789"), seed=7)
        self.autoencoder: Weights | None = None  # set by learn_pictures
        self.light = torch.from_numpy(self.data["light"])
        scale = self.light[:5000].float().square().mean(0).reshape(2, -1).mean(0).sqrt().tile(2)
        self.network.at("light.scale").copy_(scale.clamp_min(1e-3))
        if side:
            first, middle = torch.nn.Linear(side * side, width), torch.nn.Linear(width, width)
            last = torch.nn.Linear(width, self.light.shape[1])
            self.decode = torch.nn.Sequential(first, torch.nn.ReLU(), middle, torch.nn.ReLU(), last)

    def tokens(self, data: dict[str, NDArray[Any]], rows: Any = slice(None)) -> Tensor:
        """Plan tokens of the pictures in `rows`."""
        if self.side:
            greys = torch.from_numpy(data[str(self.side)][rows]).float().clamp(0, 1)
            return (greys * (GREYS - 1)).round().long()
        assert self.autoencoder is not None  # learn_pictures comes first
        return torch.from_numpy(encode_plan(self.autoencoder, data["light"][rows].astype(np.float32)))

    def picture(self, tokens: Tensor) -> Tensor:
        """The light decoded from tokens."""
        if self.side:
            scaled: Tensor = self.decode(tokens / (GREYS - 1))
            return scaled * self.network.at("light.scale")
        assert self.autoencoder is not None  # learn_pictures comes first
        return torch.from_numpy(decode_plan(self.autoencoder, tokens.numpy()))

    def learn_pictures(self, seconds: float) -> None:
        """Train the decoder, and for codes the encoder, of pictures."""
        if self.side:
            optimizer: Any = torch.optim.AdamW(self.decode.parameters(), betas=(0.9, 0.95), weight_decay=0)
        else:
            optimizer = make_optimizer(self.network, TrainSettings(), plan=True)
        rng = np.random.default_rng(7)
        for progress in clock(seconds):
            rows = rng.integers(len(self.light), size=PLAN_BATCH)
            light = self.light[rows].float()
            back = (
                self.picture(self.tokens(self.data, rows)) if self.side else self.network.autoencode(light)
            )
            descend(optimizer, (back - light).square().sum() / light.square().sum(), progress)
        if not self.side:
            weaving = WeaveSettings()
            self.autoencoder = self.network.to_weights(
                weaving.rules, max_lines=weaving.max_lines, weaving=weaving.to_dict()
            )

    def learn_prior(self, seconds: float) -> int:
        """Train the prior of tokens given the class; returns the number of steps."""
        optimizer = make_optimizer(self.network, TrainSettings(optimizer="muon"), plan=False)
        with torch.inference_mode():
            parts = range(0, len(self.light), CHUNK)
            tokens = torch.cat([self.tokens(self.data, slice(i, i + CHUNK)) for i in parts]).clone()
        labels, rng, step = torch.from_numpy(self.data["labels"]), np.random.default_rng(8), 0
        for progress in clock(seconds):
            rows = rng.integers(len(labels), size=PRIOR_BATCH)
            dropped = torch.from_numpy(rng.random(PRIOR_BATCH) < 0.1)
            logits = self.network.plan_logits(torch.where(dropped, 10, labels[rows]), tokens[rows])
            descend(optimizer, F.cross_entropy(logits.flatten(0, 1), tokens[rows].flatten()), progress)
            step += 1
        return step

    @torch.inference_mode()
    def nats(self, data: dict[str, NDArray[Any]], count: int) -> float:
        """Nats per picture, given its class."""
        total, tokens = 0.0, self.tokens(data, slice(count))
        count = len(tokens)
        for first in range(0, count, 500):
            part = tokens[first : first + 500]
            labels = torch.from_numpy(data["labels"][first : first + len(part)])
            logits = self.network.plan_logits(labels, part)
            total += float(F.cross_entropy(logits.flatten(0, 1), part.flatten(), reduction="sum"))
        return total / count

    @torch.inference_mode()
    def samples(self, labels: Tensor, guidance: float) -> Tensor:
        """Light of new pictures."""
        net, generator = self.network, torch.Generator().manual_seed(11)
        both = torch.cat([labels, torch.full_like(labels, 10)])
        cache, x = Kept(net.settings.layers), net.at("embed.class")[both][:, None]
        codes = torch.zeros((len(both), 0), dtype=torch.long)
        for _ in range(net.settings.plan_tokens):
            given, free = (net.trunk(x, cache)[:, -1] @ net.at("head.code")).chunk(2)
            share = (free + guidance * (given - free)).softmax(-1)
            drawn = torch.multinomial(share, 1, generator=generator)
            codes = torch.cat([codes, drawn.repeat(2, 1)], dim=1)
            x = net.embed_codes(codes)[:, -1:]
        return self.picture(codes[: len(labels)])


def clock(seconds: float) -> Iterator[float]:
    """Progress from 0 to 1 in processor time."""
    start = time.process_time()
    while (spent := time.process_time() - start) < seconds:
        yield spent / seconds


def descend(optimizer: Any, loss: Tensor, progress: float) -> None:
    """One step of the optimizer."""
    loss.backward()  # type: ignore[no-untyped-call]  # torch declares no types here
    for group in optimizer.param_groups:
        torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        group["lr"] = 2e-3 * trapezoid(progress) * group.get("scale", 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def judge(
    light: NDArray[np.float32], labels: NDArray[Any], critics: Critics, real: Any
) -> dict[str, float]:
    """The critics' figures of pictures given by their light and woven by the encoder."""
    weaving = WeaveSettings()
    grid = chords.pixel_positions(weaving.canvas_size)
    area = float(grid[1] - grid[0]) ** 2
    basis = Zernike(24).projection(grid).astype(np.float32) / area
    side = weaving.canvas_size
    woven = weave_targets(np.clip(light @ basis.T, 0, 1).reshape(-1, side, side), weaving)
    shown = rasters(pack_rows(woven.nails, (woven.nails >= 0).sum(axis=1)), weaving)
    right = critics["B"].read(shown)[1] == labels
    ceiling = critics["B"].read(real.rasters)[1] == real.labels
    features = critics["C"].read(shown)[0], critics["C"].read(real.rasters)[0]
    half = np.arange(len(features[1])) // 10 % 2 == 0
    floor = frechet(features[1][half], features[1][~half])
    return {
        "read": float(right.mean() / ceiling.mean()),
        "frechet": frechet(features[0], features[1][half]) / floor,
    }


def main() -> None:
    """Do all forms that are not in the file yet."""
    args = arguments("The plan's form and size.", list(FORMS), 6.0).parse_args()
    output = args.output or Path("runs/latent.jsonl")
    sizes, minutes = (QUICK, 0.005) if args.quick else (Sizes(), args.minutes)
    torch.set_num_threads(1)
    done = finished(output, "form")
    material = Material(WeaveSettings(), Cache.of_user())
    critics = train_critics(material, sizes.critic_images, sizes.images_seen, "BC")
    real, test = material.reference(sizes.samples // 5), pictures("test", output.parent, sizes)
    labels = torch.arange(sizes.samples) % 10
    for name in args.only:
        if name in done:
            continue
        form = dict(FORMS[name])
        warps = form.pop("warps", 0)
        latent = Latent(pictures("train", output.parent, sizes, warps), **form)
        latent.learn_pictures(minutes * 10)
        steps = latent.learn_prior(minutes * 50)
        with torch.inference_mode():
            light = torch.from_numpy(test["light"][: sizes.tested]).float()
            back = latent.picture(latent.tokens(test, slice(sizes.tested)))
            error = float((back - light).square().sum() / light.square().sum())
        found: dict[str, Any] = {"form": name, "minutes": minutes, "steps": steps, "error": error}
        found |= {"nats": latent.nats(test, sizes.tested)}
        found["nats_train"] = latent.nats(latent.data, sizes.tested)
        found["through"] = judge(
            back[: sizes.samples].numpy(), test["labels"][: sizes.samples], critics, real
        )
        for guidance in (1.0, 1.5):
            made = latent.samples(labels, guidance).numpy()
            found[f"guidance {guidance}"] = judge(made, labels.numpy(), critics, real)
        keep(output, found)


if __name__ == "__main__":
    main()
