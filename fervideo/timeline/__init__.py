"""Timelines: expressions and measures of each face, frame by frame, event by event and clip by clip."""

from fervideo.timeline.build import build
from fervideo.timeline.record import UNCERTAIN, Timeline, describe

__all__ = ["UNCERTAIN", "Timeline", "build", "describe"]
