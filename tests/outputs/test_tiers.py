"""Events as tiers."""

from __future__ import annotations

import pytest
from builders import event_settings, make_timeline

from fervideo.outputs import tiers
from fervideo.outputs.tiers import Span
from fervideo.timeline import Timeline


def test_a_tier_for_each_face_and_kind(timeline: Timeline) -> None:
    found = tiers.of_events(timeline)
    assert [tier.name for tier in found] == ["face 0 expression", "face 0 blink", "face 1 expression"]
    assert found[0].spans == (Span(1.5, 1.7, "neutral"), Span(1.7, 1.9, "happiness"))
    assert found[1].spans == (Span(1.58, 1.66, "blink"),)


def test_a_table_without_kinds_has_expressions(timeline: Timeline) -> None:
    timeline.events.drop(columns="kind", inplace=True)
    timeline.events.drop(index=3, inplace=True)
    assert [tier.kind for tier in tiers.of_events(timeline)] == ["expression"] * 2


def test_uncertain_expressions_have_a_tier_of_their_own(timeline: Timeline) -> None:
    timeline.events.loc[[0, 2], "uncertain"] = 1
    found = {tier.name: tier.spans for tier in tiers.of_events(timeline)}
    assert found["face 0 expression"] == (Span(1.5, 1.7, "neutral"), Span(1.7, 1.9, "happiness"))
    assert found["face 0 uncertain"] == (Span(1.5, 1.7, "uncertain"),)
    assert found["face 1 uncertain"] == (Span(1.7, 1.9, "uncertain"),)


def test_no_event_goes_on_after_the_video() -> None:
    timeline = make_timeline(settings=event_settings(), n_frames=3, time_s=[0.0, 0.16, 0.32], duration_s=0.4)
    assert timeline.events["offset_s"].tolist() == [0.48]
    assert tiers.of_events(timeline)[0].spans[0].end_s == 0.4


@pytest.mark.parametrize(
    ("spans", "origin_ms", "expected"),
    [
        ([(0.0, 0.0004, "a"), (0.0004, 1.0, "b")], 0, [(0, 1, "a"), (1, 1000, "b")]),
        (
            [(0.0005, 0.0015, "a"), (0.0015, 0.002, "b"), (3.0, 4.0, "c")],
            0,
            [(0, 2, "a"), (2, 3, "b"), (3000, 4000, "c")],
        ),
        ([(0.0, 1.0, "a"), (1.0, 2.0, "b"), (2.0, 3.0, "c")], 1500, [(0, 500, "b"), (500, 1500, "c")]),
        ([(0.0, 1.0, "a")], -250, [(250, 1250, "a")]),
    ],
)
def test_milliseconds_neither_vanish_nor_overlap(
    spans: list[tuple[float, float, str]], origin_ms: int, expected: list[tuple[int, int, str]]
) -> None:
    assert list(tiers.milliseconds([Span(*span) for span in spans], origin_ms)) == expected


def test_characters_that_xml_cannot_have_are_replaced() -> None:
    assert tiers.printable("a\x01\udcff\ufffe b\tü") == "a\ufffd\ufffd\ufffd b\tü"
