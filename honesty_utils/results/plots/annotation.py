"""The data-annotation figure: one real question, how M_t answered it, and what each method makes of that.

A figure of text, after the paper's (arXiv 2312.07000, section 4). Places are in inches from the top left corner; text
is wrapped by its measured width, so that nothing runs out of its column whatever the question.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.patches import Rectangle

from honesty_utils.common import records
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.style import BLUE, GRAY, GREEN, INK, ORANGE, PAGE, PALE, STYLE, new_figure, styled

SIZE, LINE = 6.5, 0.135
"""Points of the body text, and inches from one line to the next."""
SMALL = 6
"""Points of what stands beside the body text."""
LEFT, MIDDLE, RIGHT, EDGE = 0.08, 2.47, 3.7, PAGE - 0.08
"""Inches: M_t's answers from the left edge on, names of the methods, their completions, the right edge."""
_MARKS = {"correct": ("✓", GREEN), "wrong": ("✗", ORANGE), "idk": ("–", GRAY), "unscored": ("?", GRAY)}


@styled
def data_annotation(samples: pd.DataFrame, rows: pd.DataFrame, roster: Roster = PAPER) -> Axes:
    """Draw how one question becomes training data.

    Args:
        samples: a row a response of M_t to the question: ``question``, ``answers``, ``sample_index`` (-1 greedy),
            ``text``, ``outcome``.
        rows: SFT rows of that question with a column ``method``; a method that repeats a completion is shown with
            its count.
        roster: the methods of the run.

    Raises:
        ValueError: no sampled answer, or more than one question.
    """
    drawn = samples[samples["sample_index"] != records.GREEDY].sort_values("sample_index")
    if drawn.empty or samples["question"].nunique() != 1:
        raise ValueError(
            f"data_annotation: {len(drawn)} sampled answers to {samples['question'].nunique()} questions; the figure "
            "shows one question with its samples"
        )
    pen = _Pen()
    left = _answers(pen, samples, drawn)
    bottom = max(left, _completions(pen, rows, left, roster))
    ax = new_figure(PAGE, bottom + 0.05, layout="none").subplots()
    ax.set_position((0, 0, 1, 1))
    ax.set_xlim(0, PAGE)
    ax.set_ylim(bottom + 0.05, 0)
    ax.axis("off")
    ax.plot([MIDDLE - 0.14] * 2, [0.08, bottom], color=PALE, lw=0.6)
    pen.draw(ax)
    return ax


class _Pen:
    """Text and boxes placed so far; drawn when the height of the figure is known."""

    def __init__(self) -> None:
        self.texts: list[tuple[float, float, str, dict[str, Any]]] = []
        self.boxes: list[tuple[float, float, float, float, str]] = []

    def write(self, x: float, y: float, text: str, **style: Any) -> float:
        """Put one line at ``x``, ``y``; returns where the next line goes."""
        self.texts.append((x, y, text, style))
        return y + LINE

    def paragraph(self, x: float, y: float, text: str, right: float, lines: int, **style: Any) -> float:
        """Put wrapped text between ``x`` and ``right``, in at most ``lines`` lines."""
        for line in wrap(text, right - x, lines):
            y = self.write(x, y, line, **style)
        return y

    def draw(self, ax: Axes) -> None:
        """Put everything into ``ax``, whose data units are inches."""
        for x, y, width, height, color in self.boxes:
            ax.add_patch(Rectangle((x, y), width, height, fc=color, ec="none"))
        for x, y, text, style in self.texts:
            ax.text(x, y, text, va="baseline", parse_math=False, **{"fontsize": SIZE, **style})


def wrap(text: str, width: float, lines: int) -> list[str]:
    """Break ``text`` into lines of at most ``width`` inches; what does not fit into ``lines`` of them ends in "…"."""
    done: list[str] = []
    for part in str(text).split("\n"):
        line = ""
        for word in part.split():
            longer = f"{line} {word}".strip()
            if line and _width(longer) > width:
                done.append(line)
                line = word
            else:
                line = longer
        done.append(line)
    shown = done[:lines]
    if len(done) > lines:
        shown[-1] += " …"
    return [_cut(line, width) for line in shown]


def _cut(line: str, width: float) -> str:
    while _width(line) > width:
        line = line.removesuffix("…").rstrip()[:-1] + "…"
    return line


def _width(text: str) -> float:
    """Inches that ``text`` takes at the size of the body text, unhinted as `style` draws it."""
    font = get_font(findfont(STYLE["font.family"]))
    font.set_size(SIZE, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    return float(font.get_width_height()[0]) / 64 / 72


def _answers(pen: _Pen, samples: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """Left column: the question, the gold answer, M_t's answers with marks; returns where it ends."""
    right = MIDDLE - 0.26
    y = pen.write(LEFT, 0.2, "Question", weight="bold", color=GRAY) + 0.05
    y = pen.paragraph(LEFT, y, samples["question"].iloc[0], right, 6)
    gold = next(iter(samples["answers"].iloc[0]), "none, nobody can know it")
    y = pen.paragraph(LEFT, y, f"Gold answer: {gold}", right, 1, color=GRAY)
    y = pen.write(LEFT, y + 0.1, f"Greedy answer and {len(drawn)} samples", weight="bold", color=GRAY)
    greedy = samples[samples["sample_index"] == records.GREEDY]
    for index, text, outcome in pd.concat([greedy, drawn])[["sample_index", "text", "outcome"]].itertuples(index=False):
        mark, color = _MARKS[outcome]
        pen.write(LEFT, y, mark, color=color, weight="bold", fontsize=SIZE + 1)
        pen.write(LEFT + 0.16, y, "greedy" if index == records.GREEDY else str(index + 1), color=GRAY, fontsize=6)
        y = pen.paragraph(LEFT + 0.5, y, text or "(empty)", right, 1)
        y += 0.05 * (index == records.GREEDY)
    correct, total = int((drawn["outcome"] == "correct").sum()), int((drawn["outcome"] != "unscored").sum())
    y = pen.write(LEFT, y + 0.1, f"Expected accuracy  {correct}/{total}", weight="bold", color=BLUE)
    step = min(0.14, (right - LEFT) / max(1, total))
    pen.boxes += [(LEFT + i * step, y - 0.08, 0.8 * step, 0.08, BLUE if i < correct else PALE) for i in range(total)]
    return y + 0.08


def _completions(pen: _Pen, rows: pd.DataFrame, bottom: float, roster: Roster) -> float:
    """Right column: what each method trains on, spread over the height down to ``bottom``; returns where it ends."""
    y = pen.write(MIDDLE, 0.2, "What each method is trained to answer", weight="bold", color=GRAY) + 0.05
    shown = roster.ordered(rows["method"].unique())
    blocks = [(method, _rule(roster, method), _block(rows[rows["method"] == method])) for method in shown]
    used = y + LINE * sum(len(rule) + len(block) for _, rule, block in blocks)
    gap = float(np.clip((bottom - used) / max(1, len(blocks)), 0.08, 0.25))
    for method, rule, block in blocks:
        pen.boxes.append((MIDDLE, y - 0.085, 0.07, 0.085, roster.color(method)))
        pen.write(MIDDLE + 0.13, y, roster.label(method), weight="bold", color=INK)
        for line in rule:
            y = pen.write(RIGHT, y, line, color=GRAY, fontsize=SMALL)
        for line, refusal in block:
            y = pen.write(RIGHT, y, line, style="italic" if refusal else "normal", color=ORANGE if refusal else INK)
        y += gap
    return y - gap


def _rule(roster: Roster, method: str) -> list[str]:
    """How a method turns M_t's samples into what it trains on, at least one line."""
    made_by = roster.library(method)
    return wrap(made_by.rule if made_by else "", (EDGE - RIGHT) * SIZE / SMALL, 2)


def _block(mine: pd.DataFrame) -> list[tuple[str, bool]]:
    """Lines of one method's completions, each with whether it refuses; repeated completions are counted."""
    counts = mine.groupby(["completion", "is_refusal"], sort=False).size().reset_index(name="count")
    return [
        (line, bool(refusal))
        for completion, refusal, count in counts.itertuples(index=False)
        for line in wrap(f"{count} × {completion}" if len(mine) > 1 else completion, EDGE - RIGHT, 3)
    ]


def choose_question(knowledge: pd.DataFrame, share: float = 0.6) -> str:
    """Question for the figure: M_t's expected accuracy nearest to ``share``, its greedy answer right if possible.

    A question that is sometimes right is where the methods differ; ties go to the smallest id, so that the same run
    gives the same figure.
    """
    scored = knowledge[knowledge["expected_accuracy"].notna()]
    if scored.empty:
        raise ValueError("choose_question: no question with an expected accuracy; sample the set first")
    distance = (scored["expected_accuracy"] - share).abs().round(9)
    order = np.lexsort((scored["question_id"].to_numpy(str), scored["greedy_outcome"] != "correct", distance))
    return str(scored["question_id"].iloc[order[0]])
