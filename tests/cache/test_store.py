"""The shard store: segments come out as they went in, and a damaged file counts as missing."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from safetensors.numpy import load, save

from fervideo import cache, settings
from fervideo.cache import Cache, files
from fervideo.errors import OutputError
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import (
    EXPRESSIONS,
    LOOK_SHAPE,
    THUMBNAIL_SHAPE,
    ClipExpressions,
    DetectedFaces,
    FramePredictions,
    SegmentFaces,
    TrackExpressions,
)
from fervideo.settings import Settings, resolved

FINGERPRINT = "ab" * 32


def make_shard(
    segment: int = 0, n: int = 12, faces: int = 10, size_px: float = 500.0, damage: str = ""
) -> SegmentFaces:
    rng = np.random.default_rng(segment)
    frame = segment * 256 + np.arange(n)
    centre = rng.uniform(300, 3000, (faces, 1, 3)) * (1, 1, 0)
    landmarks = (centre + rng.uniform(-0.5, 0.5, (faces, N_LANDMARKS, 3)) * size_px).astype(np.float32)
    xy = landmarks[..., :2]
    return SegmentFaces(
        segment=segment,
        frame=frame,
        time_s=frame / 29.97,
        sound=frame % 5 > 0,
        size_px=np.tile((4000, 3000), (n, 1)),
        thumbnail=rng.integers(0, 256, (n, *THUMBNAIL_SHAPE)).astype(np.uint8),
        faces=DetectedFaces(
            frame=frame[np.sort(rng.integers(0, n, faces))] if faces else np.empty(0, np.int64),
            box_px=np.concatenate([xy.min(1), xy.max(1)], 1) if faces else np.empty((0, 4), np.float32),
            landmarks_px=landmarks,
            alignment=rng.normal(size=(faces, 2, 3)),
            blur=rng.random(faces, np.float32),
            brightness=rng.random(faces, np.float32),
            look=rng.integers(0, 256, (faces, *LOOK_SHAPE)).astype(np.uint8),
            confirmation=np.where(rng.random(faces) < 0.5, np.nan, 0.9).astype(np.float32),
        ),
        damage=damage,
    )


def make_predictions(faces: int = 10) -> FramePredictions:
    rng = np.random.default_rng(faces)
    return FramePredictions(
        embedding=rng.normal(size=(faces, 128)).astype(np.float32),
        logits=rng.normal(size=(faces, len(EXPRESSIONS))).astype(np.float32),
    )


def put(store: Cache, segment: int = 0) -> None:
    """Store both stages of a segment."""
    store.put_faces(make_shard(segment))
    store.put_predictions(segment, make_predictions())


def assert_same(a: SegmentFaces, b: SegmentFaces, landmarks_px: float = 0.0) -> None:
    assert (a.segment, a.damage, a.rotate_deg) == (b.segment, b.damage, b.rotate_deg)
    for name in ("frame", "time_s", "sound", "size_px", "thumbnail"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("frame", "box_px", "alignment", "blur", "brightness"):
        np.testing.assert_array_equal(getattr(a.faces, name), getattr(b.faces, name))
    np.testing.assert_allclose(a.faces.landmarks_px, b.faces.landmarks_px, rtol=0, atol=landmarks_px)


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    return Cache(name="clip", base=tmp_path, classifier="cnn")


@pytest.mark.parametrize("faces", [0, 1, 10])
def test_round_trip(store: Cache, faces: int) -> None:
    shard = make_shard(3, faces=faces, damage="frame 800 is broken: “Bild kaputt”")
    shard = replace(shard, rotate_deg=180, size_px=shard.size_px + np.arange(len(shard.frame))[:, None])
    assert not store.has_faces(3)
    assert store.faces(3) is None
    store.put_faces(shard)
    assert store.has_faces(3)
    read = store.faces(3)
    assert read is not None
    assert_same(read, shard, landmarks_px=0.01)


def test_reading_twice_and_writing_again_gives_the_same(store: Cache) -> None:
    store.put_faces(make_shard())
    first, second = store.faces(0), store.faces(0)
    assert first is not None
    assert second is not None
    assert_same(first, second)
    stored = store.faces_path(0).read_bytes()
    store.put_faces(make_shard())
    assert store.faces_path(0).read_bytes() == stored


@pytest.mark.parametrize(("size_px", "off_px"), [(30, 0.001), (500, 0.01), (3000, 0.06)])
def test_landmarks_are_off_by_little(store: Cache, size_px: float, off_px: float) -> None:
    shard = make_shard(size_px=size_px)
    store.put_faces(shard)
    read = store.faces(0)
    assert read is not None
    np.testing.assert_allclose(read.faces.landmarks_px, shard.faces.landmarks_px, rtol=0, atol=off_px)


def rewritten(path: Path, **changes: object) -> None:
    """Write a file again with other arrays or another header, its checksums right."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["fervideo"])
    arrays = load(content)
    for name, value in changes.items():
        (arrays if isinstance(value, np.ndarray) else header)[name] = value
    sealed = {name: value for name, value in header.items() if name not in ("crc32", "seal")}
    path.write_bytes(files._sealed(arrays, **sealed))


def zeroed(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-2000] + bytes(2000))


def folder_instead(path: Path) -> None:
    path.unlink()
    (path / "below").mkdir(parents=True)


DAMAGES = {
    "a folder in its place": folder_instead,
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "last byte gone": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "text": lambda path: path.write_text("not a shard" * 50),
    "block of zeros": zeroed,
    "no header": lambda path: path.write_bytes(save({"frame": np.zeros(3)})),
    "header is a list": lambda path: path.write_bytes(save({"frame": np.zeros(3)}, {"fervideo": "[1]"})),
    "header is no JSON": lambda path: path.write_bytes(save({"frame": np.zeros(3)}, {"fervideo": "{"})),
    "other version": lambda path: rewritten(path, version=files.FACES_VERSION + 1),
    "other segment": lambda path: rewritten(path, segment=5),
    "array missing": lambda path: path.write_bytes(
        save({"box_px": np.zeros((1, 4), np.float32)}, {"fervideo": '{"version": 1, "segment": 0}'})
    ),
    "other shape": lambda path: rewritten(path, thumbnail=np.zeros((12, 5, 5), np.uint8)),
    "other length": lambda path: rewritten(path, time_s=np.zeros(11)),
    "other dtype": lambda path: rewritten(path, blur=np.zeros(10)),
    "other number of landmarks": lambda path: rewritten(path, landmark_steps=np.zeros((10, 68, 3), np.int16)),
}


def test_no_byte_of_a_header_changes_unseen(store: Cache) -> None:
    store.put_faces(make_shard(faces=1))
    path = store.faces_path(0)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for at in range(8, 8 + int.from_bytes(content[:8], "little"), 5):
        # A digit for a digit is still JSON, and a letter may make another dtype.
        flipped, other = content[at] ^ (1 << random.integers(8)), b"IUFB0123"[at % 8]
        for value in {int(flipped), other} - {content[at], 0x20}:
            path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
            with pytest.raises(files.DAMAGE):
                files.read_faces(path, 0)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "fervideo"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_logged_and_a_miss(store: Cache, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    put(store)
    assert store.has(0)
    DAMAGES[damage](store.faces_path(0))
    assert store.faces(0) is None
    (message,) = messages(caplog)
    assert re.search(r"00000\.faces\.safetensors: cached file is damaged .*; it is made again", message)
    assert "\n" not in message
    assert not store.has(0)
    put(store)
    assert store.faces(0) is not None
    assert store.has(0)


def test_predictions_come_back_as_they_were(store: Cache) -> None:
    put(store)
    read, written = store.predictions(0), make_predictions()
    assert read is not None
    np.testing.assert_array_equal(read.embedding, written.embedding)
    np.testing.assert_array_equal(read.logits, written.logits)


def test_predictions_of_each_classifier_are_their_own(store: Cache) -> None:
    put(store)
    other = dataclasses.replace(store, classifier="svm")
    assert other.has_faces(0)
    assert not other.has(0)
    assert other.predictions(0) is None
    other.put_predictions(0, make_predictions())
    assert store.has(0)
    assert other.has(0)


def test_new_faces_make_predictions_void(store: Cache) -> None:
    put(store)
    put(store, 1)
    store.put_faces(make_shard())
    assert not store.has(0)
    assert store.has(1)


@pytest.mark.parametrize("spoil", [lambda content: b"", lambda content: content[:-8] + bytes(8)])
def test_damaged_predictions_are_logged_and_a_miss(store: Cache, spoil, caplog: pytest.LogCaptureFixture) -> None:
    put(store)
    path = store.predictions_path(0)
    path.write_bytes(spoil(path.read_bytes()))
    assert store.predictions(0) is None
    assert "cached file is damaged" in messages(caplog)[0]
    assert store.has_faces(0)
    assert not store.has(0)


def test_a_segment_travels_as_bytes(store: Cache, tmp_path: Path) -> None:
    put(store)
    there = dataclasses.replace(store, base=tmp_path / "there")
    there.adopt(0, store.contents(0))
    assert there.has(0)
    assert there.contents(0) == store.contents(0)


def write_often(store: Cache, barrier: multiprocessing.synchronize.Barrier) -> None:
    barrier.wait(30)
    for _ in range(40):
        store.put_faces(make_shard())


def test_two_processes_write_the_same_segment(store: Cache) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    writers = [context.Process(target=write_often, args=(store, barrier)) for _ in range(2)]
    for writer in writers:
        writer.start()
    barrier.wait(30)
    reads = 0
    while any(writer.is_alive() for writer in writers):
        if store.has_faces(0):
            # A half-written file would count as damaged.
            assert store.faces(0) is not None
            reads += 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert reads > 0
    assert [path.name for path in store.folder.iterdir()] == ["00000.faces.safetensors"]


def test_store_can_be_sent_to_a_worker(store: Cache) -> None:
    store.put_faces(make_shard())
    assert pickle.loads(pickle.dumps(store)).faces(0) is not None


def test_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Cache(name="clip", base=tmp_path / "file", classifier="cnn")
    assert store.faces(0) is None
    with pytest.raises(
        OutputError, match=r"file/clip: the cache cannot be written \(.*\); set FERVIDEO_CACHE .*--no-cache"
    ):
        store.put_faces(make_shard())


def test_full_disk_is_an_output_error_and_leaves_nothing(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_written(path: Path, content: bytes) -> int:
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(OutputError, match=r"No space left on device"):
        store.put_faces(make_shard())
    assert list(store.folder.iterdir()) == []


def folder(
    fingerprint: str = FINGERPRINT, changes: dict[str, dict[str, object]] | None = None, weights: str = "w1"
) -> Path:
    return Cache.of_clip(fingerprint, resolved(changes or {}, "test"), weights, "m1").folder


def test_key_changes_with_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        folder(),
        folder(FINGERPRINT[:-1] + "0"),
        folder(changes={"video": {"sample_fps": 10}}),
        folder(changes={"faces": {"max_faces": 2}}),
    ]
    monkeypatch.setattr(files, "FACES_VERSION", files.FACES_VERSION + 1)
    folders.append(folder())
    assert len(set(folders)) == len(folders)


@pytest.mark.parametrize(
    "changes",
    [
        {"tracking": {"max_gap_s": 2}},
        {"sequence": {"smooth_s": 1}},
        {"events": {"enter": 0.6}},
        {"run": {"workers": 4}},
        {"video": {"sample_fps": None}},
        {"classifier": {"name": "svm"}},
    ],
)
def test_settings_that_change_no_feature_keep_the_key(changes: dict[str, dict[str, object]]) -> None:
    assert folder(changes=changes) == folder()
    assert Cache.of_clip(FINGERPRINT, Settings(), "w1", "m1").folder == folder() == folder(weights="w2")


def test_environment_names_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "elsewhere"))
    assert cache.root() == tmp_path / "elsewhere"
    assert folder().parent == tmp_path / "elsewhere"
    monkeypatch.setenv("FERVIDEO_CACHE", "")
    assert "fervideo" in cache.root().parts


def test_clear_removes_clips_behind_a_url_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERVIDEO_CACHE", f"file://{tmp_path}/shared")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "own"))
    cache.clear()
    Cache.of_clip(FINGERPRINT, Settings(), "w1", "m1").put_faces(make_shard())
    (tmp_path / "shared" / "mine.mp4").write_bytes(b"x")
    assert [len(list((tmp_path / name).iterdir())) for name in ("shared", "own")] == [2, 1]
    cache.clear()
    assert [path.name for path in tmp_path.rglob("*")] == ["shared", "own", "mine.mp4"]


def test_size_and_clear_touch_cached_clips_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "cache"))
    assert cache.size() == (0, 0)
    cache.clear()
    for clip in ("ab", "cd"):
        store = Cache.of_clip(clip * 32, Settings(), "w1", "m1")
        for segment in range(2):
            store.put_faces(make_shard(segment))
    mine = tmp_path / "cache" / "holiday.mp4"
    mine.write_bytes(b"x" * 1000)
    (tmp_path / "cache" / "photos").mkdir()
    n_bytes, n_clips = cache.size()
    assert n_clips == 2
    assert n_bytes == sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.safetensors"))
    cache.clear()
    assert cache.size() == (0, 0)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["holiday.mp4", "photos"]


def test_prune_takes_the_clips_used_longest_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "cache"))
    assert cache.prune(0) == (0, 0)
    stores = [Cache.of_clip(clip * 32, Settings(), "w1", "m1") for clip in ("ab", "cd", "ef")]
    for age, store in enumerate(stores):
        store.put_faces(make_shard())
        os.utime(store.folder, (1000 + age, 1000 + age))
    one = cache.size()[0] // 3
    stores[0].touch()
    assert cache.prune(3 * one) == (0, 0)
    assert cache.prune(2 * one + 10) == (one, 1)
    assert [store.has_faces(0) for store in stores] == [True, False, True]
    assert cache.prune(0) == (2 * one, 2)
    assert cache.size() == (0, 0)


def hold(store: Cache, held: multiprocessing.synchronize.Event, done: multiprocessing.synchronize.Event) -> None:
    assert store.lock(0)
    held.set()
    done.wait(30)


def test_a_lock_holds_as_long_as_its_process_lives(store: Cache) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(store, held, done))
    other.start()
    held.wait(30)
    assert not store.lock(0)
    assert store.lock(1)
    done.set()
    other.join()
    assert store.lock(0)
    assert not store.lock(0)
    store.unlock(0)
    assert store.lock(0)


@pytest.mark.parametrize("text", ["", "123 another machine"])
def test_a_lock_without_a_known_owner_holds_for_a_while(store: Cache, text: str) -> None:
    store.folder.mkdir()
    path = store.folder / "00000.lock"
    path.write_text(text)
    assert not store.lock(0)
    os.utime(path, (1000, 1000))
    assert store.lock(0)


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_url_holds_the_segments_for_machines_without_a_common_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    url = f"{scheme}://{tmp_path}/bucket"
    monkeypatch.setenv("FERVIDEO_CACHE", url)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "here"))
    here = Cache.of_clip(FINGERPRINT, Settings(), "w1", "m1")
    assert not here.has_faces(0)
    assert here.faces(0) is None
    shard = make_shard()
    here.put_faces(shard)
    own, sent = here.faces_path(shard.segment), pickle.dumps(here)
    # Another machine gets the store from the driver, and has a disk of its own.
    monkeypatch.delenv("FERVIDEO_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "there"))
    there = pickle.loads(sent)
    assert there.folder.parent == tmp_path / "there"
    assert there.has_faces(shard.segment)
    found = there.faces(shard.segment)
    assert found is not None
    assert there.faces_path(shard.segment).read_bytes() == own.read_bytes()
    there.drop()
    assert not there.has_faces(shard.segment)


def test_a_store_that_fails_leaves_no_copy_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run would take the copy for done, and the store would never get the segment."""
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path))
    store = Cache(name="clip", base="nosuch://bucket", classifier="cnn")
    with pytest.raises(OutputError, match="cannot be reached"):
        store.put_faces(make_shard())
    assert not store.faces_path(make_shard().segment).exists()


def test_a_url_that_leads_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"nosuch://bucket/.* cannot be reached"):
        Cache.of_clip(FINGERPRINT, Settings(), "w1", "m1", "nosuch://bucket").has(0)


def make_expressions(*lengths: int) -> ClipExpressions:
    rng = np.random.default_rng(0)
    shares = [rng.dirichlet(np.ones(3), 1 + n).astype(np.float32) for n in lengths]
    tracks = [TrackExpressions(track, 7 * track + np.arange(len(p) - 1), p[1:], p[0]) for track, p in enumerate(shares)]
    return ClipExpressions(tuple(tracks), ("calm", "glad", "sad"), "cpu")


@pytest.mark.parametrize("lengths", [(), (5,), (5, 1, 9)])
def test_expressions_come_back_as_they_were(store: Cache, lengths: tuple[int, ...]):
    written = make_expressions(*lengths)
    store.put_expressions(written)
    again = store.expressions()
    assert again is not None
    assert (again.labels, again.device, len(again.tracks)) == (written.labels, "cpu", len(lengths))
    for one, other in zip(again.tracks, written.tracks, strict=True):
        assert one.track == other.track
        for name in ("frame", "probabilities", "clip_probabilities"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_expressions_are_those_of_both_models_and_of_some_settings(tmp_path: Path):
    def of(change: str = "run.workers=2", classifier: str = "w1", model: str = "m1") -> Cache:
        return Cache.of_clip(FINGERPRINT, settings.load(None, [("", change)]), classifier, model, tmp_path)

    of().put_expressions(make_expressions(5))
    for other in (of(model="m2"), of(classifier="w2"), of("sequence.smooth_s=0.5"), of("tracking.max_gap_s=0.1")):
        assert other.expressions() is None
        assert other.folder == of().folder
    later = ("events.min_duration_s=1", "sequence.uncertain_below=0.5", "sequence.certain_from=0.5")
    for same in (*later, "run.workers=1"):
        assert of(same).expressions() is not None


def test_new_faces_make_expressions_void(store: Cache):
    store.put_faces(make_shard())
    store.put_expressions(make_expressions(5))
    store.put_faces(make_shard())
    assert store.expressions() is None


@pytest.mark.parametrize("spoil", [lambda content: b"", lambda content: content[:-8] + bytes(8)])
def test_damaged_expressions_are_logged_and_a_miss(store: Cache, spoil, caplog: pytest.LogCaptureFixture):
    store.put_expressions(make_expressions(5))
    (path,) = store.folder.iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    assert store.expressions() is None
    assert "cached file is damaged" in messages(caplog)[0]
    assert not path.exists()
