"""Do a model's answers to one question agree? Self-consistency and discrete semantic entropy, from its samples alone.

Two answers agree where the own words of one stand in a row in the other's. The *own words* of an answer are those,
after normalizing, that its question does not have, so that "The capital of Sudan is Khartoum." and "It's Khartoum"
agree by "khartoum" and differ from "Juba"; of an answer that only repeats its question, all words count. That is a
reading by strings: it takes an answer in other words for another answer, where an NLI model or a judge would not.

- ``self_consistency``: share of the samples that agree with the greedy answer (EliCal's Cons, arXiv 2510.17509).
- ``semantic_entropy``: entropy of the shares of groups of samples that agree (Farquhar et al., Nature 2024, in its
  discrete form), in nats, with its sign turned: 0 where all agree, -log m where no two do. A sample joins the first
  group whose first member it agrees with.
- ``string_entropy``: the same of samples that agree only where their normalized texts are equal, as R-Tuning-U (arXiv
  2311.09677) counts them.
- ``cocoa``: log-probability of the greedy answer times the share of the samples that differ from it (CoCoA, Vashurin et
  al., arXiv 2502.04964): 0 where all agree, however unlikely the words are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from honesty_utils.grading import normalize
from honesty_utils.knowledge.signals import likelihood
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


def string_entropy(evidence: Evidence) -> Values:
    """Entropy of equal normalized texts among the samples, with its sign turned; NaN where none was drawn."""
    found = []
    for texts in _drawn(evidence):
        shares = np.array(list(Counter(map(normalize, texts)).values()), dtype=np.float64) / max(len(texts), 1)
        found.append(float((shares * np.log(shares)).sum()) if texts else np.nan)
    return np.array(found, dtype=np.float64)


def cocoa(evidence: Evidence) -> Values:
    """Log-probability of the greedy answer, in nats, times the share of samples that differ from it."""
    # Adding 0 makes -0.0 a 0.0, which would sort and print otherwise.
    return likelihood.total(evidence) * (1.0 - self_consistency(evidence)) + 0.0


def _words(evidence: Evidence) -> list[tuple[str, list[str]]]:
    """Own words of the greedy answer and of the samples of each question."""
    drawn, questions = _drawn(evidence), evidence.questions or ()
    return [
        (own_words(question, text), [own_words(question, one) for one in texts])
        for text, texts, question in zip(evidence.answers["text"].tolist(), drawn, questions, strict=True)
    ]


def _drawn(evidence: Evidence) -> list[list[str]]:
    """The samples of each question."""
    if evidence.samples is None or evidence.questions is None:
        raise ValueError("signals of consistency need the samples and the texts of the questions; give both")
    drawn = {str(key): part.tolist() for key, part in evidence.samples.groupby("question_id")["text"]}
    return [drawn.get(str(key), []) for key in evidence.answers["question_id"]]
