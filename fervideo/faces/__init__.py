"""Faces and their landmarks in each frame.

facemesh.py    mediapipe FaceMesh, and its full-range detector for small faces
enlarged.py    faces that FaceMesh finds only when their picture is enlarged
dlib.py        dlib's 68 landmarks in aligned crops
"""

from fervideo.faces.facemesh import Landmarker, count_faces

__all__ = ["Landmarker", "count_faces"]
