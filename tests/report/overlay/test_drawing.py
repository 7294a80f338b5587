"""Boxes and labels on one frame, and frames of other shapes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import make_timeline

from fervideo.records import UInt8
from fervideo.report.overlay import drawing, people
from fervideo.report.overlay.drawing import Layout


def boxed(shown: str, **changes: Any) -> tuple[UInt8, people.Person, Layout]:
    """Draw the box of one face on a grey picture; `changes` are columns of its rows."""
    timeline = make_timeline([shown], n_frames=3)
    frames = timeline.frames.assign(quality=0.9, **changes)
    (person,) = people.of(replace(timeline, frames=frames), np.arange(3) / 25)
    layout, picture = Layout.of(640, 480, 1), np.full((480, 640, 3), 60, np.uint8)
    drawing.draw_face(picture, person.box_px[0], person, 0, layout)
    return picture, person, layout


def test_a_box_has_the_colour_of_its_expression():
    picture, person, _ = boxed("happiness")
    assert person.label[0] == "happiness 93%"
    assert picture[110, 100].tolist() == picture[80, 120].tolist() == [0xE6, 0x9F, 0x00]


def test_an_uncertain_face_has_grey_corners():
    picture, person, _ = boxed("happiness", uncertain=1)
    assert person.label[0] == "happiness? 93%"
    assert picture[80, 105].tolist() == list(people.UNCERTAIN)
    assert picture[110, 100].tolist() == [60, 60, 60]


def test_a_face_that_is_never_seen_whole_is_hidden_as_well():
    timeline = make_timeline(["fear"], n_frames=3)
    frames = timeline.frames.assign(status="cut_off")
    (person,) = people.of(replace(timeline, frames=frames), np.arange(3) / 25)
    assert np.isfinite(person.hidden_px).all()


def test_faces_without_a_name_have_their_number():
    timeline = make_timeline(["fear", "anger"], n_frames=3)
    frames = timeline.frames.assign(name=["ann" if face == 0 else None for face in timeline.frames["face"]])
    assert [one.name for one in people.of(replace(timeline, frames=frames), np.arange(3) / 25)] == ["ann", "1"]


def test_boxes_bridge_short_gaps_and_blurring_goes_further():
    seen = [*range(30, 40), *range(50, 60), *range(120, 130)]
    timeline = make_timeline(["neutral"], tracks=[seen], n_frames=150)
    (person,) = people.of(timeline, np.arange(150) / 25)
    has_box, is_hidden = np.isfinite(person.box_px[:, 0]), np.isfinite(person.hidden_px[:, 0])
    assert np.flatnonzero(has_box).tolist() == [*range(30, 60), *range(120, 130)]
    # 0.5 s at 25 frames a second before and after.
    assert np.flatnonzero(is_hidden).tolist() == [*range(18, 72), *range(108, 142)]
    assert person.box_px[45, 0] == pytest.approx((person.box_px[39, 0] + person.box_px[50, 0]) / 2, abs=1)


def test_a_picture_of_another_shape_is_fitted():
    layout = Layout.of(641, 361, 2)
    assert layout.size == (640, 360 + 2 * layout.lane)
    canvas = drawing.blank(layout)
    part, scale = drawing.fit(np.full((361, 641, 3), 9, np.uint8), layout, canvas)
    assert (part.shape, scale) == ((360, 640, 3), 1.0)
    part, scale = drawing.fit(np.full((1280, 720, 3), 200, np.uint8), layout, canvas)
    assert (part.shape, scale) == ((360, 202, 3), 360 / 1280)
    assert canvas[:360, :200].max() == 0
    assert canvas[100, 320].tolist() == [200] * 3
