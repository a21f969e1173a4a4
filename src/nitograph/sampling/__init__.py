"""Logits → Thread: how the next nail is chosen, and the walk from a class to a finished thread.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""
