"""What the classic look and the charts share: checking for Matplotlib, and a figure's pixels.

This module knows nothing of threads.

Try it: python -c "from nitograph.drawing.figures import need_matplotlib; need_matplotlib()"
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import NitographError
from nitograph.untrusted import need

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def need_matplotlib() -> None:
    """NitographError that says how to install Matplotlib, if it is missing."""
    need("matplotlib", NitographError("this needs Matplotlib: pip install 'nitograph[sheets]'"))


def pixels_of(figure: "Figure") -> NDArray[np.uint8]:
    """The pixels of a figure, (h, w, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)  # Any, as Matplotlib leaves these two calls untyped
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
