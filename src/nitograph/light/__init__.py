"""The board's picture in numbers: its frame, the bands of chords, and light in Zernike coefficients.

Try it: python -c "from nitograph.light.zernike import Zernike; print(Zernike(24).size)"
"""
