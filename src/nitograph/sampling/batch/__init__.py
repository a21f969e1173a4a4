"""Choice and walk for many sequences at once, compiled.

Try it: python -c "import nitograph.sampling.batch.stride"
"""
