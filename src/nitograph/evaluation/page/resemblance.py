"""The part of the page that shows the two-sample test: figures, threads that gave themselves away, the map.

Takes what judges.resemblance found, gives HTML text.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1 --page page.html
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from nitograph.evaluation.judges.resemblance import Shown
from nitograph.evaluation.page import thumbnails
from nitograph.evaluation.page.elements import percent, spread, table
from nitograph.thread import Thread

COLUMNS = 7
TITLES = {
    "samples": "samples",
    "woven": "control: threads woven of other test images",
    "light": "wound by the model from the exact light of the control’s images",
}


def section(found: Mapping[str, Any], shown: Shown) -> str:
    """Both figures beside the control, what looked made on either side, and where the network looks."""
    head = ("against woven test pictures", "AUC, pictures", "right, pictures", "AUC, nails", "right, nails")
    return (
        "<h2>Can a network tell?</h2>"
        f"<p>A small network learns on {found['learned_from']:,} threads of each side, made and woven, "
        f"and judges {found['held_out']:,} others of each, {_seeds(found['seeds'])}. AUC is the chance "
        "that of one made and one woven thread it picks the made one: 0.5 is indistinguishable. The "
        "control shows what so small a set lets it find where there is nothing.</p>"
        "<p><strong>The other figures of this page do not show this.</strong> Before these were added, a "
        "model reached every one of the 16 goals there were, and a network of this kind still told its "
        "threads from woven ones in 95 of 100 cases.</p>"
        + table(head, [_row(row) for row in found["rows"]])
        + '<h3>What gave samples away</h3><div class="pair">'
        + _sheet("Samples that gave themselves away", shown.made, shown.made_chance)
        + _sheet("Woven pictures that were taken for samples", shown.real, shown.real_chance)
        + "</div>"
        + "<h3>Where the network looks</h3>"
        + f'<figure><img alt="map of where the network looks" src="{thumbnails.heat(shown.where)}">'
        "<figcaption>How much a change of density at each place moves the verdict of the network on "
        f"pictures; the brightest {shown.where.max():.1f} times the mean</figcaption></figure>"
    )


def _seeds(count: int) -> str:
    return "once" if count == 1 else f"with each of {count} seeds; an interval is that of one seed"


def _row(row: Mapping[str, Any]) -> list[str]:
    cells = [TITLES[row["threads"]]]
    for kind in ("pictures", "nails"):
        cells += [spread(row[kind]["auc"]), percent(row[kind]["accuracy"][0])]
    return cells


def _sheet(title: str, threads: Sequence[Thread], chance: Sequence[float]) -> str:
    """The threads that look made most, with the range of the network's belief that each is made."""
    name = html.escape(title)
    return (
        f'<figure><img alt="{name}" src="{thumbnails.sheet(threads, COLUMNS)}"><figcaption>{name}: '
        f"the network believes that they are made with {percent(chance[0])} (the first) to "
        f"{percent(chance[-1])} (the last)</figcaption></figure>"
    )
