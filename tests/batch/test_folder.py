"""Clips of a batch: those that are found, and the folders of their results."""

from pathlib import Path

import pytest
from batches import touch

from fervideo.batch.folder import find, shard
from fervideo.errors import UsageError
from fervideo.training.datasets.files import clips_in, names_of
from fervideo.video.files import VIDEO_SUFFIXES


def test_find_leaves_out_hidden_files_and_other_kinds(tmp_path: Path):
    root = touch(tmp_path / "in", "z.MP4", "a/b/c.mov", "a/._c.mov", ".trash/d.mp4", "a/readme.md")
    (root / "folder.mp4").mkdir()
    out = tmp_path / "out"
    assert [clip.name for clip in find([root], out)] == ["a/b/c.mov", "z.MP4"]
    assert [clip.name for clip in find([root], out, recursive=False)] == ["z.MP4"]
    assert [clip.name for clip in find([root], out, "*.md")] == ["a/readme.md"]
    clip = find([root], out)[0]
    assert (clip.folder, clip.stem) == (out / "a" / "b", "c")


def test_batches_and_training_see_the_same_videos(tmp_path: Path):
    names = [f"{suffix[1:]}{suffix}" for suffix in VIDEO_SUFFIXES]
    names += [f"upper_{suffix[1:]}{suffix.upper()}" for suffix in VIDEO_SUFFIXES]
    root = touch(tmp_path / "in", *names, "a.txt", "b.png", "c.csv", ".hidden.mp4", "d")
    found = [clip.path for clip in find([root], tmp_path / "out")]
    assert sorted(path.name for path in found) == sorted(names)
    assert clips_in(root) == found
    assert set(names_of(found, root).values()) == {name.partition(".")[0] for name in names}
    assert {".m2ts", ".ogv", ".vob"} <= set(VIDEO_SUFFIXES)


def test_no_two_clips_share_a_path(tmp_path: Path):
    touch(tmp_path, "x/in/clip.mp4", "y/in/clip.mp4", "y/in/clip.mov", "y/in/clip.mp4.mkv", "y/in/other.mp4")
    clips = find([tmp_path / "x" / "in", tmp_path / "y" / "in", tmp_path / "y"], tmp_path / "out")
    paths = [(clip.folder / clip.stem).relative_to(tmp_path / "out").as_posix() for clip in clips]
    assert paths == ["x/in/clip", "y/in/clip.mov", "y/in/clip.mp4", "y/in/clip.mp4.mkv", "y/in/other"]


def test_results_stay_in_the_output_folder(tmp_path: Path):
    out = tmp_path / "x" / "out"
    touch(tmp_path, "x/one/a.mp4", "y/two/b.mp4", "y/two/c/d.mp4")
    folders = [tmp_path / "x" / "one", tmp_path / "x" / ".." / "y" / "two"]
    clips = find(folders, out)
    assert [clip.name for clip in clips] == ["x/one/a.mp4", "y/two/b.mp4", "y/two/c/d.mp4"]
    assert all(clip.folder.resolve().is_relative_to(out) for clip in clips)
    with pytest.raises(UsageError, match="no videos found"):
        find(folders[:1], out, "../../y/two/*.mp4")


@pytest.mark.parametrize("glob", ["/etc/*.mp4", "**.mp4"])
def test_a_pattern_that_is_none_is_refused(tmp_path: Path, glob: str):
    with pytest.raises(UsageError, match="is no pattern"):
        find([touch(tmp_path / "in", "a.mp4")], tmp_path / "out", glob)


def test_shards_share_all_clips(tmp_path: Path):
    clips = find([touch(tmp_path / "in", *(f"{i}.mp4" for i in range(7)))], tmp_path / "out")
    shards = [shard(clips, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(clip.name for part in shards for clip in part) == [clip.name for clip in clips]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0"):
        with pytest.raises(UsageError, match="is not i/n"):
            shard(clips, wrong)


def test_a_folder_that_cannot_be_a_batch_is_refused(tmp_path: Path):
    root = touch(tmp_path / "in", "a.txt")
    with pytest.raises(UsageError, match=r"in: no videos found \(looked for .*\.mp4"):
        find([root], tmp_path / "out")
    with pytest.raises(UsageError, match="does not exist"):
        find([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(UsageError, match="is no folder"):
        find([root / "a.txt"], tmp_path / "out")
    touch(root, "a.mp4")
    with pytest.raises(UsageError, match="lies in the input folder"):
        find([root], root / "out")
    assert find([root], root / "out", recursive=False)
