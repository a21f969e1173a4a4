"""Picture → Thread: the encoder, its settings, and a bound on how good a thread can be.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Bound": "bound",
    "relaxed_bound": "bound",
    "Woven": "encoder",
    "weave": "encoder",
    "weave_many": "encoder",
    "weave_targets": "encoder",
    "PhotoSettings": "photo",
    "prepare_photo": "photo",
    "PhotoWeaver": "photograph",
    "RealBoard": "real_board",
    "PRESETS": "settings",
    "WeaveSettings": "settings",
    "with_real_thread": "settings",
    "Weaver": "stepwise",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.weaving.bound import Bound as Bound, relaxed_bound as relaxed_bound
    from nitograph.weaving.encoder import (
        Woven as Woven,
        weave as weave,
        weave_many as weave_many,
        weave_targets as weave_targets,
    )
    from nitograph.weaving.photo import PhotoSettings as PhotoSettings, prepare_photo as prepare_photo
    from nitograph.weaving.photograph import PhotoWeaver as PhotoWeaver
    from nitograph.weaving.real_board import RealBoard as RealBoard
    from nitograph.weaving.settings import (
        PRESETS as PRESETS,
        WeaveSettings as WeaveSettings,
        with_real_thread as with_real_thread,
    )
    from nitograph.weaving.stepwise import Weaver as Weaver
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
