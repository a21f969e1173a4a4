"""Fuzzing of every reader: seeds, mutations, coverage, and a corpus of what was found.

Try it: PYTHONPATH=src:tests python -m fuzz --inputs 1000
"""
