"""The figures: values where they belong, nothing unreadable, the same bytes every time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.colors import to_hex
from matplotlib.text import Text
from support import synthetic

from honesty_utils.results import display, explore, plots
from honesty_utils.results.plots import annotation, sweeps
from honesty_utils.results.plots.style import COLUMN, PAGE, styled

GRID_METHODS = ["prompt_based", "absolute", "confidence_verb", "multisample"]
FIGURES: dict[str, tuple[Callable[[], Any], float]] = {
    "main": (lambda: plots.main_scores(synthetic.main_table(), "indist", roster=synthetic.ROSTER), PAGE),
    "ood": (lambda: plots.out_of_distribution(synthetic.main_table(), synthetic.ROLES, roster=synthetic.ROSTER), PAGE),
    "transitions": (lambda: plots.transition_grid(synthetic.transitions_table(), "indist", GRID_METHODS), PAGE),
    "annotation": (lambda: plots.data_annotation(*synthetic.annotation()), PAGE),
    "tau": (lambda: plots.sweep(synthetic.sweep_table(), "tau"), COLUMN),
    "by_knowledge": (lambda: plots.by_knowledge(synthetic.by_knowledge_table()), PAGE),
    "exposures": (lambda: plots.exposures(synthetic.exposures_table(), "Spearman's ρ = .91 [.90, .92]"), COLUMN),
    "reliability": (lambda: plots.reliability(synthetic.calibration_table(), "indist"), 3.4),
    "grids_in_two_rows": (
        lambda: plots.transition_grid(synthetic.transitions_table(), "indist", list(synthetic.METHODS)),
        PAGE,
    ),
    "known": (lambda: plots.known(synthetic.knowledge_table()), COLUMN),
    "tau_curve": (
        lambda: plots.tau_curve(
            explore.predicted_scores(synthetic.knowledge_table(), [step / 10 for step in range(11)]),
            synthetic.sweep_table().rename(columns={"at": "tau"}),
        ),
        COLUMN,
    ),
}


@styled
def drawn(figure: Any) -> Any:
    """``figure``, laid out and rendered as `save_figure` does it, so that its texts know their places."""
    figure.draw_without_rendering()
    return figure


def texts(item: Any) -> list[str]:
    return [text.get_text() for text in item.findobj(Text) if text.get_text().strip() and text.get_visible()]


@pytest.mark.parametrize("name", FIGURES)
def test_readable_at_print_size(name: str) -> None:
    """Of every figure: a paper's width, no text below 6 points, cut off, or over another one."""
    draw, width = FIGURES[name]
    figure = drawn(plots.figure_of(draw()))
    assert figure.get_size_inches()[0] == pytest.approx(width)
    assert_readable(figure)


def assert_readable(figure: Any) -> None:
    """No text below 6 points, cut off, or over another one."""
    frame = figure.bbox.padded(0.5)
    shown = [text for text in _shown(figure) if text.get_text().strip() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    for text in shown:
        assert text.get_fontsize() >= 6, text.get_text()
    for words, box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1, words
    for (first, one), (second, other) in itertools.combinations(boxes, 2):
        # One pixel of slack: boxes have the height of the font, not of the letters.
        apart = one.x1 <= other.x0 + 1 or other.x1 <= one.x0 + 1 or one.y1 <= other.y0 + 1 or other.y1 <= one.y0 + 1
        assert apart, f"{first!r} lies over {second!r}"


def _shown(figure: Any) -> Iterator[Text]:
    """Texts that are drawn: tick labels beyond the limits of their axis exist but are not."""
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from axes.texts
        yield from (axes.title, axes._left_title)
        if not axes.axison:
            continue
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            yield axis.label
            yield from (tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)


@pytest.mark.parametrize("name", FIGURES)
def test_same_bytes_whatever_theme_is_set(name: str, tmp_path: Path) -> None:
    draw, _ = FIGURES[name]
    first = plots.save_figure(plots.figure_of(draw()), tmp_path, "first")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "pink", "pdf.fonttype": 3, "savefig.bbox": "tight"}):
        second = plots.save_figure(plots.figure_of(draw()), tmp_path, "second")
        assert mpl.rcParams["font.size"] == 30  # the caller's settings are left alone
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    pdf = first[0].read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf  # text as TrueType
    assert b"CreationDate" not in pdf
    assert not list(tmp_path.glob(".*"))


def test_main_scores_shows_the_values_in_the_paper_order() -> None:
    axes = plots.main_scores(synthetic.main_table(), "indist", roster=synthetic.ROSTER)
    labels = [tick.get_text() for tick in axes[0].get_yticklabels()]
    controls = [control for control in display.CONTROLS if control in synthetic.CONTROLS]
    assert labels == [display.PAPER.label(method) for method in [*display.PAPER.ordered(synthetic.METHODS), *controls]]
    assert not any("τ" in label for label in labels)  # points of the sweep have a figure of their own
    # honesty of ABSOLUTE: (.865 + 1 - .245) / 2 = .81
    row = labels.index("ABSOLUTE")
    dots = [line for line in axes[2].lines if line.get_marker() == "o" and line.get_ydata()[0] == row]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [pytest.approx(0.81)]
    assert to_hex(dots[0].get_color()).upper() == display.PAPER.color("absolute")
    assert "81.0" in texts(axes[2])


def test_scores_beside_honesty_are_drawn_below_around_zero() -> None:
    table = synthetic.main_table()
    axes = plots.main_scores(table, "indist", roster=synthetic.ROSTER)
    names = [ax.get_title(loc="left") for ax in axes]
    assert names == ["Prudence ↑", "Over-cons. ↓", "Honesty ↑", "Accuracy ↑", "THS ↑", "Truthfulness ↑",
                     "Gain at equal coverage ↑"]  # fmt: skip
    of = table[table["dataset"] == "indist"].set_index(["method", "metric"])["value"]
    row = [tick.get_text() for tick in axes[4].get_yticklabels()].index("ABSOLUTE")
    for ax, metric in zip(axes[4:], plots.BESIDE_METRICS, strict=True):
        dots = {line.get_marker(): float(line.get_xdata()[0]) for line in ax.lines if line.get_ydata()[0] == row}
        # The dot of the method, and the diamond of refusals at random at its rate.
        assert dots["o"] == pytest.approx(of["absolute", metric])
        assert dots["D"] == pytest.approx(of["random_refusal@absolute", metric])
        left, right = ax.get_xlim()
        assert left < min(dots.values()) and max(dots.values()) < right and left < 0 < right
    blind = table[table["metric"] != "matched_gain"]
    assert len(plots.main_scores(blind, "indist", roster=synthetic.ROSTER)) == 6


def test_undefined_score_is_a_dash_not_a_zero() -> None:
    table = synthetic.main_table()
    only = table[table["method"].isin(["unaligned", "absolute"])].copy()
    only.loc[(only["method"] == "absolute") & (only["metric"] == "accuracy"), ["value", "low", "high"]] = np.nan
    axes = plots.main_scores(only, "indist")
    assert texts(axes[3]).count("–") == 1
    assert sum(line.get_marker() == "o" for line in axes[3].lines) == 1


def test_out_of_distribution_leaves_out_roles_that_nobody_plays() -> None:
    axes = plots.out_of_distribution(synthetic.main_table(), {"in_distribution": "indist", "prior_known": "known"})
    assert len(axes) == 2
    assert "Prior known" in texts(axes[0])


def test_transition_grid_puts_counts_where_the_paper_has_them() -> None:
    # rows after, columns before: N7 is correct before and idk after, so it stands left below.
    counts = {("correct", "correct"): 5, ("correct", "idk"): 3, ("wrong", "idk"): 1234, ("idk", "wrong"): 2}
    rows = [
        {"method": "absolute", "dataset": "indist", "before": b, "after": a, "count": counts.get((b, a), 0)}
        for b in ("correct", "wrong", "idk")
        for a in ("correct", "wrong", "idk")
    ]
    (ax,) = plots.transition_grid(pd.DataFrame(rows), "indist", ["absolute"])
    found = {(round(t.get_position()[0]), round(t.get_position()[1])): t.get_text() for t in ax.texts[1::2]}
    assert found[0, 0] == "5" and found[0, 2] == "3" and found[1, 2] == "1,234" and found[2, 1] == "2"
    shares = ax.images[0].get_array()
    assert shares[2, 0] == pytest.approx(3 / 8) and shares[0, 1] == 0


def test_a_sweep_draws_both_rates_with_bands() -> None:
    table = synthetic.sweep_table()
    ax = plots.sweep(table, "tau")[0]
    prudence = table[table["metric"] == "prudence"]
    assert list(ax.lines[0].get_ydata()) == list(prudence["value"])
    assert len(ax.collections) == 3
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.1", "0.2", "0.3", "0.5", "0.7", "0.9"]


def test_a_sweep_of_several_methods_has_a_panel_each() -> None:
    one = synthetic.sweep_table().assign(quantity="questions", at=lambda table: 1000 * table["at"])
    axes = plots.sweep(pd.concat([one, one.assign(method="multisample")]), "questions")
    assert [ax.get_title() for ax in axes] == ["ABSOLUTE", "MULTISAMPLE"]
    assert axes[0].get_xscale() == "log"
    with pytest.raises(ValueError, match="sweep: no row with quantity = 'tau'"):
        plots.sweep(one, "tau")


def test_methods_are_points_below_or_above_the_curve() -> None:
    curve = pd.DataFrame({"coverage": [0.5, 1.0], "risk": [0.1, 0.4], "low": [0.05, 0.3], "high": [0.2, 0.5]})
    table = pd.concat(
        [curve.assign(source=source, method="unaligned") for source in ("likelihood", "expected_accuracy")]
    )
    main = synthetic.main_table()
    ax = plots.risk_coverage(table, main, "indist", ["unaligned", "absolute"])
    assert list(ax.lines[0].get_ydata()) == [0.1, 0.4]
    row = main[(main["dataset"] == "indist") & (main["method"] == "absolute")].set_index("metric")["value"]
    (point,) = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert point.get_xydata()[0] == pytest.approx([row["coverage"], 1 - row["reliable_accuracy"]])


def test_reliability_shows_only_methods_that_state_a_confidence() -> None:
    table = synthetic.calibration_table()
    silent = table[table["method"] == "confidence_num"].assign(method="absolute", count=0)
    axes = plots.reliability(pd.concat([table, silent]), "indist")
    assert axes.shape == (2, 2)
    few = table[table["method"] == "confidence_verb"].assign(method="multisample", count=0.9)  # 9 answers in ten bins
    assert plots.stating(pd.concat([table, few]), "indist") == ["confidence_num", "confidence_verb"]
    with pytest.raises(ValueError, match="no method states a confidence often enough on 'indist'"):
        plots.reliability(silent, "indist")
    heights = [bar.get_height() for bar in axes[1, 0].patches]
    assert heights == [0, 31, 48, 22, 60, 41, 12, 80, 220, 710]


def test_exposures_label_only_what_fits() -> None:
    counts = [0, 1, 2, 3, 6, 9, 12, 15, 19, 30, 31, 60, 61]
    table = pd.DataFrame({"exposures": counts, "expected_accuracy": 0.5, "low": 0.4, "high": 0.6, "questions": 9})
    ax = plots.exposures(table)
    assert_readable(drawn(plots.figure_of(ax)))
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert labels[:2] == ["0", "1"] and "61" not in labels
    assert len(ax.containers[0].lines[0].get_xdata()) == len(counts)


def test_more_methods_than_the_paper_still_fit() -> None:
    """Variants stand beside their methods: nine columns, names that need two lines."""
    table = synthetic.by_knowledge_table()
    more = [table[table["method"] == name].assign(method=f"{name}_choice") for name in ("absolute", "multisample")]
    axes = plots.by_knowledge(pd.concat([table, *more]))
    assert axes.shape == (2, 9)
    assert_readable(drawn(plots.figure_of(axes)))


def test_reliability_of_all_methods_keeps_to_the_page() -> None:
    table = synthetic.calibration_table()
    num = table[table["method"] == "confidence_num"]
    figure = plots.figure_of(
        plots.reliability(pd.concat(num.assign(method=name) for name in synthetic.METHODS), "indist")
    )
    assert figure.get_size_inches()[0] == PAGE
    assert_readable(drawn(figure))


def test_errors_name_what_there_is() -> None:
    table = synthetic.main_table()
    with pytest.raises(ValueError, match=r"no row with dataset = 'triviaqa'; there: \['choice', 'indist'"):
        plots.main_scores(table, "triviaqa")
    with pytest.raises(ValueError, match="names no set for any of"):
        plots.out_of_distribution(table, {"in_distribution": "indist"})
    with pytest.raises(ValueError, match="no row with method = 'oracle'"):
        plots.transition_grid(synthetic.transitions_table(), "indist", ["oracle"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_labels_are_spread_apart_in_order(places: list[float]) -> None:
    moved = sweeps._spread(places, 0.1)
    order = np.argsort(places, kind="stable")
    assert (np.diff(np.asarray(moved)[order]) >= 0.1 - 1e-9).all()
    if all(gap >= 0.1 for gap in np.diff(np.asarray(places)[order])):
        assert moved == pytest.approx(places)


def test_two_equal_labels_move_half_the_gap_each() -> None:
    assert sweeps._spread([0.5, 0.1, 0.5], 0.1) == pytest.approx([0.45, 0.1, 0.55])


# --- the annotation figure ------------------------------------------------------------------------------------------


def test_annotation_marks_each_sample_and_counts_repeated_rows() -> None:
    samples, rows = synthetic.annotation()
    words = texts(plots.data_annotation(samples, rows))
    # the greedy answer and 7 of 10 samples are right
    assert words.count("✓") == 8 and words.count("✗") == 3
    assert "Expected accuracy  7/10" in words
    assert "7 × Belgarno." in words and f"3 × {synthetic.REFUSAL}" in words


def test_annotation_of_a_question_that_nobody_can_know() -> None:
    samples, rows = synthetic.annotation()
    samples["answers"] = [[]] * len(samples)
    assert "Gold answer: none, nobody can know it" in texts(plots.data_annotation(samples, rows))


def test_annotation_holds_long_and_strange_text() -> None:
    samples, rows = synthetic.annotation()
    long = "Which of the following, costing $5 to $10, is_not {true}? " * 12
    samples["question"] = long + "\nA) one\nB) two"
    samples["text"] = "As an assistant I would say that it is, in all likelihood, Belgarno, the town."
    rows["completion"] = "word " * 200
    ax = plots.data_annotation(samples, rows)
    figure = drawn(plots.figure_of(ax))
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x1 <= figure.bbox.x1 and box.y0 >= 0, text.get_text()


def test_annotation_needs_one_question_with_samples() -> None:
    samples, rows = synthetic.annotation()
    with pytest.raises(ValueError, match="0 sampled answers to 1 questions"):
        plots.data_annotation(samples[samples["sample_index"] < 0], rows)


@settings(deadline=None, max_examples=30)
@given(st.text(alphabet="abc iW$.", max_size=60), st.floats(0.5, 2.0))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: float) -> None:
    lines = annotation.wrap(text, width, lines=100)
    assert all(annotation._width(line) <= width for line in lines)
    if all(annotation._width(word) <= width for word in text.split()):
        assert " ".join(lines).split() == text.split()


def test_choose_question_takes_a_half_known_one_that_greedy_gets_right() -> None:
    table = pd.DataFrame(
        [
            ("d", "wrong", 0.6),
            ("c", "correct", 0.6),
            ("b", "correct", 0.6),
            ("a", "correct", 1.0),
            ("e", "wrong", None),
        ],
        columns=["question_id", "greedy_outcome", "expected_accuracy"],
    )
    assert plots.choose_question(table) == "b"
    with pytest.raises(ValueError, match="sample the set first"):
        plots.choose_question(table[table["question_id"] == "e"])


def test_known_stacks_every_sampled_question_by_its_greedy_answer() -> None:
    table = synthetic.knowledge_table()
    ax = plots.known(pd.concat([table, table.head(5).assign(expected_accuracy=np.nan)]))  # those were not sampled
    # Bars are stacked: their heights add up to the questions, ten of each expected accuracy.
    assert sum(bar.get_height() for bar in ax.patches) == len(table)
    tops = {round(bar.get_x() + bar.get_width() / 2, 1): bar.get_y() + bar.get_height() for bar in ax.patches}
    assert set(tops) == {step / 10 for step in range(11)}
    with pytest.raises(ValueError, match="no question has an expected accuracy"):
        plots.known(table.assign(expected_accuracy=np.nan))


def test_a_tau_curve_without_a_sweep_has_lines_only() -> None:
    predicted = explore.predicted_scores(synthetic.knowledge_table(), [0.0, 0.5, 1.0])
    ax = plots.tau_curve(predicted, explore.measured_scores("none"))
    lines = {line.get_label(): line.get_ydata() for line in ax.lines if len(line.get_ydata())}
    assert np.allclose(lines["Prudence"], predicted["prudence"])
    assert not [line for line in ax.lines if line.get_marker() == "o" and len(line.get_ydata())]
