"""CSV files: their exact text, the round trip, and errors."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from builders import event_settings, make_info, make_random_timeline, make_timeline
from pandas.testing import assert_frame_equal

from fervideo import atomic, columns, read_timeline
from fervideo.errors import OutputError, UsageError
from fervideo.outputs import csv
from fervideo.records import EXPRESSIONS
from fervideo.timeline import Timeline


class TestFiles:
    """The schema, literally."""

    @pytest.fixture
    def saved(self, tmp_path: Path) -> dict[str, Path]:
        # Face 0: seen, bridged, seen; then a frame without a face.
        timeline = make_timeline([["neutral", "neutral", "happiness"]], event_settings(), n_frames=4, tracks=[(0, 2)])
        return timeline.save(tmp_path)

    def test_timeline(self, saved: dict[str, Path]) -> None:
        assert saved["timeline"].name == "clip.timeline.csv"
        # `tests/test_columns.py` has the names of the further columns.
        lines = saved["timeline"].read_bytes().decode().splitlines()
        assert "".join(",".join(line.split(",")[:37]) + "\n" for line in lines) == (
            "frame,time_s,face,status,expression,confidence,"
            "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt,"
            "raw_neutral,raw_happiness,raw_surprise,raw_sadness,raw_anger,raw_disgust,raw_fear,raw_contempt,"
            "valence,box_x_px,box_y_px,box_w_px,box_h_px,"
            "yaw_deg,pitch_deg,roll_deg,eye_open_left,eye_open_right,mouth_open,smile,brow_raise,brow_furrow,"
            "media_time_s\n"
            "0,0.0,0,ok,neutral,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.0,100.0,80.0,50.0,60.0,0.0,0.12,0.25,0.375,0.5,0.625,0.75,0.875,1.0,0.0\n"
            "1,0.04,0,gap,neutral,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,,,,,,,,,0.0,,,,,,,,,,,,,,0.04\n"
            "2,0.08,0,ok,happiness,0.93,0.01,0.93,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.92,101.0,80.0,50.0,60.0,0.0,0.12,0.25,0.375,0.5,0.625,0.75,0.875,1.0,0.08\n"
            "3,0.12,,no_face,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,0.12\n"
        )

    def test_events(self, saved: dict[str, Path]) -> None:
        assert saved["events"].read_bytes().decode() == (
            "face,expression,onset_s,apex_s,offset_s,duration_s,mean_confidence,peak_confidence,"
            "media_onset_s,kind,amplitude,rise_s,second_expression,second_confidence,uncertain\n"
            "0,neutral,0.0,0.0,0.08,0.08,0.93,0.93,0.0,expression,,,happiness,0.01,0\n"
            "0,happiness,0.08,0.08,0.12,0.04,0.93,0.93,0.08,expression,,,neutral,0.01,0\n"
        )

    def test_summary(self, saved: dict[str, Path]) -> None:
        assert saved["summary"].read_bytes().decode() == (
            "video,face,start_s,end_s,coverage,expression,confidence,"
            "clip_p_neutral,clip_p_happiness,clip_p_surprise,clip_p_sadness,"
            "clip_p_anger,clip_p_disgust,clip_p_fear,clip_p_contempt,"
            "time_neutral,time_happiness,time_surprise,time_sadness,time_anger,time_disgust,time_fear,time_contempt,"
            "events_per_min,mean_valence,clip_expression,maybe_face,still,faces_seen,blinks_per_min,closed_share,"
            "towards_share,left_share,right_share,up_share,down_share,smile_share,speaking_share\n"
            "clip.mp4,0,0.0,0.12,0.5,happiness,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.6667,0.3333,0.0,0.0,0.0,0.0,0.0,0.0,1000.0,0.3067,neutral,,,,"
            "0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
        )

    def test_run(self, saved: dict[str, Path]) -> None:
        run = json.loads(saved["run"].read_text(encoding="utf-8"))
        assert (run["status"], run["reason"], run["labels"]) == ("complete", "", list(EXPRESSIONS))
        assert run["video"]["path"] == "clip.mp4"
        assert run["video"]["variable_rate"] is False
        assert run["absolute_path"] == str(Path.cwd() / "clip.mp4")
        events = {"enter": 0.5, "hold": 0.35, "min_duration_s": 0.0, "summary_share": 0.1}
        assert run["settings"]["events"] == events


class TestRoundTrip:
    @pytest.mark.parametrize("entry", ["timeline", "events", "summary", "run"])
    def test_any_of_the_files_leads_to_all(self, tmp_path: Path, entry: str) -> None:
        timeline = make_timeline()
        assert read_timeline(timeline.save(tmp_path)[entry]) == timeline

    @pytest.mark.parametrize(
        "make",
        [
            lambda: make_random_timeline(2),
            lambda: make_random_timeline(3),
            lambda: make_timeline([], n_frames=3, tracks=[]),
            lambda: make_timeline([], n_frames=1, tracks=[], ends_early="x"),
            lambda: make_timeline(path=Path('films/a, "b" é.x.mp4')),
            lambda: make_timeline(path=Path("NA")),
            lambda: make_timeline(path=Path("\udcff.mp4")),
            lambda: make_timeline(path=Path("=SUM(A1)\r\n, 2.mp4")),
            lambda: make_timeline(path=Path("'-1.mp4")),
            lambda: make_timeline(provenance={"frames_per_s": 301.25, "digests": ("a", "b"), "note": "Zoë"}),
        ],
        ids=[
            "two faces",
            "damaged",
            "no face",
            "one frame",
            "commas and quotes",
            "called NA",
            "not UTF-8",
            "a formula in two lines",
            "a formula guarded before",
            "provenance",
        ],
    )
    def test_everything_comes_back(self, tmp_path: Path, make: Callable[[], Timeline]) -> None:
        timeline = make()
        paths = timeline.save(tmp_path / "new" / "folder", stem="x.y")
        back = read_timeline(paths["timeline"])
        for name in ("frames", "events", "summary"):
            assert_frame_equal(getattr(back, name), getattr(timeline, name), check_exact=True)
        assert (back.info, back.labels, back.provenance) == (timeline.info, timeline.labels, timeline.provenance)
        assert back == timeline
        again = back.save(tmp_path / "again", stem="x.y")
        assert all(again[name].read_bytes() == path.read_bytes() for name, path in paths.items())

    def test_a_difference_is_seen(self) -> None:
        assert make_timeline() != make_timeline(["fear"])
        assert make_timeline() != make_timeline(provenance={"seed": 1})
        assert make_timeline() != make_timeline(codec="vp9")

    def test_the_callers_provenance_cannot_hide_the_runs_own(self) -> None:
        assert make_timeline(provenance={"status": "fine"}).provenance["status"] == "complete"

    @pytest.mark.parametrize("missing", ["timeline", "events", "summary", "run"])
    def test_a_missing_file_is_named(self, tmp_path: Path, missing: str) -> None:
        paths = make_timeline().save(tmp_path)
        paths[missing].unlink()
        with pytest.raises(UsageError, match=paths[missing].name):
            read_timeline(tmp_path / "clip.timeline.csv")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("timeline", b""),
            ("timeline", b"a,b\n1,2\n"),
            ("timeline", b"a,b\n1,2,3\n1,2,3,4\n"),
            ("timeline", b"\xff\xfe\x00"),
            ("events", b"face,expression\n0,neutral\n"),
            ("run", b"{"),
            ("run", b"[]"),
            ("run", b'{"video": {"path": "x"}}'),
        ],
    )
    def test_something_else_is_refused(self, tmp_path: Path, name: str, content: bytes) -> None:
        paths = make_timeline().save(tmp_path)
        paths[name].write_bytes(content)
        with pytest.raises(UsageError, match=paths[name].name) as caught:
            read_timeline(paths["timeline"])
        assert "\n" not in str(caught.value)

    def test_missing_columns_are_named(self, tmp_path: Path) -> None:
        paths = make_timeline().save(tmp_path)
        paths["events"].write_text("face,expression,onset_s,apex_s,offset_s,duration_s\n")
        lacks = "mean_confidence, peak_confidence, media_onset_s, kind, amplitude, rise_s"
        with pytest.raises(UsageError, match=rf"\(it lacks {lacks}\)"):
            read_timeline(paths["timeline"])

    def test_a_measure_newer_than_the_file_is_empty(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        timeline = make_timeline()
        paths = timeline.save(tmp_path)
        monkeypatch.setitem(columns.MEASURES, "nose_size", columns.Column(name="nose_size", meaning="size of the nose"))
        frames = read_timeline(paths["timeline"]).frames
        assert frames.columns[-1] == "nose_size"
        assert frames["nose_size"].isna().all()
        assert_frame_equal(frames.drop(columns="nose_size"), timeline.frames)

    def test_results_from_before_the_certainty_of_labels_are_read(self, tmp_path: Path) -> None:
        timeline = make_timeline()
        older = replace(timeline, frames=timeline.frames.drop(columns=list(columns.NEWER)))
        frames = read_timeline(older.save(tmp_path)["timeline"]).frames
        assert frames[list(columns.NEWER)].isna().all(axis=None)
        assert (frames.dtypes == timeline.frames.dtypes).all()

    def test_another_name_is_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "table.csv"):
            with pytest.raises(UsageError, match="not named like a timeline"):
                read_timeline(path)


class TestSaving:
    def test_a_failure_leaves_the_old_files_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_timeline().save(tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        to_csv, calls = csv.to_csv, []

        def fill_the_disk(table: pd.DataFrame, path: Path) -> None:
            calls.append(path)
            to_csv(table, path)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(csv, "to_csv", fill_the_disk)
        with pytest.raises(OutputError, match="No space left on device"):
            make_timeline(["fear"]).save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_an_interrupt_leaves_nothing_either(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(json, "dumps", interrupt)
        tables = dict.fromkeys(("frames", "events", "summary"), pd.DataFrame())
        timeline = Timeline(info=make_info(), labels=EXPRESSIONS, provenance={}, **tables)
        with pytest.raises(KeyboardInterrupt):
            timeline.save(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_the_next_save_removes_the_remains_of_a_kill(self, tmp_path: Path) -> None:
        code = "import sys; from fervideo import atomic; print(atomic.process_name())"
        gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        left = {
            name: tmp_path / f".fervideo-{name}-x1_"
            for name in (gone, atomic.process_name(), "1@elsewhere", "2@elsewhere")
        }
        for folder in left.values():
            folder.mkdir()
            (folder / "timeline").write_text("half")
        os.utime(left["2@elsewhere"], (0, 0))
        make_timeline().save(tmp_path)
        assert [folder.exists() for folder in left.values()] == [False, True, True, False]

    def test_overwrites_earlier_results(self, tmp_path: Path) -> None:
        make_timeline().save(tmp_path)
        timeline = make_timeline(["fear"])
        assert read_timeline(timeline.save(tmp_path)["run"]) == timeline
        assert len(list(tmp_path.iterdir())) == 4

    @pytest.mark.parametrize("below", ["", "sub/folder"])
    def test_a_folder_that_is_a_file_is_named(self, tmp_path: Path, below: str) -> None:
        # Permission bits do not bind root, a file in the way does.
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=str(tmp_path / "file" / below)) as caught:
            make_timeline().save(tmp_path / "file" / below)
        assert "\n" not in str(caught.value)


class TestOverwriting:
    """The rule itself has its tests beside `outputs/run.py`."""

    def save(self, folder: Path, path: str, fingerprint: str, shown: str = "neutral", overwrite: bool = False) -> Path:
        timeline = make_timeline([shown], path=Path(path), fingerprint=fingerprint * 64)
        return timeline.save(folder, "clip", overwrite)["run"]

    @pytest.mark.parametrize(("path", "fingerprint"), [("/a/clip.mp4", "2"), ("/b/clip.mp4", "1")])
    def test_the_same_video_or_the_same_path_is_replaced(self, tmp_path: Path, path: str, fingerprint: str) -> None:
        self.save(tmp_path, "/a/clip.mp4", "1")
        run = self.save(tmp_path, path, fingerprint, "fear")
        assert set(read_timeline(run).frames["expression"]) == {"fear"}

    def test_another_video_is_replaced_only_on_request(self, tmp_path: Path) -> None:
        self.save(tmp_path, "/a/clip.mp4", "1")
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputError) as caught:
            self.save(tmp_path, "/b/clip.mp4", "2", "fear")
        assert str(caught.value) == (
            f"{tmp_path}: clip.run.json is there already, of another video (/a/clip.mp4); "
            "choose another folder with -o, or use --overwrite"
        )
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        run = self.save(tmp_path, "/b/clip.mp4", "2", "fear", overwrite=True)
        assert read_timeline(run).info.path == Path("/b/clip.mp4")

    def test_another_name_is_free(self, tmp_path: Path) -> None:
        self.save(tmp_path, "/a/clip.mp4", "1")
        make_timeline(path=Path("/a/other.mp4"), fingerprint="2" * 64).save(tmp_path)
        assert len(list(tmp_path.iterdir())) == 8

    def test_relative_paths_count_from_where_each_run_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / "a")
        self.save(tmp_path, "clip.mp4", "1")
        self.save(tmp_path, "clip.mp4", "2")
        monkeypatch.chdir(tmp_path / "b")
        with pytest.raises(OutputError, match=r"a/clip\.mp4"):
            self.save(tmp_path, "clip.mp4", "3")

    @pytest.mark.parametrize("moved", range(5))
    def test_a_kill_between_two_files_is_survived(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
    ) -> None:
        replace, left = Path.replace, iter([True] * moved)

        def killed(path: Path, target: Path) -> Path:
            if not next(left, False):
                raise KeyboardInterrupt
            return replace(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed)
            if moved < 4:
                with pytest.raises(KeyboardInterrupt):
                    self.save(tmp_path, "/a/clip.mp4", "1")
        run = self.save(tmp_path, "/a/clip.mp4", "1", "fear")
        assert set(read_timeline(run).frames["expression"]) == {"fear"}

    def test_the_record_comes_last_where_files_are_replaced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace, names = Path.replace, []

        def noted(path: Path, target: Path) -> Path:
            names.append(target.name)
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", noted)
        self.save(tmp_path, "/a/clip.mp4", "1")
        self.save(tmp_path, "/a/clip.mp4", "1")
        assert (names[0], names[-1]) == ("clip.run.json", "clip.run.json")
