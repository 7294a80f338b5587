"""The video with its results drawn on it.

film.py      the film: pictures with their true times, and sound, in a file that browsers play
people.py    each face of a timeline over the frames of its video
drawing.py   boxes, labels and landmarks on one frame
strip.py     the running strip below it
labels.py    text on frames
sound.py     the sound of a video, copied or coded anew
"""

from fervideo.report.overlay.film import CONSENT, Look, Written, analysed, check, write

__all__ = ["CONSENT", "Look", "Written", "analysed", "check", "write"]
