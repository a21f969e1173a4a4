"""Labelled pictures → rows of threads: what a model is trained on.

Try it: python -m nitograph prepare --samples 100 --output small.npz
"""
