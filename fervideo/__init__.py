"""Timelines of apparent facial expressions from video of people.

    import fervideo

    timeline = fervideo.analyze("clip.mp4", faces=2)
    timeline.frames     # pandas: one row per face per frame
    timeline.save("results")
    fervideo.read_timeline("results/clip.timeline.csv")
    fervideo.load_results("results", "design.csv")

Names are loaded when they are first used, so that `import fervideo` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fervideo.errors import FervideoError as FervideoError
    from fervideo.foreign import read_foreign as read_foreign
    from fervideo.outputs import read_timeline as read_timeline
    from fervideo.photos import classify_photos as classify_photos
    from fervideo.pipeline import analyze as analyze
    from fervideo.records import EXPRESSIONS as EXPRESSIONS
    from fervideo.settings import Settings as Settings
    from fervideo.study import load_results as load_results
    from fervideo.timeline import Timeline as Timeline
    from fervideo.training.hand_labels import read_labels as read_labels

__version__ = "0.1.0"
_HOMES = {
    "EXPRESSIONS": "records",
    "FervideoError": "errors",
    "Settings": "settings",
    "Timeline": "timeline",
    "analyze": "pipeline",
    "classify_photos": "photos",
    "load_results": "study",
    "read_foreign": "foreign",
    "read_labels": "training.hand_labels",
    "read_timeline": "outputs",
}
__all__ = [
    "EXPRESSIONS",
    "FervideoError",
    "Settings",
    "Timeline",
    "analyze",
    "classify_photos",
    "load_results",
    "read_foreign",
    "read_labels",
    "read_timeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fervideo' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fervideo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
