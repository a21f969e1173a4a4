"""Benchmarks: each module prints JSON lines, with a plain reference measured in the same run."""
