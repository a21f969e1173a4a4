"""The section of the page on given pictures: three rows of pictures and two tables.

Takes the details of `judges.given_pictures`, returns HTML text; computes no figure.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1 --page page.html
"""

import html
from collections.abc import Mapping
from typing import Any

from nitograph.evaluation.judges.given_pictures import GivenPictures
from nitograph.evaluation.page import thumbnails
from nitograph.evaluation.page.elements import number, percent, spread, table

KNOWN = {
    "class": "its class alone (upper bound)",
    "codes": "its class and codes",
    "light": "its codes and exact light",
    "picture": "its codes and itself",
}
ACROSS = 12  # pictures side by side
WAYS = {"picture": "the picture itself", "light": "exact light", "codes": "codes alone"}


def section(found: Mapping[str, Any], given: GivenPictures) -> str:
    """The first picture of each class, then fidelity, the critics' accuracy and likelihood."""
    shown = "".join(
        f'<img alt="given pictures and their threads" src="{thumbnails.under(*part)}">'
        for part in _blocks(given)
    )
    names = list(found["rows"][0]["read"])
    head = (
        "",
        "error",
        "÷ encoder’s",
        "worst",
        "÷ bound",
        "worst",
        *(f"read by {n}" for n in names),
        "time",
    )
    return (
        "<h2>Given pictures, wound</h2>"
        f"<p>{found['pictures']} test pictures with their classes, each wound by the model in one pass. "
        "Error is the squared error of the light, ÷ the picture’s energy, on the encoder’s canvas. "
        f"{_bound(found['bound'])} One at a time, a picture takes {found['ms_alone']:.0f} ms.</p>"
        f"<figure>{shown}<figcaption>Given; wound by "
        f"the encoder; wound by the model from {WAYS[found['rows'][1]['given']]}</figcaption></figure>"
        + table(head, [_row(row, names) for row in found["rows"]])
        + "<h3>How well it predicts the encoder’s threads</h3><p>Nats per thread. For the class alone it "
        "is the joint of codes and nails, an upper bound, and so are the gains over it; the others are "
        "exact. A model that draws its plans sharp is measured without that.</p>"
        + table(("given", "nats per thread", "gain"), _nats(found["nats_a_thread"]))
    )


def _blocks(given: GivenPictures) -> list[tuple[Any, Any, Any]]:
    """Pictures and both kinds of threads, as many at once as go side by side."""
    return [
        (given.targets[part], given.encoder[part], given.model[part])
        for part in (slice(first, first + ACROSS) for first in range(0, len(given.targets), ACROSS))
    ]


def _row(row: Mapping[str, Any], names: list[str]) -> list[str]:
    title = "the encoder"
    if row["wound_by"] == "model":
        title = f"the model, {WAYS[row['given']]}, temperature {row['temperature']:g}"
    read = [f"{percent(row['read'][name][0])}" for name in names]
    time = f"{row['ms_a_picture']:.1f} ms" if "ms_a_picture" in row else "–"
    over = [spread(row["over_encoder"]), number(row["worst_over_encoder"])]
    over += [spread(row.get("over_bound")), number(row.get("worst_over_bound"))]
    return [title, spread(row["error"]), *over, *read, time]


def _bound(bound: Mapping[str, Any]) -> str:
    if not bound["pictures"]:
        return f"No relaxed bound: {html.escape(bound['refused'])}."
    return (
        f"The relaxed bound, a lower bound for any additive thread, is {bound['error'][0]:.4g} on average "
        f"over the first {bound['pictures']}."
    )


def _nats(nats: Mapping[str, Any]) -> list[list[str]]:
    return [
        [title, spread(nats[key]), spread(nats.get(f"gained_by_{key}"))]
        for key, title in KNOWN.items()
        if key in nats
    ]
