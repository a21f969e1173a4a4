"""Guards of BLAS: one thread wherever NumPy multiplies matrices, and the caller's settings stay."""

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nitograph
from nitograph.compute import parallel
from nitograph.compute.parallel import in_threads, one_blas_thread
from nitograph.corpus.warps import warp
from nitograph.drawing import palettes
from nitograph.evaluation.judges.copying import distances
from nitograph.evaluation.metrics import density_parts, frechet
from nitograph.light.zernike import Zernike
from nitograph.model import blocks, prepared
from nitograph.model.decoder import Decoder
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.sampling.sampler import MANY, SampleSettings, invent

ROOT = Path(nitograph.__file__).parent
PRODUCTS = {"matmul", "dot", "vdot", "inner", "vecdot", "matvec", "vecmat", "tensordot", "einsum", "cov"}
PRODUCTS |= {"corrcoef", "eigh", "eigvalsh", "eig", "svd", "solve", "lstsq", "qr", "pinv", "inv", "polyfit"}
INSIDE = {  # what only marked functions call
    "model.blocks.Trunk": "Decoder",
    "model.decoder.TokenDecoder": "its start and step",
    "model.decoder.Decoder": "start and step of TokenDecoder",
    "model.sharpen.Sharpener": "its draw",
}


def blas_threads():
    """How many threads NumPy's BLAS has now; SciPy, which Numba loads, may bring one of its own."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    own = [pool for pool in pools if "numpy" in pool["filepath"]] or pools
    return {pool["num_threads"] for pool in own}


@pytest.fixture
def _two():
    """BLAS has two threads, and is asked afterwards whether it has them again."""
    with threadpool_limits(2, user_api="blas"):
        yield
        assert blas_threads() == {2}


def multiplies(tree):
    """Whether NumPy computes a matrix product, or a function based on one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            return True
        if isinstance(node, ast.Attribute) and node.attr in PRODUCTS:
            return True
    return False


def unmarked(tree, name):
    """Functions of a module that multiply matrices and let BLAS have threads of its own."""
    found = []
    for top in tree.body:
        holders = [top] if not isinstance(top, ast.ClassDef) else top.body
        for node in holders:
            if not isinstance(node, ast.FunctionDef):
                assert not multiplies(node), f"{name} multiplies matrices outside of functions"
            elif multiplies(node):
                marks = {ast.unparse(mark) for mark in node.decorator_list}
                inside = isinstance(top, ast.ClassDef) and f"{name}.{top.name}" in INSIDE
                found += [] if inside or "one_blas_thread" in marks else [f"{name}.{node.name}"]
    return found


def trees():
    """Every module that does not leave its matrices to PyTorch or Numba."""
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not any(word in text for word in ("import torch", "nitograph.compute.jit import")):
            yield path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."), ast.parse(text)


def test_each_product_is_marked():
    """A function that multiplies matrices in NumPy gives BLAS one thread meanwhile."""
    found = dict(trees())
    assert {"model.decoder", "model.plan", "light.zernike", "evaluation.metrics"} <= found.keys()
    assert [name for module, tree in found.items() for name in unmarked(tree, module)] == []


def test_an_unmarked_product_is_seen():
    """The search can fail."""
    assert unmarked(ast.parse("def f(a):\n    return a @ a"), "m") == ["m.f"]
    assert unmarked(ast.parse("class A:\n    def f(self, a):\n        return np.linalg.inv(a)"), "m") == [
        "m.f"
    ]
    assert unmarked(ast.parse("@one_blas_thread\ndef f(a):\n    return a @ a"), "m") == []


@pytest.mark.usefixtures("_two")
def test_decoding_has_one_thread(weights, monkeypatch):
    """At each step, of a few threads and of many, and while matrices are folded."""
    seen, step, folded = [], blocks.Trunk.step, prepared._folded
    monkeypatch.setattr(
        blocks.Trunk, "step", lambda self, x: (seen.append(blas_threads()), step(self, x))[1]
    )
    monkeypatch.setattr(prepared, "_folded", lambda *a: (seen.append(blas_threads()), folded(*a))[1])
    decoder = Decoder(weights)
    decoder.start([1])
    decoder.step([2])
    assert len(seen) >= 4
    short = SampleSettings(max_lines=2)
    invent(weights, ["1"], [0], short, progress=lambda done: seen.append(blas_threads()))
    invent(weights, ["1"] * MANY, range(MANY), short, progress=lambda done: seen.append(blas_threads()))
    assert {1} in seen
    assert all(found == {1} for found in seen)


@pytest.mark.usefixtures("_two")
def test_drawing_judging_and_the_rest_have_one_thread(planned, monkeypatch):
    """Whatever multiplies matrices apart from decoding does it with one thread."""
    entered, enter = [], type(one_blas_thread).__enter__
    monkeypatch.setattr(
        type(one_blas_thread), "__enter__", lambda self: (enter(self), entered.append(blas_threads()))[0]
    )
    rng = np.random.default_rng(0)
    points, pictures = rng.normal(size=(30, 4)), rng.integers(0, 255, (3, 28, 28), dtype=np.uint8)
    light = np.zeros((2, planned.zernike.size), np.float32)
    for work in (
        lambda: palettes.ramp("#123456", "black"),
        lambda: warp(pictures, rng),
        lambda: distances(points.astype(np.float32), points.astype(np.float32)),
        lambda: density_parts(points, points),
        lambda: frechet(points, points),
        lambda: decode_plan(planned, encode_plan(planned, light)),
        lambda: Zernike(4).light(pictures.astype(np.float32)),
        lambda: Zernike(4).evaluate(np.zeros((1, Zernike(4).size)), np.linspace(-1, 1, 8)),
    ):
        entered.clear()
        work()
        assert entered
        assert all(found == {1} for found in entered)
        assert blas_threads() == {2}


@pytest.mark.usefixtures("_two")
def test_parts_in_threads_have_one_thread_each():
    """Threads of BLAS take no core from parts that run side by side."""
    found = in_threads(lambda tool, part: blas_threads(), object, range(3), max_threads=2)
    assert list(found) == [{1}] * 3


@pytest.mark.usefixtures("_two")
def test_the_last_to_leave_gives_the_threads_back():
    """Threads of Python that enter and leave in any order; one after another; and after an error."""
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with one_blas_thread:
            inside.set()
            leave.wait(60)

    other = threading.Thread(target=stay)
    with one_blas_thread, one_blas_thread:
        other.start()
        assert inside.wait(60)
    assert blas_threads() == {1}
    leave.set()
    other.join()
    assert blas_threads() == {2}
    with pytest.raises(ValueError, match="x"), one_blas_thread:
        raise ValueError("x")


PROBE = """
import sys
from nitograph.cli import main
code = main(sys.argv[1:])
print(code, "threadpoolctl" in sys.modules)
"""


def test_a_cold_start_pays_nothing(tmp_path):
    """NumPy's own OpenBLAS is called directly, without loading threadpoolctl."""
    if "openblas" not in np.__config__.CONFIG["Build Dependencies"]["blas"]["name"] or os.name == "nt":
        pytest.skip("NumPy's BLAS is not the OpenBLAS of its wheels, or Windows does not find it so")
    generate = ["generate", "7", "--size", "64", "--max-lines", "50", "-o", "a.png"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *generate], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["0 False"], done.stderr


def test_another_blas_is_found_too(monkeypatch):
    """Where NumPy's BLAS cannot be called directly, threadpoolctl finds what there is."""
    monkeypatch.setattr(parallel, "_openblas", lambda library: None)
    other = type(one_blas_thread)()
    with threadpool_limits(2, user_api="blas"):
        with other:
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_importing_changes_nothing():
    """Whoever imports the package keeps the environment and the threads of BLAS, also after a call."""
    code = (
        "import os; before = dict(os.environ); import numpy, nitograph.cli; "
        "import nitograph.sampling.sampler as s; "
        "from threadpoolctl import threadpool_info as info; "
        "many = [p['num_threads'] for p in info()]; from nitograph.model.weights import load_bundled; "
        "s.invent(load_bundled(), ['7'], [1], s.SampleSettings(max_lines=2)); "
        "assert [p['num_threads'] for p in info()] == many; assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
