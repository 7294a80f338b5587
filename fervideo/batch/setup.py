"""One batch before it starts: its clips, models and settings, and the records of earlier batches on the clips."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fervideo import atomic, cache, models
from fervideo.batch import tables
from fervideo.batch.folder import Clip, find, shard
from fervideo.batch.records import Options
from fervideo.models import Models
from fervideo.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Clips, and how they are analysed.

    Attributes:
        clips: Clips in the order in which they are done.
        settings: Settings of all clips.
        models: Models of all clips.
        output: The output folder.
        options: How the batch is run.
        earlier: Records of earlier batches with the same settings and models; none of clips to do again.
    """

    clips: Sequence[Clip]
    settings: Settings
    models: Models
    output: Path
    options: Options
    earlier: Mapping[Clip, tables.Known]

    @classmethod
    def of(cls, folders: Sequence[Path], output: Path, settings: Settings, options: Options) -> Batch:
        """Find the clips of a batch, and read the records of earlier batches.

        Args:
            folders: Folders of videos.
            output: The output folder.
            settings: Settings of all clips.
            options: How the batch is run.

        Raises:
            UsageError: A folder or an option is not possible, or `cuda` is asked for where there is none.
            WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        """
        clips = shard(find(folders, output, options.glob, recursive=options.recursive), options.shard)
        chosen = models.resolve(settings)
        earlier = {} if options.fresh else _earlier(clips, tables.identity(settings, chosen), options.retry_failed)
        return cls(clips=clips, settings=settings, models=chosen, output=output, options=options, earlier=earlier)

    @property
    def identity(self) -> dict[str, Any]:
        """Settings, weights and version on which results depend, besides the videos' content."""
        return tables.identity(self.settings, self.models)

    @property
    def n_workers(self) -> int:
        """Worker processes: as many as the settings give, or one per core."""
        return self.settings.run.workers or os.cpu_count() or 1

    @property
    def paths(self) -> dict[str, Path]:
        """Files over all clips; a shard has its own."""
        shard = self.options.shard
        part = f".{shard.replace('/', '-of-')}" if shard else ""
        tables = {key: f"{key}{part}.csv" for key in ("clips", "events", "failures")}
        names = {**tables, "batch": f"batch{part}.json"}
        return {key: self.output / name for key, name in names.items()}

    def fingerprint(self, clip: Clip) -> str:
        """Return the fingerprint of a clip's content that needs no work; empty where there is none."""
        return self.earlier[clip].fingerprint if clip in self.earlier else ""

    @contextmanager
    def cache_root(self) -> Iterator[Path | str]:
        """Provide the cache's folder or URL; without a cache, segments pass through one that is removed at the end."""
        if self.settings.run.cache:
            yield cache.chosen()
            return
        with atomic.scratch_folder() as scratch:
            yield scratch


def _earlier(clips: Sequence[Clip], identity: dict[str, Any], retry_failed: bool) -> dict[Clip, tables.Known]:
    """Read the records of earlier batches on clips, without clips to try again."""
    found = {clip: known for clip in clips if (known := tables.known(clip, identity))}
    if not retry_failed:
        return found
    return {clip: known for clip, known in found.items() if known.failure is None or known.failure.stage == "decode"}
