"""The choice of nails and the walk for many sequences at once, compiled with Numba.

Try it: python -c "import nitograph.sampling.batch.stride"
"""
