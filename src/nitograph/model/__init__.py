"""The Transformer: at rest, in NumPy, in compiled batches, in PyTorch.

Try it: python -c "from nitograph.model.weights import load_bundled; print(load_bundled().classes)"
"""
