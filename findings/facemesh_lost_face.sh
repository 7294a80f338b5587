#!/usr/bin/env bash
# mediapipe 0.10.21, solutions.face_mesh.FaceMesh, static_image_mode=False. Seen 2026-11-28.
#
# A face jumps to another position from one frame to the next, as at a cut. The first frame after the jump has no face;
# the second has it at its new position. With static_image_mode=True the first frame has it, too.
#
# Output: still [0.22, 0.76]
#         video [0.22, 0.22, 0.22, None, 0.76, 0.76]
#
# One would guess that the detector runs on the frame in which tracking loses the face, since the documentation says that
# it is invoked again when tracking is lost. It runs on the frame after that. So a cut costs a frame, and a video with a cut
# in each frame has no face at all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mediapipe==0.10.21 scikit-image==0.25.2
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys

import mediapipe
import numpy as np
from PIL import Image
from skimage import data

face = np.asarray(Image.fromarray(data.astronaut()[0:320, 70:390]).resize((640, 640)))


def picture(left):
    image = np.full((640, 1400, 3), 128, np.uint8)
    image[:, left : left + 640] = face
    return image


def nose(mesh, left):
    faces = mesh.process(picture(left)).multi_face_landmarks
    return round(faces[0].landmark[1].x, 2) if faces else None


with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1) as mesh:
    still = [nose(mesh, left) for left in (0, 760)]
with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1) as mesh:
    video = [nose(mesh, left) for left in (0, 0, 0, 760, 760, 760)]
print("still", still)
print("video", video)
sys.exit(None in still or [place is None for place in video] != [False, False, False, True, False, False])
PYTHON
