"""Fixtures that are made once a session."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny matrices: more threads only get in each other's way
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # where a test wants two, they do not wait by spinning

import signal

import hypothesis
import pytest  # the variables must be set before NumPy and PyTorch start

import slow
from nitograph.corpus.rows import Corpus
from nitograph.model.weights import Weights
from tiny import MODEL, random_weights, small_corpus

# Background jobs of a shell ignore Ctrl-C, and jobs under nohup SIGHUP; children inherit that. The tests of
# interrupts need them.
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in {"SIGTERM", "SIGHUP"} & {*dir(signal)}:
    signal.signal(getattr(signal, name), signal.SIG_DFL)

# On a busy machine, examples are drawn slowly, too.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that slow.txt names."""
    names = set(slow.listed())
    for item in items:
        if slow.name_of(item.nodeid) in names:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Sixty woven digits on a small board."""
    return small_corpus()


@pytest.fixture(scope="session")
def planned() -> Weights:
    """Random weights of the plan design."""
    return random_weights()


@pytest.fixture(scope="session")
def plain() -> Weights:
    """Random weights of the plain design."""
    return random_weights(MODEL.replace(design="plain"), seed=1)


@pytest.fixture(params=["plan", "plain"])
def weights(request, planned, plain) -> Weights:
    """Random weights of each design in turn."""
    return planned if request.param == "plan" else plain
