"""The three calls of a decoder over a Network in PyTorch, with a key/value cache: for GPUs.

decoder.Decoder does the same in NumPy, and a test compares their logits. This module does not know how a
token is chosen.

Try it: nitograph sample 7 --device cuda -o threads.jsonl
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nitograph.errors import WeightsError
from nitograph.model.batch.sight import BatchSight
from nitograph.model.network import Cache, Network, turned


class NetworkDecoder:
    """Decoding state of a batch of sequences over a Network; what is seen is found on the CPU.

    WeightsError for a network with sight that is not told what it sees by.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self.device = next(network.parameters()).device
        if network.settings.sight and network.sees_by is None:
            raise WeightsError("a network with sight decodes as it comes from weights; use from_weights")
        self._sight = None if network.sees_by is None else BatchSight(network.sees_by)

    @torch.inference_mode()
    def start(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Begin sequences of these class indices (b,); logits of what comes first."""
        net = self.network
        self.cache = Cache(net.settings.layers)
        self.light: Tensor | None = None
        self.laid: Tensor | None = None
        self.nails: Tensor | None = None
        self.sights: Tensor | None = None  # (b, n), of the next nail: what is seen of it now
        self.codes: list[Tensor] = []
        h = net.trunk(net.at("embed.class")[self._ids(labels)][:, None], self.cache)
        return self._logits(h)

    @torch.inference_mode()
    def step(
        self,
        tokens: NDArray[np.integer],
        light: NDArray[np.float32] | None = None,
        pictures: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Append one code or nail (b,) to each sequence; logits of what follows.

        light: (b, k), given with the plan's last code, replaces what the codes would stand for. pictures:
        (b, c, c), finer than that light, are what a network with sight looks at.
        """
        net, ids = self.network, self._ids(tokens)
        if len(self.codes) + 1 < net.settings.prefix:
            self.codes.append(ids)
            x = net.embed_codes(torch.stack(self.codes, dim=1))[:, -1:]
            if len(self.codes) + 1 == net.settings.prefix:
                self._plan(light, pictures)
            return self._logits(net.trunk(x, self.cache))
        missing = self._missing(ids)
        x = net.embed_nails(ids[:, None], missing)
        if self._sight is not None:
            sights, facts = self._sight.step(np.asarray(tokens))
            self.sights = self._floats(sights)
            x = x + (self._floats(facts) @ net.at("embed.facts"))[:, None]
        return self._logits(net.trunk(x, self.cache), ids, missing)

    def select(self, rows: NDArray[np.integer]) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        kept = self._ids(rows)
        self.cache.select(kept)
        self.codes = [c[kept] for c in self.codes]
        if self._sight is not None and self.light is not None:
            self._sight.select(np.asarray(rows))
        for name in ("light", "laid", "nails"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else value[kept])

    def _ids(self, values: NDArray[np.integer]) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.long, device=self.device)

    def _floats(self, values: NDArray[np.float32]) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def _plan(self, light: NDArray[np.float32] | None, pictures: NDArray[np.float32] | None) -> None:
        net = self.network
        if light is not None:
            self.light = self._floats(light)
        else:
            digits = net.at("digits")[torch.stack(self.codes, dim=1)].flatten(1)
            self.light = net._mlp("decode", digits) * net.at("light.scale")
        self.laid = torch.zeros_like(self.light)
        if self._sight is not None:
            self.sights = self._floats(self._sight.start(self.light.cpu().numpy(), pictures))

    def _missing(self, nails: Tensor) -> Tensor | None:
        net = self.network
        if self.light is None or self.laid is None:
            return None
        if self.nails is not None:
            fan = net.at("fan")[(nails - self.nails) % net.board.num_nails]
            chord = turned(fan, net.at("cosine")[self.nails], -net.at("sine")[self.nails])
            self.laid = self.laid + net.at("light.chord") * chord
        self.nails = nails
        missing = turned(self.light - self.laid, net.at("cosine")[nails], net.at("sine")[nails])
        return (missing / net.at("light.scale"))[:, None]

    def _logits(
        self, h: Tensor, nails: Tensor | None = None, missing: Tensor | None = None
    ) -> NDArray[np.float32]:
        net = self.network
        if len(self.codes) + 1 < net.settings.prefix:
            logits = h @ net.at("head.code")
        else:
            logits = h @ net.at("head.nail")
            if nails is not None and missing is not None:
                logits = logits + F.pad(net.score_chords(h, nails[:, None], missing), (0, 1))
            if self.sights is not None:
                first = nails is None
                seen = net.first_sights(self.sights) if first else net.weigh_sights(h, self.sights[:, None])
                logits = logits + F.pad(seen, (0, 1))
        found: NDArray[np.float32] = logits[:, -1].float().cpu().numpy()
        return found
