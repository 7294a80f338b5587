"""Train and evaluate a sequence model on labelled video, from the same features that `fervideo timeline` extracts.

manifest.py       the one form of a dataset: a row per clip, and what is wrong with it
datasets/         readers of published and of generic layouts, which yield manifests
frame_labels.py   labels per frame: files, intervals, and those made up from a clip's label
splits.py         train, validation, test, folds: never one subject on two sides
features.py       clips to samples: courses of features with their labels
prepare.py        from a folder to samples, every problem known before the work
loop.py           the training loop
metrics.py        WAR, UAR, F1, segments, onsets, calibration, intervals
evaluate.py       a model and its baselines on samples
calibrate.py      how sure a model should be
plots.py          confusion, curves, reliability
runs.py           what the commands do
stills.py         labelled photographs, and landmarks in tiny ones
compare.py        frame classifiers side by side on them
"""
