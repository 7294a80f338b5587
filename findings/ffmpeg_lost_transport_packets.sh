#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg), MPEG-TS with H.264. Seen 2026-11-28.
#
# Eight packets of 188 bytes are missing from the middle of a transport stream, as after a bad reception. All 60 frames
# decode without an error. One of them shows a wrong picture, and no frame has `is_corrupt`. The only sign is
# `packet.is_corrupt`, and it marks the packet before the one whose picture is wrong.
#
# Output: packets 60, marked as corrupt [19]
#         frames 60, error None, marked as corrupt []
#         frames whose picture differs [20]
#
# One would guess that a frame which lost a part raises an error or is marked, as for damage in MP4, where decoding raises
# InvalidDataError; and that the mark is on the damaged packet.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==1.26.4
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys

import av
import numpy as np

with av.open("whole.ts", "w", format="mpegts") as container:
    stream = container.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 240, "yuv420p", 15
    stream.options = {"bf": "0"}
    random = np.random.default_rng(1)
    for index in range(60):
        picture = np.repeat(np.repeat(random.integers(0, 60, (240, 320, 1)), 3, 2), 1, 1).astype(np.uint8)
        picture[60:180, 4 * index % 200 : 4 * index % 200 + 80] = 200
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
data = open("whole.ts", "rb").read()
cut = len(data) // 188 // 3
open("lost.ts", "wb").write(data[: 188 * cut] + data[188 * (cut + 8) :])


def frames_of(path):
    with av.open(path) as container:
        return list(container.decode(video=0))


with av.open("lost.ts") as container:
    packets = [packet for packet in container.demux(video=0) if packet.size]
marked = [index for index, packet in enumerate(packets) if packet.is_corrupt]
print(f"packets {len(packets)}, marked as corrupt {marked}")
error = None
frames = []
try:
    frames = frames_of("lost.ts")
except av.FFmpegError as raised:
    error = type(raised).__name__
print(f"frames {len(frames)}, error {error}, marked as corrupt {[i for i, f in enumerate(frames) if f.is_corrupt]}")
grey = [[f.to_ndarray(format="gray").astype(int) for f in part] for part in (frames_of("whole.ts"), frames)]
differ = [i for i, (a, b) in enumerate(zip(*grey)) if np.abs(a - b).mean() > 1]
print(f"frames whose picture differs {differ}")
sys.exit(error is not None or any(f.is_corrupt for f in frames) or not differ or not marked or marked[0] == differ[0])
PYTHON
