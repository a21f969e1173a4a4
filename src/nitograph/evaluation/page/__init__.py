"""What the judges found, as one offline page.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1 --page evaluation.html
"""
