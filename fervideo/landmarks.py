"""The topology of facial landmarks: which number lies where, each group under one name.

Numbers are those of mediapipe FaceMesh with refined eyes and lips (478 points). A second scheme has the 68 points of
Sagonas et al. 2013, which dlib's predictor yields. Right and left are the person's own.
"""

from __future__ import annotations

#: FaceMesh landmarks of a face, refined eyes, lips and irises included.
N_LANDMARKS = 478
#: FaceMesh landmarks that move with the skull: eye corners, nose bridge and base, forehead, temples, cheeks.
RIGID = (33, 133, 362, 263, 168, 197, 2, 98, 327, 10, 109, 338, 127, 356, 234, 454)
#: The index in RIGID of the point across the face from each of them.
MIRRORED_RIGID = (3, 2, 1, 0, 4, 5, 6, 8, 7, 9, 11, 10, 13, 12, 15, 14)

#: Right and left eye: outer and inner corner, then the upper and the lower lid from outside in.
RIGHT_EYE = ((33, 133), (160, 158), (144, 153))
LEFT_EYE = ((263, 362), (387, 385), (373, 380))
#: Right and left corner, outer and inner.
OUTER_EYE_CORNERS = (33, 263)
INNER_EYE_CORNERS = (133, 362)
EYE_CORNERS = (33, 133, 362, 263)
#: Centre of the iris, then its rim: the person's right eye, the left eye.
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
#: Right and left corner of the mouth; upper and lower lip where they meet.
LIP_CORNERS = (61, 291)
INNER_LIPS = (13, 14)
#: Corners, then the middle of the upper and the lower lip, outside and inside.
LIPS = (61, 291, 0, 13, 14, 17)
#: Three points of each brow's lower edge, from outside in on the right and mirrored on the left; the inner ends.
BROWS = (63, 105, 66, 293, 334, 296)
INNER_BROWS = (55, 285)

#: Points of the 68-point scheme.
N_LANDMARKS_68 = 68
#: FaceMesh landmark at each of the 68 points.
SIXTY_EIGHT = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,  # jaw
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,  # lips
)  # fmt: skip
#: The point across the face from each of the 68 points.
MIRRORED_68 = (
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,  # jaw
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,  # brows
    27, 28, 29, 30, 35, 34, 33, 32, 31,  # nose
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,  # eyes
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,  # lips
)  # fmt: skip
#: Points of the 68-point scheme that move with the skull: eye corners, nose.
RIGID_68 = (36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35)
OUTER_EYE_CORNERS_68 = (36, 45)
