"""What a model gets right: F1 over all, by class and by locale, and what it takes for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.arrays import Floats
from goeswith.core.atomic_files import atomic_path
from goeswith.language.salam.behaviour_graph import Labels


def classification_report(
    probabilities: Floats,
    labels: Labels,
    regions: Labels,
    classes: tuple[str, ...],
    names: list[str],
) -> dict[str, Any]:
    """Figures of classified pairs, beside those of naming the most frequent class for all.

    Args:
        probabilities: (m, c).
        labels: (m,) class numbers.
        regions: (m,) numbers of locales.
        classes: (c,) their names.
        names: of the locales.
    """
    predicted = probabilities.argmax(axis=1)
    most = np.bincount(labels, minlength=len(classes)).argmax()
    by_region = {
        name: _f1(predicted[regions == number], labels[regions == number], classes)
        for number, name in enumerate(names)
        if (regions == number).any()
    }
    return {
        "pairs": len(labels),
        **_f1(predicted, labels, classes),
        "most_frequent_class": _f1(np.full(len(labels), most), labels, classes),
        "locales": by_region,
    }


def _f1(predicted: Labels, labels: Labels, classes: tuple[str, ...]) -> dict[str, Any]:
    from sklearn.metrics import confusion_matrix, f1_score

    numbers = range(len(classes))
    # a class without pairs and predictions is left out
    present = sorted(set(labels.tolist()) | set(predicted.tolist()))
    each = f1_score(labels, predicted, average=None, labels=present, zero_division=0).tolist()
    return {
        "macro_f1": float(np.mean(each)),
        "micro_f1": float(f1_score(labels, predicted, average="micro")),
        "f1": {classes[number]: score for number, score in zip(present, each, strict=True)},
        "counts": np.bincount(labels, minlength=len(classes)).tolist(),
        "confusion": confusion_matrix(labels, predicted, labels=numbers).tolist(),
    }


def confusion_plot(figures: dict[str, Any], classes: tuple[str, ...], file: Path) -> None:
    """Draw the confusion matrix in shares of the true class, as PNG or SVG by the suffix."""
    from matplotlib.figure import Figure

    counts = np.array(figures["confusion"], dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(
        figsize=(1.5 + 1.2 * len(classes), 1.2 + 0.9 * len(classes)), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(classes)), classes, rotation=20)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    for row, column in np.ndindex(*counts.shape):
        axes.text(
            column,
            row,
            f"{counts[row, column]:.0f}\n{shares[row, column]:.0%}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.5 else "black",
        )
    axes.set_title(f"macro-F1 {figures['macro_f1']:.3f}, {figures['pairs']:,} pairs")
    with atomic_path(file) as beside:
        figure.savefig(beside, format=file.suffix.lstrip(".") or "png")
