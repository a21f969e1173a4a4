"""Evaluation: how good, how varied and how much its own is what a model invents?

    candidates ─▶ samples ─┐
    material ─▶ references ┼─▶ judges (critics · metrics · copying) ─▶ verdicts ─▶ protocol ─▶ report
    training threads ──────┘

`protocol.evaluate` runs the fixed protocol on anything that gives threads; `report.page` shows it. Critics
and likelihood need PyTorch. Nothing here prints.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""
