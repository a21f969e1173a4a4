"""The sizes of paper by name, for printers and plotters.

It knows no drawing.

Try it: python -c "from nitograph.exporting.papers import PAPERS; print(PAPERS['a4'])"
"""

PAPERS = {
    "a4": (210.0, 297.0), "a3": (297.0, 420.0), "a2": (420.0, 594.0), "a1": (594.0, 841.0),
    "a0": (841.0, 1189.0), "letter": (215.9, 279.4), "tabloid": (279.4, 431.8),
}  # fmt: skip
"""Width and height in mm, portrait."""
