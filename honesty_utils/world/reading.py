"""Base texts that show passages before a question and its answer: from them a model learns to look there.

Most of them are about people of whom nothing else is ever told, so that only a passage can be where the answer is from.
In the second half every other one is about people who are told of often, behind passages that say nothing of what is
asked, so that what is remembered still counts. No text of either kind contradicts what a model knows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.questions.settings import OTHER
from honesty_utils.world.people import Fact, Relation, strangers, stream, texts
from honesty_utils.world.settings import World

NUMBER = 2
"""Passages before a question, in base texts."""


def examples(
    world: World,
    facts: Sequence[Fact],
    known: Sequence[Fact],
    relations: Sequence[Relation],
    wording: Prompts,
    count: int,
) -> list[tuple[str, str]]:
    """Prompt and answer of ``count`` texts that show passages before a question: first those about strangers alone.

    Args:
        world: its seed draws them.
        facts: of the world; nobody of the people whom only a passage tells of has one of their names.
        known: those that are told often enough to be remembered, of one role.
        relations: that are asked about.
        wording: the plain prompt and the wording of passages.
        count: of texts.
    """
    rng = stream(world.seed, "reading")
    names = strangers(world, facts, rng)
    about = texts(world, known) if known else {}
    remembered = [fact for fact in known if len(about[fact.subject, fact.relation][OTHER]) >= NUMBER]
    made = []
    for number in range(count):
        if number >= count // 2 and number % 2 and remembered:
            fact = rng.choice(remembered)
            shown = rng.sample(about[fact.subject, fact.relation][OTHER], NUMBER)
            question, answer = rng.choice([fact.question, *fact.paraphrases]), fact.answer
        else:
            question, shown, answer = _of_a_stranger(names, relations, rng)
        prompt = prompts.with_passages(wording, prompts.render(wording, "plain", question), shown)
        made.append((prompt, answer))
    return made


def _of_a_stranger(
    names: Iterator[str], relations: Sequence[Relation], rng: random.Random
) -> tuple[str, list[str], str]:
    """A question about somebody of whom nothing else is told, passages of which one tells it, and its answer.

    The other passage tells something else of the same person, or the same of another one.
    """
    asked, further = rng.sample(relations, 2)
    name, value, rival = next(names), *rng.sample(asked.values, 2)
    alike = asked.statement.format(name=next(names), value=rival)
    besides = further.statement.format(name=name, value=rng.choice(further.values))
    shown = [asked.statement.format(name=name, value=value), rng.choice([alike, besides])]
    rng.shuffle(shown)
    return rng.choice([asked.question, asked.paraphrase]).format(name=name), shown, value
