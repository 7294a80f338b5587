"""Batches: all videos of folders, in many processes or on a cluster, with a record of results and failures.

records.py   options, report and plan of a batch
setup.py     clips, models and settings of one batch, and records of earlier batches
running.py   the batch itself
planning.py  the dry run: work that is left, and its duration
folder.py    clips in folders, and paths of their results
schedule.py  order of the tasks, and failures of clips
tasks.py     work of a process: open a clip, finish a clip (a segment is the pipeline's own task)
engines.py   engines that run tasks: processes of this machine, or a cluster
cluster.py   tasks on a Ray cluster
tables.py    one record beside each clip's results, and the tables over all clips
"""

from fervideo.batch.planning import plan
from fervideo.batch.records import Options, PlannedClip, Report, describe, describe_plan
from fervideo.batch.running import run

__all__ = ["Options", "PlannedClip", "Report", "describe", "describe_plan", "plan", "run"]
