"""Pictures that stand on their heads are recognised by their faces."""

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from fervideo import faces
from fervideo.pictures import Picture
from fervideo.records import UInt8


def upside_down(images: Iterable[UInt8]) -> bool:
    return faces.upside_down(map(Picture.of, images))


def test_faces_that_stand_on_their_heads_are_recognised(astronaut: Image.Image):
    upright = np.asarray(astronaut.resize((256, 256)))
    hanging, sideways = np.ascontiguousarray(upright[::-1, ::-1]), np.ascontiguousarray(np.rot90(upright))
    assert upside_down([hanging])
    assert upside_down([hanging, np.zeros_like(upright), hanging])
    assert not upside_down([hanging, np.zeros_like(upright)])
    assert not upside_down([sideways, sideways])
    assert not upside_down([])


def test_one_upright_face_is_enough(astronaut: Image.Image):
    upright = np.asarray(astronaut.resize((256, 256)))

    def frames() -> Iterator[UInt8]:
        yield upright
        raise AssertionError("no further frame is needed")

    assert not upside_down(frames())
