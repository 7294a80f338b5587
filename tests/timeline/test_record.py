"""The terminal's table of a timeline."""

from __future__ import annotations

from builders import make_timeline

from fervideo.timeline import describe


class TestDescribe:
    def test_one_line_per_face(self) -> None:
        shown = [["neutral"] * 6 + ["happiness"] * 4, "fear"]
        assert describe(make_timeline(shown, tracks=[range(10), range(2, 5)])) == (
            "face  coverage  mostly     share of time               events\n"
            "0     100%      happiness  neutral 60%, happiness 40%  1\n"
            "1     30%       fear       fear 100%                   1\n"
            "\n"
            "face  looks at camera  left  right  up  down  smiles  talks  blinks/min\n"
            "0     100%             0%    0%     0%  0%    0%      0%     0\n"
            "1     100%             0%    0%     0%  0%    0%      0%     0\n"
            "left and right are the person's own; talks is judged by sight"
        )

    def test_small_shares_are_left_out(self) -> None:
        assert "happiness" not in describe(make_timeline([["neutral"] * 149 + ["happiness"]], n_frames=150))

    def test_no_face_and_damage_are_said(self) -> None:
        timeline = make_timeline([], n_frames=3, tracks=[], ends_early="is cut short")
        assert describe(timeline) == "no face found\ndamaged: is cut short"

    def test_notes_come_last(self) -> None:
        timeline = make_timeline([], n_frames=3, tracks=[], provenance={"notes": ["the pictures begin late"]})
        assert describe(timeline) == "no face found\nnote: the pictures begin late"
