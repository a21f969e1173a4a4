"""Floats compared by their bits, for compiled loops. This module knows nothing else.

Try it: python -c "import nitograph.compute.bits"
"""

from typing import Any

import numpy as np

from nitograph.compute.jit import inner


@inner
def ordered(bits: Any) -> Any:
    """The bits of a float32 as an int32 of the same order, NaN aside; its own inverse.

    The compiler vectorises a maximum of integers, but not one of floats, because of NaN.
    """
    return np.int32(bits ^ np.int32(np.int32(bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))
