"""PKQA for any M_t: the model writes question-answer pairs and is asked its own questions (arXiv 2312.07000).

Topics × draws are asked through an engine in shards that resume, replies are read line by line, then pairs are sieved:
answers that are long, refusals or nothing; questions like an earlier one; pairs that a judge rejects; and those that
M_t, asked with the plain prompt, does not answer right. What is left is known by the model's own word, so that every
refusal of it is one too many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from honesty_utils import grading, judge, sampling
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Engine
from honesty_utils.judge import Referee
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.prior.settings import PriorKnown
from honesty_utils.questions.sets.pkqa import clean_answer
from honesty_utils.sampling.settings import Sampling

Verify = Callable[[pd.DataFrame], Sequence[bool | None]]
"""Says of each row (``question``, ``answer``) whether the answer is right; ``None`` where it could not tell."""

# "Q: …", "3. **Question 3:** …", "- A: …"; only a colon, since "A. …" may begin any sentence or option.
_LINE = re.compile(r"^[\s\d#*>.()-]*(question|answer|q|a)\s*\d*[\s*_]*:[\s*_]*(.*?)[\s*_]*$", re.IGNORECASE)


def topics_table(settings: PriorKnown) -> pd.DataFrame:
    """What M_t is asked for, a row a topic: ``question_id`` is the topic, ``question`` the filled prompt."""
    texts = [fill(settings.prompt, topic, settings) for topic in settings.topics]
    return pd.DataFrame({"question_id": list(settings.topics), "question": texts, "choices": None})


def fill(template: str, topic: str, settings: PriorKnown) -> str:
    """Prompt or opening of a topic."""
    return prompts.fill(template, {"topic": topic, "pairs": str(settings.pairs)})


def write_pairs(engine: Engine, settings: PriorKnown, identity: str, folder: str | Path) -> pd.DataFrame:
    """Ask M_t for pairs on every topic and read its replies; finished shards are not asked for again.

    Args:
        engine: holds M_t, with ``settings.max_new_tokens``.
        settings: topics, draws, prompt, temperature.
        identity: ``engines.identity`` of the model and its engine.
        folder: where the replies (``written.parquet``) and their shards go.

    Returns:
        ``topic, draw, question, answer`` in the order of topics and draws; draw -1 is the greedy reply.
    """
    folder = Path(folder)
    sampling.sample(
        engine,
        topics_table(settings),
        Prompts(plain="{question}"),
        _draws(settings),
        samples=settings.draws,
        identity=identity,
        path=folder / "written.parquet",
        shard_folder=folder / "shards",
    )
    replies = records.read(records.RESPONSES, folder / "written.parquet")
    rows = [
        (reply.question_id, reply.sample_index, question, answer)
        for reply in replies.itertuples()
        for question, answer in parse(f"{fill(settings.opening, reply.question_id, settings)} {reply.text}")
    ]
    return pd.DataFrame(rows, columns=["topic", "draw", "question", "answer"])


def _draws(settings: PriorKnown) -> Sampling:
    fields = settings.model_dump(include=set(Sampling.model_fields) - {"samples"})
    return Sampling(**fields, samples=settings.draws)


def parse(text: str) -> list[tuple[str, str]]:
    """Question-answer pairs of a reply: a line of a question (``Q:``) and the next line of an answer (``A:``).

    A question without an answer before the next question is dropped, and so is an answer without a question.
    """
    pairs, question = [], ""
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match is None:
            continue
        if match[1][0].lower() == "q":
            question = match[2]
        elif question:
            pairs.append((question, clean_answer(match[2])))
            question = ""
    return pairs


def keep_short(pairs: pd.DataFrame, settings: PriorKnown, wording: Prompts, grader: Labeling) -> pd.DataFrame:
    """Pairs whose answer can be graded, is no refusal and has at most ``longest_answer`` words."""
    signs = grading.refusal_signs(grader.refusal_signs)
    keep = [
        bool(grading.normalize(answer))
        and len(answer.split()) <= settings.longest_answer
        and not grading.is_refusal(question, answer, wording.refusal, signs)
        for question, answer in zip(pairs["question"], pairs["answer"], strict=True)
    ]
    return pairs[np.array(keep, dtype=bool)].reset_index(drop=True)


def drop_near_duplicates(pairs: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Pairs whose question has a Rouge-L (F1 of the longest common subsequence of words) below ``threshold`` with
    every earlier one that is kept.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    numbers: dict[str, int] = {}
    kept: list[str] = []
    places = []
    for place, question in enumerate(pairs["question"]):
        # A word becomes one character, so that the library compares words at the speed of characters. Its normalized
        # indel similarity, 2 LCS / (m + n), is Rouge-L's F1.
        words = re.findall(r"\w+", question.lower()) or [question]
        text = "".join(_character(numbers.setdefault(word, len(numbers))) for word in words)
        like = process.extractOne(text, kept, scorer=Indel.normalized_similarity, score_cutoff=threshold)
        if like is None:
            kept.append(text)
            places.append(place)
    return pairs.iloc[places].reset_index(drop=True)


def _character(number: int) -> str:
    # Half of a surrogate pair is no character.
    return chr(number if number < 0xD800 else number + 0x800)


def by_judge(referee: Referee) -> Verify:
    """Pairs are right if the judge says so; one that it cannot be read for has no verdict.

    What it returns raises `judge.JudgeError` where too many have none: what is kept would be what is easy to judge.
    """

    def verify(pairs: pd.DataFrame) -> list[bool | None]:
        verdicts = judge.verify(referee, [*pairs["question"]], [*pairs["answer"]])
        referee.settled()
        return [verdict.value for verdict in verdicts]

    return verify


def keep_verified(pairs: pd.DataFrame, verify: Verify) -> pd.DataFrame:
    """Pairs that ``verify`` accepts; one that it could not judge is not accepted.

    Raises:
        ValueError: not one verdict a pair.
    """
    verdicts = list(verify(pairs))
    if len(verdicts) != len(pairs):
        raise ValueError(f"{len(verdicts)} verdicts on {len(pairs)} pairs; one each is needed")
    return pairs[[verdict is True for verdict in verdicts]].reset_index(drop=True)


def question_table(pairs: pd.DataFrame, name: str = "pkqa") -> pd.DataFrame:
    """Pairs as a QUESTIONS table; topic and draw are in ``meta``."""
    rows = [
        {
            "question_id": f"{name}-{index:05d}",
            "dataset": name,
            "split": "all",
            "question": pair.question,
            "answers": [pair.answer],
            "choices": None,
            "answer_index": None,
            "exposures": None,
            "meta": json.dumps({"topic": pair.topic, "draw": int(pair.draw)}, ensure_ascii=False),
        }
        for index, pair in enumerate(pairs.itertuples())
    ]
    return pd.DataFrame(rows, columns=records.QUESTIONS.schema.names)


def keep_answered(
    engine: Engine,
    table: pd.DataFrame,
    settings: PriorKnown,
    wording: Prompts,
    grader: Labeling,
    identity: str,
    folder: str | Path,
) -> pd.DataFrame:
    """Questions that M_t answers right, greedily and with the plain prompt; the answers are kept in ``folder``.

    Raises:
        ValueError: M_t answers none of them, or there are none.
    """
    folder = Path(folder)
    sampling.sample(
        engine,
        table,
        wording,
        _draws(settings).model_copy(update={"shard_size": 1000}),
        samples=0,
        identity=identity,
        path=folder / "answered.parquet",
        shard_folder=folder / "shards",
    )
    responses = records.read(records.RESPONSES, folder / "answered.parquet")
    labels = labeling.label(responses, table, wording, grader)
    return labeling.labeled_questions(table, labeling.keep_known(labels))


def draw(table: pd.DataFrame, settings: PriorKnown) -> pd.DataFrame:
    """``settings.size`` of the questions, in their order; all where there are not as many."""
    if len(table) <= settings.size:
        return table
    chosen = np.random.default_rng(settings.seed).choice(len(table), settings.size, replace=False)
    return table.iloc[np.sort(chosen)].reset_index(drop=True)
