"""How loops are compiled, cached and shared out among cores, and the board's rule for compiled loops.

Try it: python -c "from nitograph.compute.parallel import cores; print(cores())"
"""
