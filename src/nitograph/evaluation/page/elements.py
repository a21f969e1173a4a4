"""Elements of the evaluation's pages: the template, tables, formatted numbers. Text in, HTML out.

A page runs no script and fetches nothing; its policy allows only its own style. This module knows no
figures.

Try it: python -c "from nitograph.evaluation.page.elements import *; print(table(['a'], [[percent(0.5)]]))"
"""

import html
from collections.abc import Iterable, Sequence

from nitograph.io import pages


def fill(title: str, body: str) -> str:
    """The template with a title, a body, and the policy that allows only its own style."""
    return pages.page("evaluation.html", {"TITLE": html.escape(title), "BODY": body}, images="data:")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML."""
    top = "".join(f"<th scope=col>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def number(value: float | None) -> str:
    """Four digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def spread(values: Sequence[float] | None) -> str:
    """A figure above the ends of its interval, or a dash."""
    if values is None:
        return "–"
    return f"{values[0]:.4g}<small>{values[1]:.4g} to {values[2]:.4g}</small>"
