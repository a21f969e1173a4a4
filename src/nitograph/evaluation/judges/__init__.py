"""The judges: quality of the samples, copying, given pictures, likelihood; each computes its own figures.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""
