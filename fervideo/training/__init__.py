"""Training and evaluation of a sequence model on labelled video, from the features that `fervideo timeline` extracts.

manifest.py       the one form of a dataset: a row per clip, and its problems
datasets/         readers of published and of generic layouts, which return manifests
frame_labels.py   labels per frame: from files, from intervals, or made up from a clip's label
hand_labels.py    labels of human coders as one table of stretches
splits.py         train, validation, test, folds: never one subject in two splits
features.py       samples of clips: courses of features with their labels
preview.py        a dataset at a glance: layout, labels, clips, people, splits
prepare.py        preparation of a dataset, with its problems known before the work
batches.py        pieces of samples, dealt and padded into batches
loop.py           the training loop
metrics.py        WAR, UAR, F1, segments, onsets, calibration, intervals
scores.py         records of scores, their form in JSON, their tables
evaluate.py       predictions and scores of a model and its baselines
calibrate.py      temperatures of a model's heads
plots.py          confusion, curves, reliability
run_files.py      the files of a run, and the records in metrics.json
fit.py            training on a prepared dataset
runs.py           the commands: train, cross-validate, evaluate
stills.py         labelled photographs, and landmarks in tiny ones
compare.py        frame classifiers side by side on them
"""
