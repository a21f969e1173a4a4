"""Guards of the optimisers: the right parameters in each group, and steps that do what they say."""

import subprocess
import sys

import pytest
import torch

from nitograph.board import Board
from nitograph.model.network import Network
from nitograph.training.optimizer import AdamW, Muon, make_optimizer, orthogonal
from nitograph.training.settings import TrainSettings
from tiny import MODEL


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_parameter_is_in_exactly_one_group(optimizer):
    """The plan's autoencoder in one optimiser, all else once in the other; only block matrices decay."""
    network = Network(MODEL, Board(32), ("a", "b"))
    settings = TrainSettings(optimizer=optimizer)
    plan, rest = (make_optimizer(network, settings, plan=which) for which in (True, False))
    names = {id(p): name for name, p in network.named_parameters()}
    found = [[names[id(p)] for g in o.param_groups for p in g["params"]] for o in (plan, rest)]
    assert sorted(found[0] + found[1]) == sorted(names.values())
    assert all(name.startswith("plan.") for name in found[0])
    decayed = [names[id(p)] for g in rest.param_groups if g["weight_decay"] for p in g["params"]]
    assert decayed
    assert all(name.startswith("layer.") and "norm" not in name for name in decayed)
    if optimizer == "muon":
        turned = [names[id(p)] for g in rest.param_groups if g["muon"] for p in g["params"]]
        assert turned == decayed


@pytest.mark.parametrize("shape", [(12, 12), (30, 8), (8, 30)])
def test_orthogonal_steps(shape):
    """Newton–Schulz keeps the singular vectors and brings every singular value near 1."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.5
    assert values.max() < 1.3
    assert (orthogonal(matrix) - u @ v).abs().max() < 0.25


def test_muons_other_groups_take_adamw_steps():
    """Groups that are not turned give what torch's AdamW gives."""
    start = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    one = Muon([{"params": [ours], "weight_decay": 0.1, "muon": False}])
    two = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
    one.param_groups[0]["lr"] = 0.01
    for step in range(5):
        for parameter, optimizer in ((ours, one), (theirs, two)):
            parameter.grad = (start + step) * 0.3
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert not torch.allclose(ours, start, atol=1e-3)


def test_adamw_is_pytorchs():
    """The same bits as torch's own, also from its state, under a schedule, and of what has no gradient."""
    start = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    found = []
    for kind in (AdamW, torch.optim.AdamW):
        moved, still = (torch.nn.Parameter(start.clone()) for _ in range(2))
        optimizer = kind([moved, still], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)
        for step in range(6):
            moved.grad = (start + step) * 0.3
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            assert moved.grad is None
            if step == 3:
                again = kind([moved, still], lr=0.01)
                again.load_state_dict(optimizer.state_dict())
                optimizer.state, optimizer.param_groups = again.state, again.param_groups
        assert torch.equal(still, start)
        found.append((moved, optimizer.state_dict()["state"][0]))
    (ours, kept), (theirs, wanted) = found
    assert torch.equal(ours, theirs)
    assert kept.keys() == wanted.keys()
    assert all(torch.equal(kept[name], wanted[name]) for name in wanted)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_no_compiler_is_imported(optimizer):
    """A step and a state that is taken over leave PyTorch's compiler out: two seconds of each process."""
    code = f"""if True:
        import sys, torch
        from nitograph.training.optimizer import make_optimizer, take_step
        from nitograph.training.settings import TrainSettings
        network = torch.nn.Linear(5, 4)
        optimizer = make_optimizer(network, TrainSettings(optimizer={optimizer!r}), plan=False)
        assert take_step(optimizer, network(torch.ones(3, 5)).square().sum(), 0.1, 1)
        optimizer.load_state_dict(optimizer.state_dict())
        assert take_step(optimizer, network(torch.ones(3, 5)).square().sum(), 0.1, 1)
        sys.exit("torch._dynamo" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
