"""Where training runs: the device, and the processes of torchrun that share the work.

Without torchrun there is one process, and functions here that communicate do nothing. Where another process
has ended, they raise ProcessError. This module knows nothing of models.

Try it: python -c "from nitograph.training.processes import find_device; print(find_device('auto'))"
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
import torch.distributed as dist
from torch import Tensor

from nitograph.errors import ProcessError, SettingsError


def find_device(name: str) -> str:
    """The device to use for auto, cuda, mps or cpu; SettingsError if it is not available.

    Of torchrun's processes, each has the next GPU of its host; where they outnumber the GPUs, several share
    one.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(name, False):
        raise SettingsError(f"device {name} is not available here; use cpu or auto")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    return name


def join_group(device: str) -> tuple[int, int]:
    """Rank and number of processes; joins torchrun's group if there is one."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        with _together():
            dist.init_process_group("nccl" if device.startswith("cuda") and not _share_gpus() else "gloo")
    return (dist.get_rank(), world) if world > 1 else (0, 1)


def _share_gpus() -> bool:
    """Whether several processes of this host use one GPU, which NCCL refuses."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > torch.cuda.device_count()


def leave_group() -> None:
    """Leave torchrun's group, if there is one; at the end of a process."""
    if dist.is_available() and dist.is_initialized():
        with suppress(RuntimeError):  # where others have ended before
            dist.destroy_process_group()


@contextmanager
def _together() -> Iterator[None]:
    """Turns the errors of a process that is no longer heard of into one line."""
    try:
        yield
    except RuntimeError:  # gloo and nccl raise nothing more particular
        raise ProcessError("another process of this run has ended, or is not heard of") from None


def first_to_tell() -> bool:
    """Whether this process is the first of its group to ask; of a fault that all see, one process tells."""
    if not dist.is_initialized():
        return True
    try:
        return int(dist.distributed_c10d._get_default_store().add("nitograph/told", 1)) == 1
    except RuntimeError:  # the store has ended with its process
        return True


def average_gradients(parameters: Iterable[Tensor], world: int) -> None:
    """Give every process the mean of all processes' gradients; all of them travel as one."""
    if world == 1:
        return
    found = [parameter.grad for parameter in parameters if parameter.grad is not None]
    whole = torch.cat([gradient.flatten() for gradient in found])
    with _together():
        dist.all_reduce(whole)
    whole /= world
    at = 0
    for gradient in found:
        gradient.copy_(whole[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def sums_of(numbers: Sequence[float], world: int, device: torch.device) -> list[float]:
    """The sums of each number over all processes; each must call this at the same point."""
    if world == 1:
        return list(numbers)
    shared = torch.tensor(numbers, dtype=torch.float64, device=device)
    with _together():
        dist.all_reduce(shared)
    return [float(number) for number in shared.tolist()]


def of_first(number: float, world: int, device: torch.device) -> float:
    """The first process's number, in all processes; each must call this at the same point."""
    if world == 1:
        return number
    shared = torch.tensor([number], dtype=torch.float64, device=device)
    with _together():
        dist.broadcast(shared, 0)
        return float(shared)


def any_of(answer: bool, world: int, device: torch.device) -> bool:
    """Whether any process answers yes, in all processes; each must call this at the same point."""
    if world == 1:
        return answer
    shared = torch.tensor([int(answer)], device=device)
    with _together():
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return bool(shared)
