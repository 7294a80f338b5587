"""From a folder of results to the numbers of a paper: tables in, tables out, and no test of significance.

results.py   the tables of clips, column by column
design.py    the table of a study, joined to the clips by path or name
faces.py     the choice of faces
naming.py    names of the faces of a clip
plan.py      clips, faces and columns of a gathering
gather.py    all clips as one table
bins.py      frames in bins of equal width in true time
agreement.py kappa, alpha, intervals over people, matched events, in plain arrays
coded.py     labels of human coders, joined to results
agree.py     results beside human coders
agree_files.py  the same as text and as tables
epochs.py    courses around events
curves.py    sums of courses, and means over people
grouped.py   tables of studies read again, as means over people
synchrony.py  two faces: windowed cross-lagged correlation, and surrogates
clock.py     the time of other devices, by anchors
foreign.py   tables of other programs as tables of frames
stretch.py   a stretch of a timeline, or some of its faces
"""

from fervideo.study.agree import Agreement, Comparison, agree
from fervideo.study.epochs import Epoching, Epochs, epochs
from fervideo.study.gather import Gathered, gather, load_results
from fervideo.study.plan import Selection
from fervideo.study.synchrony import Face, Synchrony, Windows, synchrony

__all__ = [
    "Agreement",
    "Comparison",
    "Epoching",
    "Epochs",
    "Face",
    "Gathered",
    "Selection",
    "Synchrony",
    "Windows",
    "agree",
    "epochs",
    "gather",
    "load_results",
    "synchrony",
]
