"""Video files as upright pictures with their presentation times.

`probe` reads the packets of a file once and decodes only its first frames. So it knows every presentation time, and
every frame at which decoding may safely start. `pictures` decodes frames from there, `windows` as arrays.

    probe.py      the facts of a file, its time table and the decoder that reads it
    select.py     the frames to analyse: pure index arithmetic
    windows.py    frames of one segment, one by one or a few at a time
    packets.py    the packets of a file, as its container lists them
    table.py      the time table, from the packets
    frames.py     frames by PyAV, across damage
    decoders.py   pictures, from decord or PyAV
    images.py     folders of images, which count as videos
"""

from fervideo.video.files import fingerprint, missing
from fervideo.video.images import IMAGE_SUFFIXES, image_files, image_numbers, read_image
from fervideo.video.probe import changed, probe
from fervideo.video.record import DAMAGED, REMEDY, FrameWindow, Video
from fervideo.video.select import cut, select, spread
from fervideo.video.windows import pictures, samples, scattered, windows

__all__ = [
    "DAMAGED",
    "IMAGE_SUFFIXES",
    "REMEDY",
    "FrameWindow",
    "Video",
    "changed",
    "cut",
    "fingerprint",
    "image_files",
    "image_numbers",
    "missing",
    "pictures",
    "probe",
    "read_image",
    "samples",
    "scattered",
    "select",
    "spread",
    "windows",
]
