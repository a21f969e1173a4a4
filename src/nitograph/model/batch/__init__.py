"""The decoder for many sequences at once, compiled.

Try it: python -c "import nitograph.model.batch.step"
"""
