"""Settings of an analysis, with units, ranges and effects: records, their sources, and lists that people read.

sections.py   the records, and digests of those that change results
sources.py    TOML files, assignments, and options by name become settings
values.py     values that are written as text: times, regions, names of faces
listing.py    settings become text, TOML or a document
"""

from fervideo.settings.listing import Setting, describe, option, to_markdown, to_text, to_toml
from fervideo.settings.sections import (
    OPTIONS,
    ClassifierSettings,
    EventSettings,
    FaceSettings,
    MeasureSettings,
    RunSettings,
    SequenceSettings,
    Settings,
    TrackingSettings,
    TrainingSettings,
    TrainSettings,
    VideoSettings,
    cache_digests,
)
from fervideo.settings.sources import chosen, load, resolved, shipped

__all__ = [
    "OPTIONS",
    "ClassifierSettings",
    "EventSettings",
    "FaceSettings",
    "MeasureSettings",
    "RunSettings",
    "SequenceSettings",
    "Setting",
    "Settings",
    "TrackingSettings",
    "TrainSettings",
    "TrainingSettings",
    "VideoSettings",
    "cache_digests",
    "chosen",
    "describe",
    "load",
    "option",
    "resolved",
    "shipped",
    "to_markdown",
    "to_text",
    "to_toml",
]
