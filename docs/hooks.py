"""A hook of MkDocs: fills the table of modules on the page of the wings from the modules' docstrings."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "nitograph"
MARK = "<!-- rooms -->"


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with its placeholder replaced by the table of modules."""
    return markdown.replace(MARK, modules()) if MARK in markdown else markdown


def modules() -> str:
    """One row per module: its name and the first sentence of its docstring."""
    rows = ["| module | |", "|---|---|"]
    for path in sorted(SOURCE.rglob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            rows.append(f"| `{name}` | {' '.join(doc.partition(chr(10) * 2)[0].split())} |")
    return "\n".join(rows)
