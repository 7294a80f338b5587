"""Extracted segments on disk: one folder per clip and way of finding its faces, files by stage in it.

| file | content | depends on |
|---|---|---|
| `00000.faces.safetensors` | a segment's landmarks, alignments, thumbnails | video, its settings, those of faces |
| `00000.<key>.safetensors` | predictions for them | a frame classifier's weights |
| `faces_seen` | how many faces the clip shows at once | the same |
| `<key>.expressions` | a sequence model's predictions for the clip | both models' weights, settings |

A file is written under a temporary name and then renamed. So a reader sees all of it or nothing, and two writers of one
segment do no harm. A file that cannot be trusted on reading is logged and counts as missing: it is made again. A run
works with values that it reads back, never with those that it wrote. So a first and a second run see the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs

from fervideo import atomic
from fervideo.cache import files, locks, remote
from fervideo.errors import OutputError
from fervideo.records import ClipExpressions, FramePredictions, SegmentFaces
from fervideo.settings import Settings, cache_digests

_Content = TypeVar("_Content")
_log = logging.getLogger("fervideo")
_CLIP_FOLDER = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")


def root() -> Path:
    """Return this machine's cache folder: `$FERVIDEO_CACHE` if it is a path, else the user's; it need not exist."""
    given = os.environ.get("FERVIDEO_CACHE")
    return Path(given if given and "://" not in given else platformdirs.user_cache_dir("fervideo", appauthor=False))


def chosen() -> Path | str:
    """Return the cache folder, or the URL in `$FERVIDEO_CACHE`; the user's folder then keeps copies."""
    given = os.environ.get("FERVIDEO_CACHE", "")
    return given if "://" in given else root().absolute()


def size() -> tuple[int, int]:
    """Return how many bytes the cached segments take, and how many clips they belong to."""
    folders = list(_clip_folders())
    return sum(_bytes(path) for folder in folders for path in folder.iterdir()), len(folders)


def clear() -> None:
    """Remove every cached segment, also behind the URL in `$FERVIDEO_CACHE`; other files there stay.

    Raises:
        OutputError: A folder cannot be removed.
    """
    for folder in _clip_folders():
        _remove(folder)
    if isinstance(shared := chosen(), str):
        for name in remote.names(shared):
            if _CLIP_FOLDER.fullmatch(name):
                remote.remove(f"{shared.rstrip('/')}/{name}")


def prune(max_bytes: int) -> tuple[int, int]:
    """Remove the clips that were used longest ago until the rest takes no more than some bytes.

    Returns:
        How many bytes and how many clips were removed.

    Raises:
        OutputError: A folder cannot be removed.
    """
    sizes = {folder: sum(_bytes(path) for path in folder.iterdir()) for folder in _clip_folders()}
    excess, n_bytes, n_clips = sum(sizes.values()) - max_bytes, 0, 0
    for folder in sorted(sizes, key=_used_s):
        if n_bytes >= excess:
            break
        _remove(folder)
        n_bytes, n_clips = n_bytes + sizes[folder], n_clips + 1
    return n_bytes, n_clips


def _used_s(folder: Path) -> float:
    """Return when a clip was last worked on: storing a segment moves its folder's time, and so does `touch`."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return  # another process was quicker
    except OSError as error:
        raise OutputError(folder, f"cannot be removed ({error.strerror or error})", "remove it by hand") from error


def _clip_folders() -> Iterator[Path]:
    folder = root()
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if _CLIP_FOLDER.fullmatch(path.name) and path.is_dir())


def _bytes(path: Path) -> int:
    """Return a file's size; 0 where another process has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Cache:
    """The stored segments of one clip, as one run reads them.

    Attributes:
        name: Name of the clip's folder.
        base: The cache folder; or a URL, with copies of its files in each machine's own cache folder. Locks are not
            seen through a URL: batches on different machines at once may do a segment twice, which does no harm.
        classifier: Key of the run's frame classifier.
        expressions_key: Key of the run's sequence model and its settings.
    """

    name: str
    base: Path | str
    classifier: str
    expressions_key: str = ""

    @classmethod
    def of_clip(
        cls, fingerprint: str, settings: Settings, classifier: str, sequence_model: str, base: Path | str | None = None
    ) -> Cache:
        """Return the cache of a clip: another video, or other settings of its faces, lead to another folder.

        Args:
            fingerprint: SHA-256 of the video's bytes, in hexadecimal.
            settings: Those that change faces count for the folder, those of tracking and sequence for expressions.
            classifier: Key of the frame classifier.
            sequence_model: SHA-256 of the sequence model's weights.
            base: The cache folder or URL, if not `chosen()`.
        """
        faces, expressions = cache_digests(settings)
        return cls(
            name=f"{fingerprint[:16]}-{_key([files.FACES_VERSION, fingerprint, faces])}",
            base=base or chosen(),
            classifier=classifier,
            expressions_key=_key([files.EXPRESSIONS_VERSION, expressions, classifier, sequence_model]),
        )

    @property
    def folder(self) -> Path:
        """Folder of the segments on this machine; made when the first is stored."""
        return (root() if isinstance(self.base, str) else self.base) / self.name

    @property
    def url(self) -> str:
        """URL that `folder` copies; empty where there is none."""
        return f"{self.base.rstrip('/')}/{self.name}" if isinstance(self.base, str) else ""

    def faces_path(self, segment: int) -> Path:
        return self.folder / f"{segment:05d}.faces.safetensors"

    def predictions_path(self, segment: int) -> Path:
        return self.folder / f"{segment:05d}.{self.classifier}.safetensors"

    def has(self, segment: int) -> bool:
        """Check whether a segment's faces and predictions are stored; reading may still find them damaged."""
        return self.has_faces(segment) and self._has(self.predictions_path(segment))

    def has_faces(self, segment: int) -> bool:
        """Check whether a segment's faces are stored; reading may still find them damaged."""
        return self._has(self.faces_path(segment))

    def _has(self, path: Path) -> bool:
        return path.is_file() or bool(self.url and remote.exists(self._address(path)))

    def _address(self, path: Path) -> str:
        return f"{self.url}/{path.name}"

    def lock(self, segment: int) -> bool:
        """Take a segment for this process, so that others leave it alone; `unlock` gives it back.

        Returns:
            False where another process that is alive has it.

        Raises:
            OutputError: The folder cannot be written.
        """
        try:
            return locks.acquire(self._lock(segment))
        except OSError as error:
            raise self._unwritable(error) from error

    def unlock(self, segment: int) -> None:
        """Give a segment back."""
        locks.release(self._lock(segment))

    def _lock(self, segment: int) -> Path:
        return self.folder / f"{segment:05d}.lock"

    def faces(self, segment: int) -> SegmentFaces | None:
        """Read a segment's faces; None where they are not stored or, as the log says, damaged."""
        path = self.faces_path(segment)
        return self._read(path, lambda: files.read_faces(path, segment))

    def put_faces(self, shard: SegmentFaces) -> None:
        """Store a segment's faces, in place of those that are there.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        self.adopt(shard.segment, {self.faces_path(shard.segment).name: files.pack_faces(shard)})

    def faces_seen(self) -> int | None:
        """Read how many faces the clip shows at once; None where it is not known."""
        path = self._faces_seen_path()
        return self._read(path, lambda: files.read_number(path))

    def put_faces_seen(self, number: int) -> None:
        """Store how many faces the clip shows at once.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        path, content = self._faces_seen_path(), files.pack_number(number)
        if self.url:
            remote.put(self._address(path), content)
        self._write(path, content)

    def _faces_seen_path(self) -> Path:
        return self.folder / "faces_seen"

    def predictions(self, segment: int) -> FramePredictions | None:
        """Read predictions for a segment's faces; None where they are not stored or, as the log says, damaged."""
        path = self.predictions_path(segment)
        return self._read(path, lambda: files.read_predictions(path, segment))

    def put_predictions(self, segment: int, predictions: FramePredictions) -> None:
        """Store predictions for a segment's faces, in place of those that are there.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        self.adopt(segment, {self.predictions_path(segment).name: files.pack_predictions(segment, predictions)})

    def contents(self, segment: int) -> dict[str, bytes]:
        """Read a segment's files as they are, for `adopt` elsewhere."""
        paths = (self.faces_path(segment), self.predictions_path(segment))
        return {path.name: path.read_bytes() for path in paths if path.is_file()}

    def adopt(self, segment: int, contents: dict[str, bytes]) -> None:
        """Store files of a segment.

        Args:
            segment: Which one.
            contents: Their bytes by name.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        for name, content in contents.items():
            path = self.folder / name
            # The store first: a copy here without the file there would never be made good.
            if self.url:
                remote.put(self._address(path), content)
            self._write(path, content)
        if self.faces_path(segment).name in contents:
            # Predictions for other faces hold no longer, nor do expressions of other features.
            for path in (*self.folder.glob(f"{segment:05d}.*.safetensors"), *self.folder.glob("*.expressions")):
                if path.name not in contents:
                    self._discard(path)

    def expressions(self) -> ClipExpressions | None:
        """Read the sequence model's predictions for the clip.

        Returns:
            None where they are not stored, or where they are damaged, which the log reports.
        """
        path = self._expressions_path()
        return self._read(path, lambda: files.read_expressions(path), shared=False)

    def put_expressions(self, expressions: ClipExpressions) -> None:
        """Store the sequence model's predictions for the clip, on this machine only.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        self._write(self._expressions_path(), files.pack_expressions(expressions))

    def _expressions_path(self) -> Path:
        return self.folder / f"{self.expressions_key}.expressions"

    def _read(self, path: Path, read: Callable[[], _Content], *, shared: bool = True) -> _Content | None:
        """Read a file; None where there is none or, as the log says, where it is damaged."""
        if shared and self.url and not path.is_file() and (content := remote.get(self._address(path))) is not None:
            self._write(path, content)
        try:
            return read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except files.DAMAGE as error:
            _log.warning("%s: cached file is damaged (%s); it is made again", path, error)
            self._discard(path)
            return None

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{atomic.temporary_prefix()}{uuid.uuid4().hex[:8]}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.remove_abandoned(self.folder)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._discard(temporary)

    def _unwritable(self, error: OSError) -> OutputError:
        remedy = "set FERVIDEO_CACHE to a folder with room, or use --no-cache, which needs room in TMPDIR"
        return OutputError(self.folder, f"the cache cannot be written ({error.strerror or error})", remedy)

    def touch(self) -> None:
        """Note that the clip is in use, so that `prune` takes others first."""
        with suppress(OSError):
            os.utime(self.folder)

    def drop(self) -> None:
        """Remove all that is stored of the clip."""
        if self.url:
            remote.remove(self.url)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _discard(path: Path) -> None:
        with suppress(OSError):  # A file that stays does no harm: the next write replaces it.
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _key(parts: Sequence[object]) -> str:
    """Return a name for a list of parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
