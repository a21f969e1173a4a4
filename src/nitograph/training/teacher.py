"""A teacher of plans: a trained network whose prior over codes another one learns.

What it teaches is its chances of each code, of plans that are given or that it draws itself
(distillation: G. Hinton, O. Vinyals, J. Dean, 2015). So a few thousand pictures are enough, and none
comes to be known by heart. Plans are drawn as they are sampled, one code after the other with keys and
values kept. This module takes no steps.

Try it: python -c "from nitograph.training.teacher import Teacher; help(Teacher.draw)"
"""

import numpy as np
import torch
from torch import Tensor

from nitograph.model.network import Cache, Network


class Teacher:
    """A network at rest, and its label for each class, and for none, of its pupil."""

    def __init__(self, network: Network, classes: tuple[str, ...], device: torch.device) -> None:
        self.network = network.to(device).eval().requires_grad_(False)
        places = [network.classes.index(label) for label in classes]
        self.labels = torch.tensor([*places, len(network.classes)], device=device)

    @torch.no_grad()
    def chances(self, labels: Tensor, codes: Tensor) -> Tensor:
        """Its chances of each code of plans (b, p) of the pupil's labels (b,): (b, p, PLAN_CODES)."""
        logits = self.network.plan_logits(self.labels[labels], codes)
        return logits.float().softmax(-1)

    @torch.no_grad()
    def draw(self, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Plans (b, p) that it draws, and its chances of each of their codes."""
        network = self.network
        count = network.settings.plan_tokens
        uniform = torch.from_numpy(rng.random((len(labels), count), dtype=np.float32)).to(labels.device)
        codes = torch.zeros((len(labels), 0), dtype=torch.int64, device=labels.device)
        cache, chances = Cache(network.settings.layers), []
        x = network.rows("embed.class", self.labels[labels])[:, None]
        for slot in range(count):
            state = network.trunk(x, cache)[:, -1]
            chances.append((state @ network.at("head.code")).float().softmax(-1))
            passed = (chances[-1].cumsum(-1) <= uniform[:, slot, None]).sum(-1, keepdim=True)
            codes = torch.cat([codes, passed.clamp(max=chances[-1].shape[-1] - 1)], dim=1)
            x = network.embed_codes(codes)[:, -1:]
        return codes, torch.stack(chances, dim=1)
