"""A minute of fuzzing, every input that ever broke a reader, and a fuzzer that can find a fault."""

import json
from pathlib import Path

import pytest

from fuzz.engine import Shape, fuzz
from fuzz.shapes import shapes_of
from nitograph.errors import FileError
from readers import READERS

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
FOUND = sorted(path for path in CORPUS.rglob("*") if path.is_file())
INPUTS = {"picture": 1000, "weights": 1000, "part": 1000, "cache": 1000, "corpus": 600}
INPUTS |= {"boards": 1000, "nails": 1000}
INPUTS |= {"checkpoint": 250, "resume": 200}  # PyTorch takes a few milliseconds for each
SEED = 15


def _kept(path: Path) -> Shape:
    """A kept input; of a checkpoint, only the values that are others than in a good one."""
    data = path.read_bytes()
    if path.suffix != ".json":
        return Shape([data])
    whole = next(shape for shape in shapes_of(path.parent.name) if shape.is_json)
    return Shape([json.dumps({**json.loads(whole.seeds[0]), **json.loads(data)}).encode()], whole.wrap)


@pytest.mark.parametrize("path", FOUND, ids=[f"{path.parent.name}-{path.name}" for path in FOUND])
def test_what_was_found(tmp_path, path):
    """Every input that once broke a reader, or might, is read or refused now."""
    found = fuzz(READERS[path.parent.name], [_kept(path)], tmp_path / "input", inputs=1, seed=0)
    assert found.findings == []
    assert found.inputs == 1


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_fuzzed(tmp_path, reader):
    """Mutated files, some of which must get through and some be refused."""
    inputs = INPUTS.get(reader, 2000)
    found = fuzz(
        READERS[reader], shapes_of(reader), tmp_path / "input", inputs=inputs, seed=SEED, traced=10
    )
    assert found.findings == []
    assert found.inputs == inputs
    assert min(found.read, found.refused) > 0


def test_the_fuzzer_finds_faults(tmp_path):
    """A reader with a fault behind two comparisons is found, and coverage leads there."""

    def read(path: str) -> None:
        data = Path(path).read_bytes()
        if len(data) > 20:
            raise FileError("too long")
        if data[:1] == b"N":
            raise IndexError("here")

    found = fuzz(read, [Shape([b"abc", b"N?"])], tmp_path / "input", inputs=300, seed=1)
    assert {fault for _, fault in found.findings} == {"IndexError: here"}
    assert all(data[:1] == b"N" for data, _ in found.findings)
    assert found.read > 0
    assert found.lines == 0  # none of the package's own
    again = fuzz(read, [Shape([b"abc", b"N?"])], tmp_path / "input", inputs=300, seed=1)
    assert again.findings == found.findings
