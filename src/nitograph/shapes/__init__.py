"""Boards that are no ring: outlines, and nails along them.

Try it: python -c "from nitograph.shapes.board import ShapedBoard; print(ShapedBoard(12).positions())"
"""
