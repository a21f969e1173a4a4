"""The verbs of `import nitograph`, and the work behind them that the command line shares.

`verbs` is what a user meets; `models`, `inventing` and `weaving` do each thing once, for both faces.

Try it: python -c "import nitograph; print(nitograph.generate('7', seed=42))"
"""
