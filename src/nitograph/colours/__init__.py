"""Thread colours: several threads on one board, a maker's chart, and the space they are chosen
in.

Try it: python -c "from nitograph.colours.chart import CHART; print(*CHART[:3])"
"""
