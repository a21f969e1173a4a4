"""Machine jobs: winding, drawing with a pen, drilling.

Try it: python -m nitograph export thread.json -o winding.gcode
"""
