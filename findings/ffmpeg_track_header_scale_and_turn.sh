#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg), MP4. Seen 2026-11-28.
#
# The matrix of an MP4 track header (tkhd) can scale and turn a picture at once. Stored pixels are to be shown twice as wide as
# high, and the picture then turned by a quarter. FFmpeg reports a sample aspect ratio of 1/2, that of the picture after
# the turn, beside the width and height before it. Scaled without a turn, it reports 2.
#
# Output: scaled             sample_aspect_ratio 2, width x height 320x240, rotation 0
#         scaled and turned  sample_aspect_ratio 1/2, width x height 320x240, rotation -90
#
# One would guess 2 in both cases: a pasp box and the codec's own ratio are those of stored pixels, whatever the turn. A
# reader that first makes pixels square and then turns the picture squeezes it by four.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==1.26.4
venv/bin/python - 2>/dev/null <<'PYTHON'
import struct
import sys
from fractions import Fraction

import av
import numpy as np

with av.open("plain.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    for index in range(5):
        frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 128, np.uint8), format="rgb24")
        frame.pts = index
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
data = open("plain.mp4", "rb").read()
# Version 0: flags, five numbers, eight bytes reserved, layer to volume.
at = data.find(b"tkhd") + 4 + 4 + 20 + 8 + 8


def seen(name, a, b, c, d):
    fixed = [round(value * 65536) for value in (a, b, c, d)]
    matrix = struct.pack(">9i", fixed[0], fixed[1], 0, fixed[2], fixed[3], 0, 0, 0, 1 << 30)
    open("changed.mp4", "wb").write(data[:at] + matrix + data[at + 36 :])
    with av.open("changed.mp4") as container:
        stream = container.streams.video[0]
        turn = next(container.decode(video=0)).rotation
        ratio = stream.sample_aspect_ratio
        print(f"{name:<18} sample_aspect_ratio {ratio}, width x height {stream.width}x{stream.height}, rotation {turn}")
        return ratio


ratios = seen("scaled", 2, 0, 0, 1), seen("scaled and turned", 0, 2, -1, 0)
sys.exit(ratios != (Fraction(2), Fraction(1, 2)))
PYTHON
