"""Plots of a benchmark as inline SVG in the text colour of the page."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#010203"
"""Placeholder for `currentColor`, which matplotlib does not support."""
_COLOURS = ("#3b82c4", "#d97a2b", "#3f9b5f")
"""Legible on white and on near-black."""


def plots(table: dict[str, Any]) -> list[tuple[str, str]]:
    """(caption, SVG) of every plot that the metrics of a benchmark's table allow."""
    plots_with_captions = []
    for caption, draw in (
        ("The first metric: mean, and standard deviation over seeds", _first_metric),
        ("Accuracy against direction and substitutes; one dot a model", _trade_offs),
        ("hit@10 by the target's popularity: each slice holds a third of the train edges", _slices),
        ("Feature importance: share of the gain of the trees", _importances),
        (
            "Training: loss and validation by epoch (hit@10, of eccr nDCG@5); one line a fit",
            _training,
        ),
    ):
        plot = draw(table)
        if plot is not None:
            plots_with_captions.append((caption, _svg(plot, salt=f"{table['protocol']} {caption}")))
    return plots_with_captions


def _first_metric(table: dict[str, Any]) -> Figure | None:
    if table["bootstrap"] is None:
        return None
    metric = table["bootstrap"]["metric"]
    results = sorted(_results_with(table, metric), key=lambda r: _mean(r, metric))
    plot, (axes,) = _figure(1, height=0.6 + 0.3 * len(results))
    axes.barh(
        [r["model"] for r in results],
        [_mean(r, metric) for r in results],
        xerr=[r["metrics"][metric]["std"] for r in results],
        color=_COLOURS[0],
        ecolor=_INK,
        capsize=2,
    )
    axes.set_xlabel(metric)
    _plain_text(axes)
    return plot


def _trade_offs(table: dict[str, Any]) -> Figure | None:
    other_metrics = [
        name
        for name in ("direction_accuracy", "substitutes@10")
        if _results_with(table, "ndcg@10", name)
    ]
    if not other_metrics:
        return None
    plot, all_axes = _figure(len(other_metrics), height=3.6)
    for axes, name in zip(all_axes, other_metrics, strict=True):
        by_height = sorted(_results_with(table, "ndcg@10", name), key=lambda r: _mean(r, name))
        for place, result in enumerate(by_height):
            x, y = _mean(result, "ndcg@10"), _mean(result, name)
            axes.plot(x, y, "o", color=_COLOURS[0], markersize=5)
            axes.annotate(
                result["model"],
                (x, y),
                xytext=(4, 3 if place % 2 else -9),  # names of close models do not overlap
                textcoords="offset points",
                fontsize=7,
                color=_INK,
                parse_math=False,
            )
        axes.margins(x=0.25, y=0.12)
        axes.set_xlabel("ndcg@10")
        axes.set_ylabel(name)
    return plot


def _slices(table: dict[str, Any]) -> Figure | None:
    names = ("head", "torso", "tail")
    results = [r for r in table["results"] if any(f"hit@10.{s}" in r["metrics"] for s in names)]
    if not results:
        return None
    plot, (axes,) = _figure(1, height=0.8 + 0.3 * len(results))
    for name, colour, marker in zip(names, _COLOURS, "os^", strict=True):
        results_with_slice = [r for r in reversed(results) if f"hit@10.{name}" in r["metrics"]]
        axes.plot(
            [_mean(r, f"hit@10.{name}") for r in results_with_slice],
            [r["model"] for r in results_with_slice],
            marker,
            color=colour,
            label=name,
        )
    axes.set_xlabel("hit@10")
    axes.grid(axis="y", alpha=0.2)
    axes.legend(frameon=False, labelcolor=_INK, fontsize=8)
    _plain_text(axes)
    return plot


def _importances(table: dict[str, Any]) -> Figure | None:
    with_importances = [r for r in table["results"] if r.get("importances")]
    if not with_importances:
        return None
    plot, all_axes = _figure(len(with_importances), height=4.2 * len(with_importances), columns=1)
    for result, axes in zip(with_importances, all_axes, strict=True):
        top = list(result["importances"].items())[:20][::-1]
        axes.barh([name for name, _ in top], [share for _, share in top], color=_COLOURS[0])
        axes.set_xlabel("share of gain")
        axes.set_title(
            result["model"], loc="left", fontsize=9, color=_INK, wrap=True, parse_math=False
        )
        _plain_text(axes)
    return plot


def _training(table: dict[str, Any]) -> Figure | None:
    from matplotlib.ticker import MaxNLocator

    trained_results = [
        r for r in table["results"] if any(fit["epochs"] for fit in r.get("training", []))
    ]
    if not trained_results:
        return None
    plot, all_axes = _figure(2 * len(trained_results), height=2.4 * len(trained_results), columns=2)
    for result, pair in zip(
        trained_results, zip(all_axes[::2], all_axes[1::2], strict=True), strict=True
    ):
        for axes, name in zip(pair, ("loss", "validation"), strict=True):
            for number, fit in enumerate(result["training"]):
                axes.plot(
                    [epoch["epoch"] for epoch in fit["epochs"]],
                    [epoch[name] for epoch in fit["epochs"]],
                    ".-",
                    color=_COLOURS[number % len(_COLOURS)],
                )
            axes.set_ylabel(name)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        pair[0].set_title(
            result["model"], loc="left", fontsize=9, color=_INK, wrap=True, parse_math=False
        )
    return plot


def _results_with(table: dict[str, Any], *metrics: str) -> list[dict[str, Any]]:
    return [r for r in table["results"] if all(name in r["metrics"] for name in metrics)]


def _mean(result: dict[str, Any], metric: str) -> float:
    return float(result["metrics"][metric]["mean"])


def _figure(panels: int, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure without pyplot: nothing global, safe in any thread; one row if `columns` is None."""
    from matplotlib.figure import Figure

    plot = Figure(figsize=(8.5, height), layout="constrained")
    columns = columns or panels
    all_axes = [plot.add_subplot(-(-panels // columns), columns, i + 1) for i in range(panels)]
    for axes in all_axes:
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_INK)
        axes.tick_params(colors=_INK, labelsize=8)
        axes.xaxis.label.set_color(_INK)
        axes.yaxis.label.set_color(_INK)
    return plot, all_axes


def _plain_text(axes: Axes) -> None:
    """Model names are text, whatever dollar signs they hold."""
    for label in axes.get_yticklabels():
        label.set_parse_math(False)


def _svg(plot: Figure, salt: str) -> str:
    """The figure as an `svg` element, the same for the same figures."""
    from matplotlib import rc_context

    buffer = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        plot.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue().replace(_INK, "currentColor")
    return text[text.index("<svg") :]
