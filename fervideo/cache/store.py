"""Keep extracted segments on disk: one folder per clip and way of extracting, one safetensors file per segment.

Beside them lies what a sequence model made of them, one file per model and settings: a second run need not load torch.

A file is written under a name of its own and then renamed, so that a reader sees all of it or nothing and two writers
of one segment do no harm. What cannot be trusted on reading is a warning and a miss: the segment is extracted again.

A run works with what it reads back, never with what it wrote, so a first and a second run see the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs

from fervideo import atomic
from fervideo.cache import files, remote
from fervideo.errors import OutputError
from fervideo.records import ClipExpressions, FeatureShard
from fervideo.settings import Settings, expression_digest, feature_digest

_Content = TypeVar("_Content")
_CLIP_FOLDER = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")


def root() -> Path:
    """Return the cache folder: `$FERVIDEO_CACHE`, or the user's where that is not set or a URL; it need not exist."""
    given = os.environ.get("FERVIDEO_CACHE")
    return Path(given if given and "://" not in given else platformdirs.user_cache_dir("fervideo", appauthor=False))


def chosen() -> Path | str:
    """Return where segments are kept: the cache folder, or the URL in `$FERVIDEO_CACHE`, of which the user's folder holds copies then."""
    given = os.environ.get("FERVIDEO_CACHE", "")
    return given if "://" in given else root().absolute()


def size() -> tuple[int, int]:
    """Return how many bytes the cached segments take, and how many clips they belong to."""
    folders = list(_clip_folders())
    return sum(_bytes(path) for folder in folders for path in folder.iterdir()), len(folders)


def clear() -> None:
    """Remove every cached segment; other files in the cache folder stay.

    Raises:
        OutputError: A folder cannot be removed.
    """
    for folder in _clip_folders():
        _remove(folder)


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
    place = root()
    if place.is_dir():
        yield from (path for path in sorted(place.iterdir()) if _CLIP_FOLDER.fullmatch(path.name) and path.is_dir())


def _bytes(path: Path) -> int:
    """Return a file's size; 0 where another process has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Cache:
    """Store the segments of one clip, extracted in one way.

    Attributes:
        name: Of the clip's folder.
        place: The cache folder; or a URL, of which each machine's own cache folder holds copies. Claims are not seen
            through a URL: batches on different machines at once may do a segment twice, which does no harm.
    """

    name: str
    place: Path | str

    @classmethod
    def of_clip(
        cls, fingerprint: str, settings: Settings, weights_digest: str, place: Path | str | None = None
    ) -> Cache:
        """Find the folder for a clip: another video, other settings, weights or records lead to another folder.

        Args:
            fingerprint: SHA-256 of the video's bytes, in hexadecimal.
            settings: Those that change features count, no others.
            weights_digest: SHA-256 of the frame CNN's weights.
            place: The cache folder or URL, if not `chosen()`.
        """
        parts = [files.FEATURE_VERSION, fingerprint, feature_digest(settings), weights_digest]
        return cls(f"{fingerprint[:16]}-{_key(parts)}", place or chosen())

    @property
    def folder(self) -> Path:
        """Where the segments are on this machine; made when the first is stored."""
        return (root() if isinstance(self.place, str) else self.place) / self.name

    @property
    def url(self) -> str:
        """Where they are kept in the first place; empty where that is `folder`."""
        return f"{self.place.rstrip('/')}/{self.name}" if isinstance(self.place, str) else ""

    def path(self, segment: int) -> Path:
        return self.folder / f"{segment:05d}.safetensors"

    def has(self, segment: int) -> bool:
        """Tell whether a segment is stored; `get` may still find it damaged."""
        return self.path(segment).is_file() or bool(self.url and remote.exists(self._address(segment)))

    def _address(self, segment: int) -> str:
        return f"{self.url}/{self.path(segment).name}"

    def claim(self, segment: int) -> bool:
        """Say that this process is going to store a segment, so that others leave it alone; `release` takes that back.

        Returns:
            False where another process has said so before. One that is dead, or on another machine and silent for long,
            does not count.

        Raises:
            OutputError: The folder cannot be written.
        """
        path = self._claim(segment)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if _is_stale(path):
                self._discard(path)
            with open(path, "x", encoding="utf-8") as file:
                file.write(atomic.process_name())
        except FileExistsError:
            return False
        except OSError as error:
            raise self._unwritable(error) from error
        return True

    def release(self, segment: int) -> None:
        """Take back a claim of this process."""
        self._discard(self._claim(segment))

    def _claim(self, segment: int) -> Path:
        return self.folder / f"{segment:05d}.claim"

    def get(self, segment: int) -> FeatureShard | None:
        """Read a segment.

        Args:
            segment: Which one.

        Returns:
            The segment, or None where it is not stored or, with a warning, where what is stored is damaged.
        """
        path = self.path(segment)
        if self.url and not path.is_file() and (content := remote.get(self._address(segment))) is not None:
            self._write(path, content)
        return self._intact(path, "segment", lambda: files.read_segment(path, segment))

    def put(self, shard: FeatureShard) -> None:
        """Store a segment, in place of one that is there.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        self.adopt(shard.segment, files.packed_segment(shard))

    def recall(self, settings: Settings, weights_digest: str) -> ClipExpressions | None:
        """Read what a sequence model said of the clip.

        Args:
            settings: Those of the sequence model and of tracking count.
            weights_digest: SHA-256 of the sequence model's weights.

        Returns:
            That, or None where it is not stored or, with a warning, where what is stored is damaged.
        """
        path = self._expressions(settings, weights_digest)
        return self._intact(path, "answer", lambda: files.read_expressions(path))

    def keep(self, settings: Settings, weights_digest: str, expressions: ClipExpressions) -> None:
        """Store what a sequence model says of the clip, for `recall`. It stays on this machine.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        self._write(self._expressions(settings, weights_digest), files.packed_expressions(expressions))

    def _expressions(self, settings: Settings, weights_digest: str) -> Path:
        parts = [files.EXPRESSION_VERSION, expression_digest(settings), weights_digest]
        return self.folder / f"{_key(parts)}.expressions"

    def _intact(self, path: Path, what: str, read: Callable[[], _Content]) -> _Content | None:
        """Read a file; None where there is none or, with a warning, where it is damaged."""
        try:
            return read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except files.DAMAGE as error:
            warnings.warn(f"{path}: cached {what} is damaged ({error}); it is recomputed", stacklevel=3)
            self._discard(path)
            return None

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._discard(temporary)

    def _unwritable(self, error: OSError) -> OutputError:
        remedy = "set FERVIDEO_CACHE to a folder with room that can be written, or use --no-cache"
        return OutputError(self.folder, f"the cache cannot be written ({error.strerror or error})", remedy)

    def touch(self) -> None:
        """Note that the clip is in use, so that `prune` takes others first."""
        with suppress(OSError):
            os.utime(self.folder)

    def drop(self) -> None:
        """Forget all segments."""
        if self.url:
            remote.remove(self.url)
        shutil.rmtree(self.folder, ignore_errors=True)

    def adopt(self, segment: int, content: bytes) -> None:
        """Store a segment as the bytes of its file, which come from another store.

        Raises:
            OutputError: The folder cannot be written, or the disk is full.
        """
        # The store first: a copy here without the file there would never be made good.
        if self.url:
            remote.put(self._address(segment), content)
        self._write(self.path(segment), content)
        # What was said of other features holds no longer.
        for path in self.folder.glob("*.expressions"):
            self._discard(path)

    @staticmethod
    def _discard(path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return  # It stays where it is and does no harm: a damaged segment is overwritten next.


def _key(parts: Sequence[object]) -> str:
    """Return a name that stands for all of some parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _is_stale(claim: Path) -> bool:
    """Tell whether the process that made a claim is gone; an empty one is from a moment ago, or its process was killed at that moment."""
    try:
        return atomic.is_gone(claim.read_text(encoding="utf-8"), claim.stat().st_mtime)
    except OSError:
        return False
