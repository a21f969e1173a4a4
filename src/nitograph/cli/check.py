"""nitograph check: facts and warnings about a thread before it is wound on a real board.

Try it: python -m nitograph check thread.json --diameter 600 --nail-diameter 1.5
"""

import argparse
import json
from typing import Any

from nitograph.cli.export import add_board, read_workpiece
from nitograph.cli.options import add_settings, read_settings
from nitograph.exporting.check import CheckSettings, Report, check
from nitograph.exporting.winding_list import by_colour, duration, in_all, spools
from nitograph.exporting.workpiece import Workpiece


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the board, the nails' height, and the form of the report."""
    parser.add_argument(
        "thread", help="thread file: JSON, JSON lines, CSV, a nail list, or a PNG that Nitograph made"
    )
    add_board(parser)
    add_settings(parser, CheckSettings, title="nails")
    parser.add_argument("--json", action="store_true", help="print facts and warnings as JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if there is a warning")


def run(args: argparse.Namespace) -> int:
    """Print the report; 0, or 1 if it has warnings and `--strict` was given."""
    workpiece = read_workpiece(args)
    report = check(workpiece, read_settings(args, CheckSettings))
    if args.json:
        print(json.dumps(report.to_dict(), indent=1))
    else:
        print("\n".join(_lines(workpiece, report)))
    return 1 if args.strict and report.warnings else 0


def _lines(workpiece: Workpiece, report: Report) -> list[str]:
    facts = report.facts
    used = facts["nails"] - len(facts["unused_nails"])
    a, b = facts["longest_pull"]
    lines = [
        report.statement,
        f"spacing       {facts['spacing_mm']:.2f} mm, {facts['free_gap_mm']:.2f} mm free between nails",
        *_threads(workpiece, facts),
        f"time          about {duration(workpiece.seconds)}",
        f"longest pull  {facts['longest_pull_mm']:.0f} mm, from {a} to {b}",
        f"heaviest nail {facts['heaviest_nail']}, passed {facts['heaviest_nail_passes']} times, "
        f"{facts['heaviest_nail_stack_mm']:.1f} mm of thread at most",
        f"cover         {facts['cover_percent']:.0f} % of the board hidden by thread, "
        f"{facts['densest_cover_percent']:.0f} % where it is densest",
        f"nails used    {used} of {facts['nails']}" + (_unused(facts["unused_nails"]) if used else ""),
    ]
    warned = [f"warning: {warning.text}" for warning in report.warnings]
    return lines + (warned or ["No warnings."])


def _threads(workpiece: Workpiece, facts: dict[str, Any]) -> list[str]:
    """Metres and spools, of each colour if there are several."""
    if len(workpiece.parts) > 1:
        rows = [f"thread {name}: {words}" for name, words in by_colour(workpiece)]
        return [f"threads       {in_all(workpiece)}", *rows]
    have = f"have {facts['length_to_have_m']:.0f} m: {spools(workpiece.length_to_have)}"
    return [f"thread        {facts['length_m']:.1f} m laid; {have}"]


def _unused(nails: list[int], shown: int = 12) -> str:
    if not nails:
        return ""
    listed = ", ".join(str(nail) for nail in nails[:shown])
    return f"; never used: {listed}{', …' if len(nails) > shown else ''}"
