"""Timelines: what each face shows, frame by frame, event by event and clip by clip."""

from fervideo.timeline.build import *  # noqa: F403
