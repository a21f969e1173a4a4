"""The disk and its formats: files written whole or not at all, and readers that trust nobody.

Try it: python -c "from nitograph.io.lists import read_thread; help(read_thread)"
"""
