"""The compiled loops of weaving. They take numbers and arrays, and know no settings.

Try it: python -c "import nitograph.weaving.loops.greedy"
"""
