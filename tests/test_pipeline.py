"""The whole way: a video of a real face through real decoding, landmarks, CNN and LSTM."""

import subprocess
import sys
import warnings
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from clips import overwritten, packet_spans

import fervideo
from fervideo import checkpoint, models, observe, pipeline, settings
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.classifiers.nets import resolve_device
from fervideo.columns import prefixed
from fervideo.errors import UsageError, VideoError, WeightsError
from fervideo.sequence.load import SEQUENCE_WEIGHTS


def run(path: Path, *changes: str) -> fervideo.Timeline:
    return fervideo.analyze(path, settings.load(None, [(change, change) for change in changes]))


@pytest.fixture(scope="module")
def timeline(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> fervideo.Timeline:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERVIDEO_CACHE", str(tmp_path_factory.mktemp("cache")))
        return run(face_clip, "run.workers=1")


def test_every_frame_has_its_row_and_its_time(timeline: fervideo.Timeline):
    frames = timeline.frames
    assert sorted(frames["frame"].unique()) == list(range(275))
    np.testing.assert_allclose(frames["time_s"], frames["frame"] / 25, atol=1e-6)
    faceless = frames["frame"].between(150, 199)
    assert (frames.loc[faceless, "status"] == "no_face").all()
    assert (frames.loc[~faceless, "status"] == "ok").all()


def test_rows_hold_probabilities_boxes_and_pose(timeline: fervideo.Timeline):
    seen = timeline.frames[timeline.frames["status"] == "ok"]
    for columns in (prefixed("p"), prefixed("raw")):
        np.testing.assert_allclose(seen[list(columns)].sum(axis=1), 1, atol=1e-6)
    assert (seen["box_x_px"].between(0, 640) & (seen["box_w_px"] > 50)).all()
    assert seen["yaw_deg"].abs().max() < 45
    assert seen["eye_open_left"].between(0.1, 0.6).all()


def test_the_smile_is_seen(timeline: fervideo.Timeline):
    """Eileen Collins smiles in the photograph, from the first frame to the last."""
    assert (timeline.frames.dropna(subset=["face"])["expression"] == "happiness").mean() > 0.98
    assert timeline.summary["expression"].tolist() == ["happiness"]
    assert set(timeline.events["expression"].dropna()) == {"happiness"}
    assert timeline.summary["mean_valence"].min() > 0.3


def test_a_face_that_returns_keeps_its_number(timeline: fervideo.Timeline):
    assert timeline.summary["face"].tolist() == [0]
    assert timeline.summary[["start_s", "end_s"]].to_numpy().tolist() == [[0.0, 11.0]]
    assert timeline.summary["coverage"].round(2).tolist() == [0.82]
    assert timeline.summary["faces_seen"].tolist() == [1]


def test_the_run_is_recorded(timeline: fervideo.Timeline):
    record = timeline.provenance
    assert record["status"] == "complete"
    assert record["video"]["codec"] == "h264"
    assert record["video"]["n_frames"] == record["video"]["header_frames"] == record["frames_decoded"] == 275
    assert record["cache"] == {"segments": 2, "hits": 0}
    assert set(record["weights"]) == {"frame", "sequence"}
    assert {"torch", "mediapipe", "numpy", "fervideo"} <= set(record["versions"])
    assert record["settings"]["faces"]["max_faces"] == "auto"
    assert record["seconds"]["total"] >= record["seconds"]["extract"] > 0


def tables(timeline: fervideo.Timeline) -> list[pd.DataFrame]:
    return [timeline.frames, timeline.events, timeline.summary]


def test_workers_and_cache_change_nothing(
    face_clip: Path, timeline: fervideo.Timeline, own_cache: Path, tmp_path: Path
):
    spread = run(face_clip, "run.workers=4")
    again = run(face_clip)
    uncached = run(face_clip, "run.cache=false", "run.workers=1")
    assert (spread.provenance["cache"]["hits"], again.provenance["cache"]["hits"]) == (0, 2)
    expected = {name: path.read_bytes() for name, path in timeline.save(tmp_path / "one").items() if name != "run"}
    for number, other in enumerate((spread, again, uncached)):
        paths = other.save(tmp_path / str(number))
        assert {name: path.read_bytes() for name, path in paths.items() if name != "run"} == expected
    assert len(list(own_cache.rglob("*.safetensors"))) == 4


def test_a_second_run_decodes_nothing(
    face_clip: Path, timeline: fervideo.Timeline, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    run(face_clip, "run.workers=1")
    monkeypatch.setattr(pipeline.video, "pictures", None)
    monkeypatch.setattr(observe.faces, "open_landmarker", None)
    for one, other in zip(tables(run(face_clip, "tracking.max_gap_s=1")), tables(timeline), strict=True):
        pd.testing.assert_frame_equal(one, other)
    part = run(face_clip, "video.from_s=9.4", "video.to_s=0:10.5")
    assert part.provenance["cache"] == {"segments": 1, "hits": 1}
    assert part.provenance["between_s"] == [9.4, 10.5]
    seen = [*prefixed("raw"), "frame", "time_s", "face", "box_x_px", "yaw_deg"]
    own = timeline.frames[timeline.frames["time_s"].between(9.4, 10.5, inclusive="left")].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.frames[seen], own[seen])


@pytest.mark.parametrize("name", ["svm", "mlp"])
def test_another_classifier_of_landmarks_decodes_nothing(
    face_clip: Path, own_cache: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    alone = run(face_clip, f"classifier.name={name}", "run.cache=false", "run.workers=1")
    run(face_clip, "run.workers=1")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.video, "pictures", None)
        patch.setattr(observe.faces, "open_landmarker", None)
        after = run(face_clip, f"classifier.name={name}", "run.workers=1")
    assert after.provenance["cache"] == {"segments": 2, "hits": 0}
    for one, other in zip(tables(after), tables(alone), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert run(face_clip, "run.workers=1").provenance["cache"]["hits"] == 2


def test_another_classifier_of_crops_looks_for_no_face_again(
    face_clip: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    alone = run(face_clip, "classifier.name=transfer", "run.cache=false", "run.workers=1")
    run(face_clip, "run.workers=1")
    monkeypatch.setattr(observe.faces, "open_landmarker", None)
    after = run(face_clip, "classifier.name=transfer", "run.workers=1")
    for one, other in zip(tables(after), tables(alone), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_a_region_keeps_the_positions_of_the_whole_picture(face_clip: Path, own_cache: Path):
    chosen = ("video.sample_fps=2", "video.to_s=2", "video.rotate=0", "faces.max_faces=1", "run.workers=1")
    whole, part = run(face_clip, *chosen).frames, run(face_clip, *chosen, "video.region=160,0,60%,100%").frames
    boxes = ["box_x_px", "box_y_px", "box_w_px", "box_h_px"]
    np.testing.assert_allclose(part[boxes], whole[boxes], atol=3)
    assert (part["inside"] == 1).all()
    # The middle of the face lies outside this one.
    cut = run(face_clip, *chosen, f"video.region=0,0,{whole['box_x_px'].min() + 60:.0f},100%").frames
    assert not (cut["status"] == "ok").any()


def test_a_stretch_without_a_frame_is_one_line(face_clip: Path):
    with pytest.raises(VideoError, match=r"has no frame from 9\.97 to 9\.98 s; its last is at 10\.96 s; choose"):
        run(face_clip, "video.from_s=9.97", "video.to_s=9.98")


def test_predictions_of_another_precision_are_their_own(face_clip: Path, own_cache: Path):
    chosen = ("video.sample_fps=2", "run.workers=1")
    run(face_clip, "classifier.precision=float32", *chosen)
    assert run(face_clip, "classifier.precision=bfloat16", *chosen).provenance["cache"]["hits"] == 0
    assert run(face_clip, "classifier.precision=float32", *chosen).provenance["cache"]["hits"] == 1


def test_a_second_run_needs_no_torch(face_clip: Path, own_cache: Path, tmp_path: Path):
    first = run(face_clip, "run.workers=1")
    program = (
        "import sys; from fervideo import cli; code = cli.main(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, "timeline", str(face_clip), "-o", str(tmp_path)], check=True)
    again = fervideo.read_timeline(tmp_path / f"{face_clip.stem}.timeline.csv")
    for one, other in zip(tables(first), tables(again), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert again.provenance["device"] == first.provenance["device"]


def test_other_smoothing_needs_no_decoding(face_clip: Path, own_cache: Path):
    first = run(face_clip, "run.workers=1")
    second = run(face_clip, "sequence.smooth_s=0.5", "events.min_duration_s=1", "tracking.max_gap_s=0.1")
    assert second.provenance["cache"]["hits"] == 2
    pd.testing.assert_frame_equal(first.frames[prefixed("raw")], second.frames[prefixed("raw")])


@pytest.mark.parametrize("name", ["transfer", "svm", "mlp"])
def test_every_classifier_makes_a_timeline(face_clip: Path, name: str, own_cache: Path):
    chosen = (f"classifier.name={name}", "video.sample_fps=4", "run.workers=1")
    first, again = run(face_clip, *chosen), run(face_clip, *chosen)
    assert (first.frames.dropna(subset=["face"])["expression"] == "happiness").mean() > 0.9
    assert first.provenance["settings"]["classifier"]["name"] == name
    own = settings.load(None, [("", chosen[0])])
    assert first.provenance["weights"] == models.resolve(own).digests
    assert first.provenance["weights"]["frame"] == checkpoint.digest(checkpoint.SHIPPED / f"{name}.safetensors")
    assert again.provenance["cache"]["hits"] == 1
    pd.testing.assert_frame_equal(first.frames, again.frames)
    assert run(face_clip, *chosen[1:]).provenance["cache"]["hits"] == 0, "another classifier's features are its own"


def test_a_sequence_model_of_another_classifier_is_refused(face_clip: Path, own_cache: Path):
    ours, theirs = (checkpoint.digest(checkpoint.SHIPPED / f"{name}.safetensors") for name in ("frame", "svm"))
    with pytest.raises(WeightsError, match=f"made for frame_cnn = '{ours}', here it is '{theirs}'"):
        run(face_clip, "classifier.name=svm", f"sequence.model={SEQUENCE_WEIGHTS}")
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors: no such file"):
        run(face_clip, "classifier.weights=nowhere.safetensors")


@pytest.mark.parametrize("stage", ["faces", "predictions"])
def test_a_damaged_cache_entry_is_made_anew(
    face_clip: Path, timeline: fervideo.Timeline, own_cache: Path, stage: str, caplog: pytest.LogCaptureFixture
):
    run(face_clip, "run.workers=1")
    entry = next(
        path
        for path in sorted(own_cache.rglob("00001.*.safetensors"))
        if (".faces." in path.name) == (stage == "faces")
    )
    entry.write_bytes(entry.read_bytes()[:5000])
    mended = run(face_clip)
    assert "is made again" in caplog.text
    for one, other in zip(tables(mended), tables(timeline), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_sampling_keeps_frames_and_times(face_clip: Path, own_cache: Path):
    frames = run(face_clip, "video.sample_fps=5").frames
    assert frames["frame"].tolist() == list(range(0, 275, 5))
    np.testing.assert_allclose(frames["time_s"], frames["frame"] / 25, atol=1e-6)
    assert (frames.dropna(subset=["face"])["expression"] == "happiness").mean() > 0.9


def test_a_run_that_cannot_work_is_refused_before_the_work(face_clip: Path, tmp_path: Path, own_cache: Path):
    with pytest.raises(VideoError, match=r"none\.mp4"):
        run(tmp_path / "none.mp4")
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors: no model found"):
        run(face_clip, f"sequence.model={tmp_path / 'nowhere.safetensors'}")
    with pytest.raises(WeightsError, match="made for kind = 'frame_cnn', here it is 'sequence_lstm"):
        run(face_clip, f"sequence.model={CNN_WEIGHTS}")
    if resolve_device("auto") == "cpu":
        with pytest.raises(UsageError, match="no CUDA device"):
            run(face_clip, "run.device=cuda")
    assert not own_cache.exists()


def test_real_clips(shared: Path, own_cache: Path):
    """Sadness, then joy: every frame has a row, and both stretches are recognised."""
    clip = shared / "clips" / "WolfgangLanger_Pexels.mp4"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timeline = run(clip)
    frames = timeline.frames
    assert frames["frame"].tolist() == list(range(472))
    sad, happy = frames[frames["time_s"] < 5.6], frames[frames["time_s"] >= 11]
    assert (sad["expression"] == "sadness").mean() > 0.9
    assert (happy["expression"] == "happiness").mean() > 0.98
    assert timeline.summary["coverage"].tolist() == [1.0]


@pytest.fixture(scope="module")
def damaged_clip(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lose the packet of frame 160, in a stretch without a face that ends with a cut, and so with a keyframe."""
    start, length = packet_spans(face_clip)[160]
    return overwritten(face_clip, start, bytes(length)).rename(tmp_path_factory.mktemp("clips") / "damaged.mp4")


def test_a_damaged_clip_goes_on_at_the_next_keyframe(
    damaged_clip: Path, timeline: fervideo.Timeline, own_cache: Path, tmp_path: Path
):
    broken = run(damaged_clip, "run.workers=1")
    lost = broken.frames["status"] == "damaged"
    assert broken.frames["frame"].tolist() == timeline.frames["frame"].tolist()
    assert {160, *range(164, 200)} <= set(broken.frames.loc[lost, "frame"]) <= set(range(150, 200))
    assert broken.frames.loc[lost, "face"].isna().all()
    assert broken.provenance["status"] == "damaged"
    assert broken.provenance["frames_decoded"] == 275 - lost.sum()
    assert broken.damage.startswith(f"{lost.sum()} of 275 frames cannot be decoded, 6.")
    # All values outside are those of the whole clip.
    assert broken.frames.loc[~lost, "face"].equals(timeline.frames.loc[~lost, "face"])
    np.testing.assert_allclose(broken.frames.loc[~lost, "box_x_px"], timeline.frames.loc[~lost, "box_x_px"], atol=1.5)
    assert fervideo.read_timeline(broken.save(tmp_path)["run"]) == broken
    for other in (run(damaged_clip, "run.workers=2", "run.cache=false"), run(damaged_clip)):
        for one, another in zip(tables(broken), tables(other), strict=True):
            pd.testing.assert_frame_equal(one, another)


def test_a_video_that_stands_on_its_head_is_turned(
    face_clip: Path, tmp_path: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
):
    """Known from a first run: the second looks at no picture."""
    clip = tmp_path / "hanging.mp4"
    hang(face_clip, clip, 40)
    changes = {"video.sample_fps": 5.0, "run.workers": 1}
    for _ in range(2):
        timeline = fervideo.analyze(clip, changes)
        assert timeline.info.rotation_deg == 180
        assert timeline.summary["expression"].tolist() == ["happiness"]
        assert abs(timeline.frames["roll_deg"]).max() < 30
        assert "turned by 180 degrees; --rotate 0 leaves it" in caplog.text
        caplog.clear()
    assert timeline.provenance["cache"]["hits"] == 1
    assert fervideo.analyze(clip, changes, rotate=0).info.rotation_deg == 0
    assert not caplog.text


def hang(path: Path, copy: Path, n: int) -> None:
    """Write the first frames of a clip upside down."""
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = (
            source.streams.video[0].width,
            source.streams.video[0].height,
            "yuv420p",
        )
        for frame in islice(source.decode(video=0), n):
            picture = frame.to_ndarray(format="rgb24")[::-1, ::-1]
            turned = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            turned.pts, turned.time_base = frame.pts, frame.time_base
            container.mux(stream.encode(turned))
        container.mux(stream.encode(None))
