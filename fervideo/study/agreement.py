"""Measures of agreement between coders, in plain arrays: kappa, alpha, intervals over people, matched events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fervideo.records import Float64, Int64


def counts(one: Int64, other: Int64, n_labels: int) -> Int64:
    """Count how often two coders give each pair of labels: int64 (C, C), a row for each label of the first.

    Args:
        one: int64 (n,), labels as numbers; -1 is none, and leaves the item out.
        other: int64 (n,), likewise.
        n_labels: The number of labels.
    """
    both = (one >= 0) & (other >= 0)
    pairs = one[both] * n_labels + other[both]
    return np.bincount(pairs, minlength=n_labels**2).reshape(n_labels, n_labels).astype(np.int64)


def kappa(table: Int64 | Float64) -> float:
    """Compute Cohen's kappa of a table of counts (C, C); NaN without items, or where chance alone agrees fully."""
    total = table.sum()
    if not total:
        return float("nan")
    observed = np.trace(table) / total
    chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return float((observed - chance) / (1 - chance)) if chance < 1 else float("nan")


def alpha(ratings: Int64) -> float:
    """Compute Krippendorff's alpha for labels without order.

    Args:
        ratings: int64 (R, n), a row for each coder; -1 where a coder gives none. Items with one label are left out.

    Returns:
        NaN without pairs of labels, or where all labels are the same.
    """
    labels = np.arange(ratings.max(initial=-1) + 1)
    per_item = (ratings[:, :, None] == labels).sum(axis=0).astype(np.float64)
    per_item = per_item[per_item.sum(axis=1) > 1]
    n_pairable = per_item.sum(axis=1, keepdims=True)
    # Coincidences: each ordered pair of two coders counts 1 / (m - 1), m being the labels of the item.
    table = (per_item / (n_pairable - 1)).T @ per_item - np.diag((per_item / (n_pairable - 1)).sum(axis=0))
    total = table.sum()
    per_label = table.sum(axis=1)
    expected = total**2 - float(per_label @ per_label)
    observed = total - np.trace(table)
    return float(1 - (total - 1) * observed / expected) if expected else float("nan")


def bootstrap(per_person: Int64, n: int, seed: int) -> tuple[float, float]:
    """Compute a 95 % interval of kappa by drawing people, each with all of their items.

    Args:
        per_person: int64 (P, C, C), counts of each person.
        n: Number of draws.
        seed: Seed of the draws.

    Returns:
        Lower and upper end; NaN for fewer than two people.
    """
    people = len(per_person)
    if people < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), n)
    values = np.array([kappa(table) for table in np.tensordot(drawn, per_person, 1)])
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


class Events(NamedTuple):
    """Events of one coder in one clip.

    Attributes:
        label: int64 (k,).
        onset_s: float64 (k,).
        offset_s: float64 (k,).
    """

    label: Int64
    onset_s: Float64
    offset_s: Float64


def match(truth: Events, found: Events, overlap: float) -> list[tuple[int, int]]:
    """Match events of equal labels, the pair that overlaps most first; each event is in one pair at most.

    Args:
        truth: Events of the one coder.
        found: Those of the other.
        overlap: Least intersection over union of a pair.

    Returns:
        Pairs of indices, by the first.
    """
    both = np.minimum(truth.offset_s[:, None], found.offset_s) - np.maximum(truth.onset_s[:, None], found.onset_s)
    union = np.maximum(truth.offset_s[:, None], found.offset_s) - np.minimum(truth.onset_s[:, None], found.onset_s)
    share = np.where(truth.label[:, None] == found.label, both / np.maximum(union, 1e-9), 0.0)
    pairs = []
    while share.size and share.max() > 0 and share.max() >= overlap:
        row, column = np.unravel_index(int(share.argmax()), share.shape)
        pairs.append((int(row), int(column)))
        share[row], share[:, column] = -1, -1
    return sorted(pairs)
