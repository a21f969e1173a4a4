"""Thread → neon picture, film, contact sheet or page.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""
