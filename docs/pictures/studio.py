"""Make the pictures of docs/studio.md: the studio's page at some links, in a headless Chromium.

Try it: python docs/pictures/studio.py some_folder
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
STROKES = "13.AGTNMzgAMzszMzmZZmgAmZa42ZA"
SHOTS = {
    "studio-write": ("#write?text=2026&seed=3&palette=sunset", 1280, 860, True),
    "studio-draw": (f"#draw?strokes={STROKES}", 390, 844, False),
    "studio-gallery": ("#gallery?palette=fire", 1280, 860, True),
    "studio-board": ("#write?text=8&view=board&thread_width=0.8", 390, 844, False),
}


@contextmanager
def studio() -> Iterator[str]:
    """The address of a studio with the bundled weights."""
    command = [sys.executable, "-m", "nitograph", "studio", "--port", "0", "--no-browser"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()


def shot(address: str, width: int, height: int, dark: bool) -> Image.Image:
    """The page at an address, once its thread is wound, in a window of that size."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("the pictures need chromium")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--force-prefers-reduced-motion",
        ]
        command += [
            f"--user-data-dir={folder}",
            f"--window-size={width},{height}",
            "--virtual-time-budget=20000",
        ]
        command += ["--blink-settings=preferredColorScheme=" + ("0" if dark else "1")]
        command += [f"--screenshot={folder}/shot.png", address]
        subprocess.run(command, check=True, capture_output=True)
        return Image.open(f"{folder}/shot.png").convert("RGB")


def main(folder: Path) -> None:
    """Write every picture as a JPEG."""
    with studio() as address:
        for name, (link, width, height, dark) in SHOTS.items():
            shot(address + link, width, height, dark).save(folder / f"{name}.jpg", quality=84)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=HERE, help="where to write (default: here)")
    main(parser.parse_args().folder)
