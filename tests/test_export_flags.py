"""Every flag counts: over all formats and flags, a setting changes the file or is refused in one line."""

import re
from pathlib import Path

import pytest

from nitograph.cli import main
from nitograph.exporting.formats import FORMATS
from nitograph.exporting.workpiece import WorkpieceSettings

DIGIT = str(Path(__file__).parent / "data" / "export_digit.json")
ENDINGS = {name: made.endings[0] for name, made in FORMATS.items() if made.endings}
BOARD = (
    "--diameter 620 --nail-diameter 1.3 --origin right --direction ccw --side back --wraps 1 --tail 5000"
)
BOARD += " --spare 90 --seconds-per-chord 9 --thread-width 0.3 --title Piece --thread tex:80"
GIVEN = {  # a value that differs from the default, by setting
    "svg": "--mode plot --colour red --board-colour tan --stroke-width 3 --margin 44 --no-numbers"
    " --paper a0 --paper roll --landscape --roll-width 900",
    "pdf": "--pdf list --paper a3 --roll-width 500 --overlap 20 --page-margin 25",
    "csv": "--block 7",
    "dxf": "--hole 1 --no-thread-layer",
    "gcode": "--profile polar --job drill --start-at 5 --feed 500 --travel-feed 300 --plunge-feed 40"
    " --lift z --safe-height 30 --work-height 1 --servo-up 20 --servo-down 70 --dwell 2 --spindle 500"
    " --reach 5 --feeder-diameter 1.1 --no-arcs --no-home --centre-x 99 --centre-y 99 --park-x 9 --park-y 9"
    " --table-direction ccw --table-speed 99 --tolerance 0.9",
    "html": "--language de",
}
FLAGS = [flag for text in (BOARD, *GIVEN.values()) for flag in re.findall(r"--\S+(?: [^-]\S*)?", text)]
BASES = {
    "svg": ["", "--mode plot", "--paper a0", "--paper roll --roll-width 800"],
    "pdf": ["", "--pdf list", "--pdf parts", "--paper roll"],
    "gcode": [f"--profile {profile} --job {job}" for profile in ("grbl", "marlin", "polar")
              for job in ("plot", "wind", "drill")],
}  # fmt: skip


def made(name: str, flags: str, folder: Path) -> bytes | None:
    """The file, or None where it is refused."""
    place = folder / f"x{ENDINGS[name]}"
    place.unlink(missing_ok=True)
    code = main(["export", DIGIT, "-o", str(place), *flags.split()])
    assert (code == 0) == place.exists()
    return place.read_bytes() if code == 0 else None


def test_every_setting_is_tried() -> None:
    """The table below names each setting of the board and of each format."""
    tried = {flag.split()[0].removeprefix("--").removeprefix("no-").replace("-", "_") for flag in FLAGS}
    every = {*WorkpieceSettings.names(), "thread"}
    every |= {name for kind in FORMATS.values() for name in kind.settings_class().names()}
    assert tried == every


@pytest.mark.parametrize("name", ENDINGS)
def test_a_flag_changes_the_file_or_is_refused(name, tmp_path, capsys) -> None:
    """No flag is taken and ignored, whatever the mode, paper, profile or job."""
    small = BASES.get(name, [""]) if name != "pdf" else BASES["pdf"][1:3]
    for base in small:
        plain = made(name, base, tmp_path)
        assert plain is not None
        for flag in FLAGS:
            if flag.split()[0] in base:
                continue
            capsys.readouterr()
            changed = made(name, f"{base} {flag}", tmp_path)
            said = capsys.readouterr().err
            if changed is None:
                assert said.count("\n") == 1, flag
                assert flag not in BOARD or "paper" in base, flag
            else:
                assert changed != plain, (name, base, flag)


def test_boards_of_a_word_are_written_at_once(tmp_path) -> None:
    """Each board has its file; one that is named is written alone."""
    from nitograph.io import threads
    from nitograph.thread import Thread

    word = tmp_path / "w.json"
    word.write_text(threads.to_json([Thread([0, 9, 2], label="a"), Thread([0, 7, 3], label="b")]))
    assert main(["export", str(word), "-o", str(tmp_path / "x.svg"), "-o", str(tmp_path / "x.txt")]) == 0
    assert sorted(place.name for place in tmp_path.glob("x*")) == [
        "x_1.svg",
        "x_1.txt",
        "x_2.svg",
        "x_2.txt",
    ]
    assert main(["export", str(word), "-o", str(tmp_path / "y.svg"), "--board", "2"]) == 0
    assert "<title>b</title>" in (tmp_path / "y.svg").read_text()
