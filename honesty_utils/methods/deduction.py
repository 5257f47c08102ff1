"""Problems that can be solved and twins that cannot: is it learned by rewards to tell which is which?

After Anchor (arXiv 2511.09222). TRAJECTORY SFT teaches the true way to every answer and, of a twin, as far as it goes,
what is lacking, and the refusal. GRPO (SOLVED) is shown nothing: 1 for a right answer and for refusing what cannot be
solved, else 0. Where it is never right nothing is paid but refusing twins, so that all may come to be refused. Three
remedies: to teach the ways first, to begin with what is easy, and to put the true way into every group of answers
(ANCHOR).
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from honesty_utils.common import prompts as wording
from honesty_utils.common.paths import BASE
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.methods.plan import TRAINED, Method, Space, Stage
from honesty_utils.methods.truth_rl import GRPO, SEARCH, asked
from honesty_utils.questions.deduction import reply
from honesty_utils.questions.settings import depth, unanswerable, way

NOTEBOOK = "44_deduction"


class Options(Section):
    """Nothing but what training and the objective have."""


def ways(labels: pd.DataFrame, prompts: Prompts, options: Section) -> pd.DataFrame:
    """One row a question: the true way to its answer, or as far as it goes, and the refusal.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and ``meta``, whose ``way`` has the sentences.
        prompts: holds the honest prompt and the refusal sentence.
        options: not looked at.

    Returns:
        SFT columns, questions in the order in which they first appear; none of a question without a way.
    """
    rows = []
    for item in labels.drop_duplicates("question_id").itertuples():
        steps = way(item.meta)
        if steps is None:
            continue
        answers: Any = item.answers
        answer = str(answers[0]) if len(answers) else None
        prompt = wording.render(prompts, "honest", str(item.question))
        text = reply(steps, answer, prompts.refusal)
        rows.append((item.question_id, prompt, text, answer is None, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def outlook(labels: pd.DataFrame, group: int) -> pd.DataFrame:
    """What M_t says to problems and to their twins, and what rewards would have to learn from, by depth.

    Args:
        labels: as for `ways`; every response that could be scored counts.
        group: answers that are compared.

    Returns:
        ``depth, solvable, problems, right, refused, wrong, tied``: shares of answers, and of groups in which all
        answers would be worth the same, if a problem's answers were drawn with the shares that its responses have.
    """
    scored = labels[labels["outcome"] != "unscored"]
    open_ = scored["meta"].map(unanswerable)
    paid = (scored["outcome"] == "correct") | ((scored["outcome"] == "idk") & open_)
    told = scored.assign(depth=scored["meta"].map(depth), solvable=~open_, paid=paid)
    rows = []
    for (steps, solvable), part in told.groupby(["depth", "solvable"], sort=True):
        share = part.groupby("question_id")["paid"].mean()
        tied = float((share**group + (1 - share) ** group).mean())
        said = [float((part["outcome"] == outcome).mean()) for outcome in ("correct", "idk", "wrong")]
        rows.append((steps, solvable, len(share), *said, tied))
    return pd.DataFrame(rows, columns=["depth", "solvable", "problems", "right", "refused", "wrong", "tied"])


def _taught(name: str = "aligned") -> Stage:
    return Stage(
        ways, name, needs_samples=False, needs_ways=True, lacking="no way to an answer (meta.way) that could be taught"
    )


def _rewarded(start: str = BASE, **given: object) -> Stage:
    how = {"reward": "solved", **given}
    return Stage(asked, GRPO, objective=GRPO, start=start, needs_samples=False, needs_ways=True, given=how)


def _method(label: str, rule: str, color: str, *stages: Stage, search: Space = SEARCH) -> Method:
    return Method(label, rule, Options, stages, color=color, notebook=NOTEBOOK, search=search)


METHOD = _method(
    "TRAJECTORY SFT", "the true way to the answer, or to what is lacking", "#7B3F00", _taught(), search=TRAINED
)
REWARDED = _method(
    "GRPO (SOLVED)", "rewarded for what is right, and for refusing what cannot be solved", "#6A8D2F", _rewarded()
)
WARM = _method(
    "SFT + GRPO (SOLVED)",
    "TRAJECTORY SFT, then rewarded for what is right, and for refusing what cannot be solved",
    "#1F6F8B",
    _taught("warm"),
    _rewarded("warm"),
)
CURRICULUM = _method("CURRICULUM GRPO", "GRPO (SOLVED), the easy problems first", "#D98C00", _rewarded(easy_first=True))
ANCHOR = _method(
    "ANCHOR", "GRPO (SOLVED) with the true way among every group of answers", "#C2185B", _rewarded(anchor=True)
)
