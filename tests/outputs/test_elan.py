"""ELAN's .eaf: its text, documents that are extended, and documents of other people."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_timeline

from fervideo.errors import UsageError
from fervideo.outputs import elan
from fervideo.timeline import Timeline

#: A document as ELAN 4.6 wrote it: a video shifted by 0.4 s, slots without a time, a tier that depends on another.
OLD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="me" DATE="2013-01-01T00:00:00+00:00" FORMAT="2.7" VERSION="2.7">
    <!-- mine -->
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/films/s.wav" MIME_TYPE="audio/x-wav"/>
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/films/a &amp; &lt;b&gt;.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="1600"/>
        <PROPERTY NAME="lastUsedAnnotationId">7</PROPERTY>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/>
        <TIME_SLOT TIME_SLOT_ID="ts2"/>
        <TIME_SLOT TIME_SLOT_ID="ts3"/>
        <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="90"/>
        <TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="250"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="ref" PARENT_REF="words" TIER_ID="gloss">
        <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a3">
            <ANNOTATION_VALUE>x</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
        <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a6" ANNOTATION_REF="a3" PREVIOUS_ANNOTATION="a5">
            <ANNOTATION_VALUE>y</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="t" PARTICIPANT="Ann" TIER_ID="words">
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
            <ANNOTATION_VALUE>one</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
            <ANNOTATION_VALUE>two</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
            <ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts4" TIME_SLOT_REF2="ts5">
            <ANNOTATION_VALUE>four</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    </TIER>
    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true"/>
    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="ref" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Subdivision"/>
</ANNOTATION_DOCUMENT>
"""
WORDS = [("words", "Ann", 0.0, 0.03, "one"), ("words", "Ann", 0.03, 0.06, "two"), ("words", "Ann", 0.06, 0.09, "")]
WORDS += [("words", "Ann", 0.09, 0.25, "four"), ("gloss", "", 0.06, 0.075, "x"), ("gloss", "", 0.075, 0.09, "y")]


def rows(path: Path) -> list[tuple[str, str, float, float, str]]:
    return [
        (each.tier, each.participant, round(each.start_s, 6), round(each.end_s, 6), each.label)
        for each in elan.read(path).annotations
    ]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "mine.eaf"
    path.write_text(OLD)
    return path


def test_a_file_has_a_tier_for_each_face_and_kind(tmp_path: Path, timeline: Timeline) -> None:
    path = timeline.save(tmp_path / "out", format="elan")["eaf"]
    assert rows(path) == [
        ("face 0 expression", "", 1.5, 1.7, "neutral"),
        ("face 0 expression", "", 1.7, 1.9, "happiness"),
        ("face 0 blink", "", 1.58, 1.66, "blink"),
        ("face 1 expression", "", 1.7, 1.9, "sadness"),
    ]
    text = path.read_text()
    slots = [int(value) for value in re.findall('TIME_VALUE="(.*?)"', text)]
    assert slots == sorted(slots)
    assert re.findall('CV_ID="(.*?)"', text) == ["fervideo expression", "fervideo blink"]
    assert re.findall('<CVE_VALUE DESCRIPTION="" LANG_REF="und">(.*?)<', text) == [*timeline.labels, "blink"]


def test_the_video_is_named_in_full_and_from_the_folder(tmp_path: Path) -> None:
    timeline = make_timeline(path=tmp_path / "films" / "a & 1.mp4", media_start_s=1.5)
    document = elan.read(timeline.save(tmp_path / "out", format="elan")["eaf"])
    assert document.media == (elan.Medium(f"file://{tmp_path}/films/a & 1.mp4", "../films/a & 1.mp4", 0.0),)
    assert elan.Medium("file:///C:\\films\\a%20b.mp4", "", 0.0).names == ("a%20b.mp4", "a b.mp4")


def test_events_shorter_than_a_slot_stay(tmp_path: Path) -> None:
    timeline = make_timeline(["neutral"], n_frames=1, duration_s=0.0)
    assert rows(timeline.save(tmp_path, format="elan")["eaf"]) == [("face 0 expression", "", 0.0, 0.001, "neutral")]


def test_slots_without_a_time_and_dependent_tiers_are_read(old: Path) -> None:
    assert rows(old) == WORDS
    assert [medium.origin_s for medium in elan.read(old).media] == [0.0, 1.6]


def test_a_document_is_extended_on_its_own_clock(
    old: Path, timeline: Timeline, caplog: pytest.LogCaptureFixture
) -> None:
    copy = elan.extend(timeline, old)
    assert (copy.name, copy.read_text()) == ("mine.eaf.bak", OLD)
    # The video's time is the document's and 1.6 s: the first event begins before the document does.
    own = [("face 0 expression", "", 0.0, 0.1, "neutral"), ("face 0 expression", "", 0.1, 0.3, "happiness")]
    own += [("face 0 blink", "", 0.0, 0.06, "blink"), ("face 1 expression", "", 0.1, 0.3, "sadness")]
    assert sorted(rows(old)) == sorted(WORDS + own)
    text = old.read_text()
    assert "<!-- mine -->" in text
    assert 'lastUsedAnnotationId">11<' in text
    assert re.findall("<CV_ENTRY DESCRIPTION.*>(.*)</CV_ENTRY>", text)[-1] == "blink"
    assert text.index("<TIER ") < text.index("<LINGUISTIC_TYPE") < text.index("<CONTROLLED_VOCABULARY")
    assert caplog.records == []


def test_events_before_the_documents_start_are_counted(
    old: Path, timeline: Timeline, caplog: pytest.LogCaptureFixture
) -> None:
    old.write_text(OLD.replace("1600", "1700"))
    elan.extend(timeline, old)
    assert [row[4] for row in rows(old) if row[0].startswith("face")] == ["happiness", "sadness"]
    with caplog.at_level(logging.WARNING):
        assert [record.getMessage() for record in caplog.records] == [
            "2 events before the document's time 0 are left out"
        ]


def test_a_second_export_replaces_no_tier(old: Path, timeline: Timeline) -> None:
    elan.extend(timeline, old)
    before = old.read_bytes()
    with pytest.raises(UsageError, match="has tiers already that are called face 0 expression, face 0 blink, face 1 e"):
        elan.extend(timeline, old)
    assert old.read_bytes() == before
    renamed = re.sub('TIER_ID="face', 'TIER_ID="earlier face', old.read_text())
    old.write_text(renamed)
    assert elan.extend(timeline, old).name == "mine.eaf.bak2"
    ids = re.findall('ANNOTATION_ID="(.*?)"', old.read_text())
    assert len(ids) == len(set(ids)) == 14
    assert old.read_text().count("<CONTROLLED_VOCABULARY") == 2


def test_a_document_of_another_video_is_left_alone(old: Path, timeline: Timeline) -> None:
    info = replace(timeline.info, path=Path("c.mp4"))
    other = replace(timeline, info=info, provenance={**timeline.provenance, "absolute_path": "/x/c.mp4"})
    with pytest.raises(UsageError, match=r"is about s.wav, a & <b>.mp4, not about c.mp4; give the .eaf of this video"):
        elan.extend(other, old)
    assert old.read_text() == OLD


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is no document of ELAN"),
        ("<html/>", "its root is html"),
        ("<ANNOTATION_DOCUMENT/>", "has no header"),
        (OLD.replace("milliseconds", "PAL-frames"), "counts time in PAL-frames"),
        (OLD.replace('TIME_SLOT_REF1="ts4"', 'TIME_SLOT_REF1="ts9"'), "is damaged"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, timeline: Timeline, content: str, reason: str) -> None:
    path = tmp_path / "x.eaf"
    path.write_text(content)
    with pytest.raises(UsageError, match=reason):
        elan.extend(timeline, path)
    assert path.read_text() == content
