"""WebVTT: captions and metadata cues."""

from __future__ import annotations

import json
import re
from pathlib import Path

from builders import event_settings, make_timeline

from fervideo.timeline import Timeline


def test_captions_name_face_and_expression(tmp_path: Path, timeline: Timeline) -> None:
    text = timeline.save(tmp_path, format="webvtt")["captions"].read_text()
    assert text == (
        "WEBVTT\n\n"
        "00:00:01.500 --> 00:00:01.700\nface 0: neutral\n\n"
        "00:00:01.700 --> 00:00:01.900\nface 0: happiness\n\n"
        "00:00:01.700 --> 00:00:01.900\nface 1: sadness\n\n"
    )


def test_labels_cannot_end_a_cue(tmp_path: Path) -> None:
    timeline = make_timeline(settings=event_settings())
    timeline.events["expression"] = "a --> b\n\n<i>&"
    text = timeline.save(tmp_path, format="webvtt")["captions"].read_text()
    assert text.endswith("\nface 0: a --&gt; b &lt;i&gt;&amp;\n\n")


def test_metadata_has_a_cue_for_each_frame_with_a_face(tmp_path: Path) -> None:
    timeline = make_timeline(["neutral", "fear"], n_frames=4, tracks=[(0, 2), (2,)], media_start_s=3599.0)
    timeline.frames.loc[0, "expression"] = "-->"
    text = timeline.save(tmp_path, format="webvtt")["metadata"].read_text()
    cues = re.findall(r"(\S+) --> (\S+)\n(.*)\n", text)
    assert [cue[:2] for cue in cues] == [
        ("00:59:59.000", "00:59:59.040"),
        ("00:59:59.040", "00:59:59.080"),
        ("00:59:59.080", "00:59:59.120"),
    ]
    first, gap, last = (json.loads(cue[2]) for cue in cues)
    assert first["faces"][0]["expression"] == "-->"
    assert "raw_neutral" not in gap["faces"][0]
    assert [(face["face"], face["expression"]) for face in last["faces"]] == [(0, "neutral"), (1, "fear")]


def test_metadata_cues_of_thinned_frames_follow_one_another(tmp_path: Path) -> None:
    text = make_timeline(n_frames=75).save(tmp_path, format="webvtt", hz=1)["metadata"].read_text()
    assert re.findall(r"(\S+) --> (\S+)", text) == [
        (f"00:00:0{second}.000", f"00:00:0{second + 1}.000") for second in range(3)
    ]
