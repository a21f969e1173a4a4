"""Every flag counts: over all formats and flags, a setting changes the file or is refused in one line."""

import argparse
import json
import re
from pathlib import Path

import pytest

from nitograph.board import Board
from nitograph.cli import export, main
from nitograph.errors import SettingsError
from nitograph.exporting.check import check
from nitograph.exporting.formats import FORMATS
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io import threads
from nitograph.thread import Thread

SMALL = Thread([0, 10, 3, 15, 21, 9, 18, 4, 12, 20, 6, 14, 1], Board(24), "5")
ENDINGS = {name: made.endings[0] for name, made in FORMATS.items() if made.endings}
BOARD = (
    "--diameter 620 --nail-diameter 1.3 --origin right --direction ccw --side back --wraps 9 --tail 5000"
)
BOARD += " --spare 90 --seconds-per-chord 9 --thread-width 0.3 --title Piece --thread tex:80"
GIVEN = {  # a value that differs from the default, by setting
    "svg": "--mode plot --colour red --board-colour tan --stroke-width 3 --margin 44 --no-numbers"
    " --paper a0 --paper roll --landscape --roll-width 900",
    "pdf": "--pdf list --paper a3 --roll-width 500 --overlap 20 --page-margin 25",
    "csv": "--block 7",
    "dxf": "--hole 1 --no-thread-layer",
    "gcode": "--profile polar --job drill --start-at 5 --pause-steps 7 --pause-metres 2"
    " --feed 500 --travel-feed 300 --plunge-feed 40"
    " --lift z --safe-height 30 --work-height 1 --servo-up 20 --servo-down 70 --dwell 2 --spindle 500"
    " --reach 5 --feeder-diameter 1.1 --no-arcs --no-home --centre-x 99 --centre-y 99 --park-x 9 --park-y 9"
    " --table-direction ccw --table-speed 99 --tolerance 0.9",
    "html": "--language de",
}
PARSER = argparse.ArgumentParser()
export.add_arguments(PARSER)
FLAGS = [flag for text in (BOARD, *GIVEN.values()) for flag in re.findall(r"--\S+(?: [^-]\S*)?", text)]
BASES = {
    "svg": ["", "--mode plot", "--paper a0", "--paper roll --roll-width 800"],
    "pdf": ["", "--pdf list", "--pdf parts", "--paper roll"],
    "gcode": [f"--profile {profile} --job {job}" for profile in ("grbl", "marlin", "polar")
              for job in ("plot", "wind", "drill")],
}  # fmt: skip


def made(name: str, flags: str, folder: Path) -> bytes | str:
    """The file of a small thread, or the message where it is refused."""
    thread, place = folder / "thread.json", folder / f"x{ENDINGS[name]}"
    thread.write_text(SMALL.to_json())
    place.unlink(missing_ok=True)
    try:
        export.run(PARSER.parse_args([str(thread), "-o", str(place), *flags.split()]))
    except SettingsError as error:
        assert not place.exists()
        return str(error)
    return place.read_bytes()


def test_every_setting_is_tried() -> None:
    """The table below names each setting of the board and of each format."""
    tried = {flag.split()[0].removeprefix("--").removeprefix("no-").replace("-", "_") for flag in FLAGS}
    every = {*WorkpieceSettings.names(), "thread"}
    every |= {name for kind in FORMATS.values() for name in kind.settings_class().names()}
    assert tried == every


@pytest.mark.parametrize("name", ENDINGS)
def test_a_flag_changes_the_file_or_is_refused(name, tmp_path) -> None:
    """No flag is taken and ignored, whatever the mode, paper, profile or job."""
    own = f"{BOARD} {GIVEN.get(name, '')}"
    for number, base in enumerate(BASES.get(name, [""])):
        plain = made(name, base, tmp_path)
        assert isinstance(plain, bytes)
        for flag in FLAGS:
            if flag.split()[0] in base or (number and flag not in own):
                continue  # flags of other formats are refused whatever the base
            if flag == "--lift z" and ("grbl" not in base or "drill" in base):
                flag = "--lift servo"  # what is the default anyway changes nothing
            changed = made(name, f"{base} {flag}", tmp_path)
            if isinstance(changed, str):
                assert "\n" not in changed, flag
                assert flag not in BOARD or "paper" in base, flag
            else:
                assert changed != plain, (name, base, flag)


def test_figures_are_the_same_everywhere() -> None:
    """Metres, minutes and cover of check, lists, drawing, jobs and guide are one calculation."""
    piece = Workpiece(SMALL, WorkpieceSettings(tail=3000, seconds_per_chord=600, thread_width=4))
    facts = check(piece).facts
    minutes, hidden = facts["minutes"], (facts["cover_percent"], facts["densest_cover_percent"])
    time = f"{int(minutes // 60)} h {round(minutes % 60):02d} min"
    said = [f"{facts['length_m']:.1f} m used", f"have {facts['length_to_have_m']:.0f} m", f"about {time}"]
    said += [f"Cover: {hidden[0]:.0f} % of", f"{hidden[1]:.0f} % where"]
    for name in ("csv", "txt", "svg", "gcode"):
        text = re.sub("\n; ", " ", FORMATS[name].render(piece).decode())
        assert [part for part in said if part not in text] == [], name
    page = FORMATS["html"].render(piece).decode()
    stated = json.loads(page.split('id="piece">')[1].split("</script>")[0])
    assert stated["laid"] / 1000 == pytest.approx(facts["length_m"], abs=0.006)
    assert stated["spool"] / 1000 == pytest.approx(facts["length_to_have_m"], abs=0.006)
    assert stated["cover"] == [round(share) for share in hidden]
    assert stated["seconds"] * facts["chords"] == 60 * minutes


def test_boards_of_a_word_are_written_at_once(tmp_path) -> None:
    """Each board has its file; one that is named is written alone."""
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
