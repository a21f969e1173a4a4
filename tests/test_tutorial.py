"""Guards of docs/tutorial.ipynb: it runs from the first cell to the last and shows what it is kept with."""

import base64
import json
import struct
from pathlib import Path

import pytest

from nitograph.io import threads as thread_files

NOTEBOOK = Path(__file__).parent.parent / "docs/tutorial.ipynb"
MOST_BYTES = 800_000


def kept() -> dict[str, object]:
    """The notebook as it lies in the docs."""
    found: dict[str, object] = json.loads(NOTEBOOK.read_text("utf-8"))
    return found


def pictures(cells: list[dict]) -> list[bytes]:
    """The PNG pictures of the outputs, in order."""
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [base64.b64decode(found["image/png"]) for found in data if "image/png" in found]


def shapes(cells: list[dict]) -> list[object]:
    """What each output is, and of each picture its size and the labels of its threads.

    Not the threads themselves: a model's last bits, and so its nails, differ between kinds of processors.
    """
    found: list[object] = []
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        kinds = sorted(output.get("data", {}))
        if output["output_type"] != "stream":  # printed lines come in one piece or several
            found.append((output["output_type"], kinds))
    for data in pictures(cells):
        threads = thread_files.from_bytes(data)
        found.append((struct.unpack(">II", data[16:24]), [thread.label for thread in threads]))
    return found


def test_what_is_kept_is_small_and_whole():
    """Every code cell was run in order, none failed, and the file stays small."""
    cells = [cell for cell in kept()["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    assert len(pictures(cells)) == 6
    assert NOTEBOOK.stat().st_size < MOST_BYTES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the notebook machinery, which is not ours
def test_the_tutorial_runs(tmp_path):
    """Run anew, no cell fails and each shows what it is kept with."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("fpdf")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    where = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=where).execute()
    before, after = kept()["cells"], notebook.cells
    assert shapes(after) == shapes(before)
