"""Each judge looks at one thing: readability, copying, given pictures, likelihood.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""
