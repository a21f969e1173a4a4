"""The part of the page on classes that are taken for each other: which count as one, usual mistakes.

Takes an evaluation's record, gives HTML text; computes no figure.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1 --page page.html
"""

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from nitograph.evaluation.page.elements import percent, table

MOST = 20  # mistakes that are listed
MANY = 16  # classes, from which on they are


def section(record: Mapping[str, Any]) -> str:
    """Classes that count as one, with the rule; of many classes also the most frequent mistakes."""
    return pairs_section(record["confusable"]) + (
        _mistakes(record) if len(record["classes"]) > MANY else ""
    )


def pairs_section(found: Mapping[str, Any]) -> str:
    """Classes that count as one, with the rule, and the pairs that it was asked of."""
    if not found["pairs"]:
        return ""
    groups = ", ".join(_both(group) for group in found["groups"]) or "none"
    rows = [
        [
            _both(pair["classes"]),
            percent(pair["told"]),
            " and ".join(map(percent, pair["taken"])),
            "one class" if pair["same"] else "two classes",
        ]
        for pair in sorted(found["pairs"], key=lambda pair: pair["told"])
    ]
    return (
        "<h3>Classes that count as one</h3>"
        "<p>A picture that is drawn to a fixed size does not show whether o or O is meant. Two classes "
        "count as one if the critics take each for the other in at least "
        f"{percent(found['taken_for_each_other_from'])} of its woven real test pictures and, of those that "
        f"they read as either, take fewer than {percent(found['told_apart_from'])} for the right one. "
        "Neither may be read as a third class more often than as one of the two. "
        f"Classes of fewer than {found['pictures_from']} test pictures count as one only if their names "
        f"differ by case. Samples have no part in it. Counted as one: {groups}.</p>"
        "<details><summary>All pairs that are taken for each other, and all letters with their "
        f"capitals</summary>{table(('pair', 'told apart', 'taken for the other', 'counted as'), rows)}"
        "</details>"
    )


def _both(names: list[str]) -> str:
    return html.escape("/".join(names))


def _mistakes(record: Mapping[str, Any]) -> str:
    """What critic B reads most often in the place of another class, beside real pictures."""
    details, names = record["recognisability"]["B"], record["classes"]
    mine, real = (_shares(details[key]) for key in ("confusion", "ceiling_confusion"))
    order = np.argsort(-mine, axis=None, kind="stable")[:MOST]
    rows = []
    for one, other in zip(*np.unravel_index(order, mine.shape), strict=True):
        if mine[one, other] > 0:
            shown = [html.escape(names[one]), html.escape(names[other])]
            rows.append([*shown, percent(mine[one, other]), percent(real[one, other])])
    head = ("asked for", "read as", "samples", "woven test pictures")
    return f"<h3>What is most often taken for another class, by critic B</h3>{table(head, rows)}"


def _shares(table: list[list[int]]) -> Any:
    """Shares of each row, without what is right."""
    counts = np.asarray(table, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    return shares
