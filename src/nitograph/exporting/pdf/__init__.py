"""Drilling templates at true scale and winding lists to print.

Try it: python -m nitograph export thread.json -o template.pdf
"""
