"""Nitograph teaches a small Transformer to draw with one thread.

    image ─weave─▶ Thread ─tokens─▶ Transformer ─sample─▶ Thread ─▶ neon picture · file · real object

The package itself imports next to nothing, so that each part is only loaded where it is used.
Try it: python -m nitograph generate 7
"""

__version__ = "0.1.0"
