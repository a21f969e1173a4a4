"""The decoder for many sequences at once, compiled with Numba.

Try it: python -c "import nitograph.model.batch.step"
"""
