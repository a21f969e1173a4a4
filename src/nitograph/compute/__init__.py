"""How loops are compiled, cached and run on several cores, and the board's rule for compiled loops.

Try it: python -c "from nitograph.compute.parallel import cores; print(cores())"
"""
