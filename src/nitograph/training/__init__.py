"""Rows → weights: the loop, its objective, its optimiser and its checkpoints. Needs PyTorch.

Try it: python -m nitograph train --dataset small.npz --minutes 1
"""
