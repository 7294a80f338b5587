"""Tables over all clips of a batch."""

from pathlib import Path

from fervideo import columns
from fervideo.batch import tables


def test_a_batch_without_results_has_a_header_all_the_same(tmp_path: Path):
    tables.write_clips(tmp_path / "clips.csv", [], {})
    header = ",".join(columns.names(columns.clips()))
    assert (tmp_path / "clips.csv").read_text() == f"{header}\n"
