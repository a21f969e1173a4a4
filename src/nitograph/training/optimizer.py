"""Optimisers for the Transformer: AdamW, or Muon for the matrices inside the blocks.

Muon makes each matrix's step orthogonal by a Newton–Schulz iteration (K. Jordan et al., 2024; the quintic's
coefficients are theirs). torch.optim.Muon iterates in bfloat16, which CPUs without AVX-512 emulate slowly;
here it is single precision on a CPU. Embeddings, heads, norms and biases take AdamW.

PyTorch's own optimisers import its compiler at their first step, which costs each process two seconds and
does nothing where no optimiser is compiled; these take the same steps without it.

This module knows no data.

Try it: python -m nitograph train --dataset small.npz --optimizer muon --minutes 1
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nitograph.errors import WeightsError
from nitograph.training.processes import average_gradients
from nitograph.training.settings import TrainSettings

BETAS = (0.9, 0.95)
MUON_SCALE = 10.0  # Muon's learning rate as a multiple of AdamW's


def make_optimizer(network: nn.Module, settings: TrainSettings, *, plan: bool) -> torch.optim.Optimizer:
    """The optimiser of the plan's autoencoder (plan=True) or of everything else."""
    named = {n: p for n, p in network.named_parameters() if n.startswith("plan.") == plan}
    if plan:
        return AdamW(named.values(), lr=0.0, betas=BETAS, weight_decay=0.0)
    matrices = [p for n, p in named.items() if n.startswith("layer.") and p.ndim == 2]
    heads = [p for n, p in named.items() if not n.startswith("layer.") and p.ndim >= 2]
    rest = [p for p in named.values() if p.ndim < 2]
    decay = settings.weight_decay
    if settings.optimizer == "muon":
        groups = [
            {"params": matrices, "weight_decay": decay, "muon": True, "scale": MUON_SCALE},
            {"params": heads, "weight_decay": 0.0, "muon": False},
            {"params": rest, "weight_decay": 0.0, "muon": False},
        ]
        return Muon(groups)
    groups = [
        {"params": matrices, "weight_decay": decay},
        {"params": heads, "weight_decay": 0.0},
        {"params": rest, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=0.0, betas=BETAS)


class _Plain(torch.optim.Optimizer):
    """PyTorch's functions without what is wrapped around them for its compiler."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


class AdamW(_Plain, torch.optim.AdamW):
    """PyTorch's AdamW, bit by bit."""

    _take = inspect.unwrap(torch.optim.AdamW.step)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure here
        """One step of every parameter that has a gradient."""
        self._take()


class Muon(_Plain):
    """Groups with muon=True take orthogonal momentum steps; the others take AdamW's."""

    def __init__(self, groups: list[dict[str, Any]], *, momentum: float = 0.95) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": 0.0, "muon": False, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no closure here
        """One step of every parameter that has a gradient."""
        for group in self.param_groups:
            update = self._muon if group["muon"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    change = update(parameter, group)
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(change, alpha=-group["lr"])

    def _muon(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
        assert parameter.grad is not None
        ahead = parameter.grad.add(momentum, alpha=group["momentum"])
        tall = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
        change: Tensor = orthogonal(ahead) * tall
        return change

    def _adam(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        assert parameter.grad is not None
        state["step"] += 1
        mean = state["mean"].lerp_(parameter.grad, 1 - BETAS[0])
        square = state["square"].lerp_(parameter.grad.square(), 1 - BETAS[1])
        step = float(state["step"])
        change: Tensor = (mean / (1 - BETAS[0] ** step)) / ((square / (1 - BETAS[1] ** step)).sqrt() + 1e-8)
        return change


def take_step(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, world: int) -> bool:
    """One gradient step at this learning rate; False, and no step, if the gradient is not finite.

    The gradient is the mean over `world` processes, clipped to a norm of 1.
    """
    torch.autograd.backward(loss)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    average_gradients(parameters, world)
    if not torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0)):
        return False
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return True


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, *, world: int, place: str) -> None:
    """As `take_step`; WeightsError that names the `place` if training has diverged."""
    if not take_step(optimizer, loss, rate, world):
        raise WeightsError(
            f"training diverged at {place}: the gradient is not finite; lower learning_rate "
            "and resume from the last checkpoint"
        )


def trapezoid(progress: float, *, warm: float = 0.02, fall: float = 0.5) -> float:
    """Factor of the learning rate: warm-up over 2 %, constant, decay to zero over the last half."""
    return max(0.0, min(1.0, (progress + 1e-3) / warm, (1 - progress) / fall))


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix with the same singular vectors and singular values near 1, by Newton–Schulz."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16() if matrix.is_cuda else matrix
    x = x.mT if matrix.shape[0] > matrix.shape[1] else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    back: Tensor = (x.mT if matrix.shape[0] > matrix.shape[1] else x).to(matrix.dtype)
    return back
