"""The room of faces: the libraries that its import leaves alone."""

import subprocess
import sys


def test_import_loads_no_library_that_finds_faces():
    code = "import sys, fervideo.faces; print([name for name in ('mediapipe', 'dlib', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
