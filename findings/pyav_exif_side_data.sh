#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg). Seen 2026-11-28.
#
# A JPEG, or a frame of a motion JPEG, with an EXIF orientation. FFmpeg attaches the EXIF data to the frame, and PyAV has no
# name for that kind of side data. So every access to `frame.side_data` raises, a `get` of another kind, too.
# `frame.rotation` works.
#
# Output: frame.rotation -90
#         frame.side_data.get("DISPLAYMATRIX"): ValueError: 31 is not a valid Type
#
# One would guess that asking for a kind that is absent gives None, and that unknown kinds are left out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 pillow==11.3.0
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys

import av
from PIL import Image

image = Image.new("RGB", (64, 48), (120, 120, 120))
exif = image.getexif()
exif[0x0112] = 6  # to be turned by a quarter
image.save("turned.jpg", exif=exif)
with av.open("turned.jpg") as container:
    frame = next(container.decode(video=0))
    print("frame.rotation", frame.rotation)
    try:
        seen = f"no error: {frame.side_data.get('DISPLAYMATRIX')}"
    except ValueError as error:
        seen = f"ValueError: {error}"
print('frame.side_data.get("DISPLAYMATRIX"):', seen)
sys.exit(not seen.startswith("ValueError"))
PYTHON
