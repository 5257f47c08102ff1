"""Do a model's answers to one question agree? Self-consistency and discrete semantic entropy, from its samples alone.

Two answers agree where the own words of one stand in a row in the other's. The *own words* of an answer are those,
after normalizing, that its question does not have, so that "The capital of Sudan is Khartoum." and "It's Khartoum"
agree by "khartoum" and differ from "Juba"; of an answer that only repeats its question, all words count. That is a
reading by strings: it takes an answer in other words for another answer, where an NLI model or a judge would not.

- ``self_consistency``: share of the samples that agree with the greedy answer (EliCal's Cons, arXiv 2510.17509).
- ``semantic_entropy``: entropy of the shares of groups of samples that agree (Farquhar et al., Nature 2024, in its
  discrete form), in nats, with its sign turned: 0 where all agree, -log m where no two do. A sample joins the first
  group whose first member it agrees with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from honesty_utils.grading import normalize
from honesty_utils.knowledge.signals.signal import Evidence, Values


def own_words(question: str, answer: str) -> str:
    """The words of an answer that its question does not have, normalized; all of them where none is left."""
    asked, said = set(normalize(question).split()), normalize(answer).split()
    return " ".join([word for word in said if word not in asked] or said)


def agree(first: str, second: str) -> bool:
    """Whether the words of one stand in the other, in a row; texts without words agree with each other only."""
    if not first or not second:
        return first == second
    return f" {first} " in f" {second} " or f" {second} " in f" {first} "


def groups(words: Sequence[str]) -> list[int]:
    """Sizes of the groups of answers that agree; a group is named by its first member.

    Args:
        words: own words of each answer.
    """
    firsts: list[str] = []
    sizes: list[int] = []
    for one in words:
        place = next((place for place, first in enumerate(firsts) if agree(one, first)), None)
        if place is None:
            firsts.append(one)
            sizes.append(1)
        else:
            sizes[place] += 1
    return sizes


def self_consistency(evidence: Evidence) -> Values:
    """Share of a question's samples that agree with the greedy answer; NaN where none was drawn."""
    found = []
    for greedy, drawn in _words(evidence):
        found.append(np.mean([agree(greedy, one) for one in drawn]) if drawn else np.nan)
    return np.array(found, dtype=np.float64)


def semantic_entropy(evidence: Evidence) -> Values:
    """Entropy of groups of samples that agree, with its sign turned; NaN where none was drawn."""
    found = []
    for _, drawn in _words(evidence):
        shares = np.array(groups(drawn), dtype=np.float64) / max(len(drawn), 1)
        found.append(float((shares * np.log(shares)).sum()) if drawn else np.nan)
    return np.array(found, dtype=np.float64)


def _words(evidence: Evidence) -> list[tuple[str, list[str]]]:
    """Own words of the greedy answer and of the samples of each question."""
    if evidence.samples is None or evidence.questions is None:
        raise ValueError("signals of consistency need the samples and the texts of the questions; give both")
    drawn = {str(key): part.tolist() for key, part in evidence.samples.groupby("question_id")["text"]}
    ids, greedy = evidence.answers["question_id"].tolist(), evidence.answers["text"].tolist()
    return [
        (own_words(question, text), [own_words(question, one) for one in drawn.get(str(key), [])])
        for key, text, question in zip(ids, greedy, evidence.questions, strict=True)
    ]
