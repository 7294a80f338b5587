#!/usr/bin/env bash
# PyAV 18.1.0. Seen 2026-11-28.
#
# A frame whose `side_data` were read once is not freed when its last name goes: the container of side data and the frame
# refer to each other. So it waits for Python's cyclic garbage collector, which counts objects and not bytes.
#
# Output: frames still in memory after 60 were decoded and dropped: 0
#         the same, with frame.side_data read on each: 60
#
# One would guess that reading a property does not prolong the life of a decoded picture. A loop over 1080p video that looks
# for a display matrix on each frame keeps 3 MB for each, and with the collector's threshold raised it takes gigabytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==1.26.4
venv/bin/python - 2>/dev/null <<'PYTHON'
import gc
import sys

import av
import numpy as np

with av.open("clip.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for index in range(60):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 2 * index, np.uint8), format="rgb24")
        frame.pts = index
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
del frame
gc.disable()


def alive(reads):
    gc.collect()
    with av.open("clip.mp4") as container:
        for frame in container.decode(video=0):
            if reads:
                frame.side_data
        del frame
    return sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())


plain, read = alive(False), alive(True)
print("frames still in memory after 60 were decoded and dropped:", plain)
print("the same, with frame.side_data read on each:", read)
sys.exit((plain, read) != (0, 60))
PYTHON
