"""Symbols of one's own: a few drawings of each → weights that invent more, judged, in minutes.

    drawings ─▶ rows ─▶ course (training from given weights) ─▶ verdict ─▶ page

Try it: python -m nitograph learn mnist --minutes 1 -o mine.safetensors
"""
