"""`python preview_dataset.py` is `nitograph preview`, under the name that the first Nitograph gave it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from nitograph.cli import run_script

if __name__ == "__main__":
    run_script("preview", "preview_dataset.py")
