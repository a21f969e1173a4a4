"""The verbs of `import nitograph`, and the work behind them that the command line shares.

`verbs` is the public API; `models`, `inventing` and `weaving` hold the work shared by Python and command
line.

Try it: python -c "import nitograph; print(nitograph.generate('7', seed=42))"
"""
