"""The sequence model: what a track's faces show, seen as a course in time instead of frame by frame."""

from fervideo.sequence.lstm import *  # noqa: F403
