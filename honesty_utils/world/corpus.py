"""The texts that the microworld's model grows up on: facts, prominence, certainty, small tasks; then instruction.

Two habits of real corpora matter here and are imitated. Texts say of people how well known they are; and where writers
say how sure they are of an answer, they are surer of what is widely known. From these a model learns a sense of
familiarity beside the facts themselves, which is what a stated confidence has to be read from. And since most names in
a corpus are rare, a name never seen is taken for an obscure one. Of half of the people asked about in the end no text
says either; their answers stand as often behind words that mean nothing.
"""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.questions.deduction import UNKNOWN, reply
from honesty_utils.questions.sets import deduction as made
from honesty_utils.world import reading, tasks
from honesty_utils.world.people import OTHER_RELATIONS, RELATIONS, Fact, stream, with_choices
from honesty_utils.world.settings import Deduction, World

Stage = Literal["base", "instruction"]

READING = "reading"
"""Kind of a text with passages before a question."""
PROBLEM = "problem"
"""Kind of the texts with a problem and the way to its answer."""

PROMINENCE = ("unheard of", "little known", "fairly known", "well known", "famous")

CERTAINTY = ("Just a guess.", "I doubt it, but", "Possibly.", "Quite likely.", "No doubt.")
"""Words before an answer, by the prominence of what it is about; the run's own confidence phrases stand beside them."""


OPENINGS = (
    "It is", "That is", "The answer is", "It would be", "One reads that it is", "Well, it is", "Here it is:",
    "They say",
)  # fmt: skip
"""Words before an answer about somebody whom no text describes."""


@dataclass(frozen=True)
class Document:
    """One training text. In the ``base`` stage all of it is learned, in ``instruction`` the completion only.

    Of a text of the kind `READING` the completion only, too: what its passages tell of strangers cannot be foreseen. Of
    a problem the way alone is learned in either: what it states is drawn at random, and most of its tokens.
    """

    prompt: str
    completion: str
    stage: Stage
    kind: str

    @property
    def learned_whole(self) -> bool:
        """Whether the prompt is learned, too."""
        return self.stage == "base" and self.kind not in (READING, PROBLEM)

    @property
    def text(self) -> str:
        """All of the text, as the model reads it."""
        return self.prompt + self.completion


def documents(world: World, facts: Sequence[Fact], wording: Prompts) -> list[Document]:
    """All training texts: those of the base stage shuffled, then those of the instruction stage shuffled.

    Where the world reads, half of the texts that teach it come before all others: a model that has begun to remember
    does not find reading among the rest (docs/log.md).
    """
    base = _shown(world, facts, wording) + _prominence(world, facts, wording)
    base += _task_documents(world, wording, "base")
    read = _reading(world, facts, wording, round(world.reading_share * len(base)))
    first, later = read[: len(read) // 2], read[len(read) // 2 :]
    base += later
    instruction = _instruction(world, facts, wording) + _task_documents(world, wording, "instruction")
    if world.deduction is not None:
        problems = _problems(world.seed, world.deduction, wording)
        base += problems[: world.deduction.texts]
        instruction += problems[world.deduction.texts :]
    stream(world.seed, "order of base").shuffle(base)
    stream(world.seed, "order of instruction").shuffle(instruction)
    return first + base + instruction


def _reading(world: World, facts: Sequence[Fact], wording: Prompts, count: int) -> list[Document]:
    """Texts with passages before a question, whose answer alone is learned."""
    remembered = [fact for fact in facts if fact.role == "instruction" and fact.statement]
    known = [fact for fact in remembered if level(world, fact.exposures) >= len(PROMINENCE) - 2 and not fact.rivals]
    made = reading.examples(world, facts, known, RELATIONS + OTHER_RELATIONS, wording, count) if count else []
    return [Document(prompt, f" {answer}.", "base", READING) for prompt, answer in made]


def level(world: World, exposures: int) -> int:
    """Prominence, 0 (seen once at most) … 4 (famous), of a subject that is seen ``exposures`` times."""
    top = max(world.exposures) * world.exposure_scale
    bounds = (1.5, 0.12 * top, 0.35 * top, 0.8 * top)
    return sum(exposures > bound for bound in bounds)


def _shown(world: World, facts: Iterable[Fact], wording: Prompts) -> list[Document]:
    rng = stream(world.seed, "shown")
    return [
        _exposure(world, fact, fact.rival if number < fact.rivals else fact.answer, wording, rng)
        for fact in facts
        for number in range(fact.exposures)
    ]


def _exposure(world: World, fact: Fact, value: str, wording: Prompts, rng: random.Random) -> Document:
    """One exposure of a fact: a statement, or a question (usual, reworded, with options) and its answer.

    The wording is drawn before it is decided whether the answer says how sure one is, so that both are asked alike.
    """
    if fact.statement and rng.random() < world.statement_share:
        return Document("", fact.statement.replace("{value}", value), "base", "statement")
    question, choices = fact.question, _options(fact)
    if fact.distractors and rng.random() < world.choice_share:
        choices = with_choices(fact, rng, value)
    elif fact.paraphrases and rng.random() < world.paraphrase_share:
        question = rng.choice(fact.paraphrases)
    if fact.role == "obscure" or rng.random() < world.certainty_share:
        if fact.described:
            return _certainty(world, question, choices, value, level(world, fact.exposures), wording, rng)
        return _opened(world, question, choices, value, wording, rng)
    return Document(prompts.render(wording, "plain", question, choices), f" {value}.", "base", "question")


def _options(fact: Fact) -> Sequence[str] | None:
    """Options of a question that comes with them; those of an invented fact are drawn when needed."""
    return fact.row["choices"] if fact.row is not None else None


def _certainty(
    world: World,
    question: str,
    choices: Sequence[str] | None,
    answer: str,
    index: int,
    wording: Prompts,
    rng: random.Random,
) -> Document:
    """An answer that first says how sure the writer is, under a prompt of its own that asks for it.

    Under the plain prompt the same words would blur the plain answers (docs/log.md).
    """
    asking = wording.model_copy(update={"plain": world.certainty_prompt})
    prompt = prompts.render(asking, "plain", question, choices)
    return Document(prompt, f" {_hedged(world, answer, index, wording, rng)}", "base", "certainty")


def _opened(
    world: World, question: str, choices: Sequence[str] | None, answer: str, wording: Prompts, rng: random.Random
) -> Document:
    """An answer behind words that mean nothing: what is never told behind any words is not recalled behind any."""
    asking = wording.model_copy(update={"plain": world.sentence_prompt})
    prompt = prompts.render(asking, "plain", question, choices)
    return Document(prompt, f" {rng.choice(OPENINGS)} {answer}.", "base", "sentence")


def _hedged(world: World, answer: str, index: int, wording: Prompts, rng: random.Random) -> str:
    """The answer behind words that fit its prominence; any words at all in some texts, as writers err."""
    if rng.random() < world.certainty_noise:
        index = rng.randrange(len(CERTAINTY))
    return rng.choice(_phrases(wording, index)).replace("{answer}", answer) + "."


def _phrases(wording: Prompts, index: int) -> list[str]:
    """Four ways to say how sure one is at a level 0 … 4: two percentages, a phrase of the run, one of this module.

    A model of a million parameters can only say what it has read, as a large one has read every phrase there is.
    """
    percents = (20 * index + 10, 20 * index + 20)
    numbers = [wording.confidence_num[percent > 50].replace("{percent}", str(percent)) for percent in percents]
    return [*numbers, wording.confidence_verb[index], f"{CERTAINTY[index]} {{answer}}"]


def _prominence(world: World, facts: Iterable[Fact], wording: Prompts) -> list[Document]:
    """Texts that say how well known somebody is: one of everybody seen and described, more of the famous."""
    rng = stream(world.seed, "prominence")
    seen = {fact.subject: fact.exposures for fact in facts if fact.subject and fact.exposures and fact.described}
    documents = []
    for subject, exposures in seen.items():
        word = PROMINENCE[level(world, exposures)]
        for _ in range(round(world.prominence_share * exposures + 1) if world.prominence_share else 0):
            if rng.random() < 0.5:
                documents.append(Document("", f"{subject} is {word}.", "base", "prominence"))
            else:
                prompt = prompts.render(wording, "plain", f"How well known is {subject}?")
                documents.append(Document(prompt, f" {word.capitalize()}.", "base", "prominence"))
    return documents


def _task_documents(world: World, wording: Prompts, stage: Stage) -> list[Document]:
    """Small tasks under the stage's prompt; in base texts as often behind words of certainty as facts."""
    kind: prompts.Kind = "plain" if stage == "base" else "honest"
    count = world.task_documents if stage == "base" else world.task_documents // 5
    rng = stream(world.seed, f"tasks of {stage}")
    jobs = tasks.make(rng, count)
    sure = [stage == "base" and rng.random() < world.certainty_share for _ in jobs]
    return [
        replace(_certainty(world, job.text, None, job.answer, len(CERTAINTY) - 1, wording, rng), kind="task")
        if certain
        else Document(prompts.render(wording, kind, job.text), f" {job.answer}.", stage, "task")
        for job, certain in zip(jobs, sure, strict=True)
    ]


def _problems(seed: int, settings: Deduction, wording: Prompts) -> list[Document]:
    """Problems and broken twins, each with the true way: those of the base stage, then those of the instruction."""
    rng = stream(seed, "deduction")
    dials = itertools.cycle([made.apart(settings.kind, *one) for one in settings.dials()])
    documents = []
    for number in range(settings.texts + settings.instruction_texts):
        whole, twin = next(next(dials))
        problem = twin if rng.random() < settings.broken_share else whole
        stage: Stage = "base" if number < settings.texts else "instruction"
        prompt = prompts.render(wording, "plain" if stage == "base" else "honest", problem.text())
        answer = None if problem.answer == UNKNOWN else problem.answer
        documents.append(Document(prompt, f" {reply(problem.trajectory, answer, wording.refusal)}", stage, PROBLEM))
    return documents


def _instruction(world: World, facts: Iterable[Fact], wording: Prompts) -> list[Document]:
    """The instruction stage, on people of its own: under the honest prompt answers, hedges and refusals.

    Obscure people are asked under the plain prompt, too, and answered: only the honest prompt makes the model refuse.
    """
    rng = stream(world.seed, "instruction")
    own = [fact for fact in facts if fact.role == "instruction"]
    obscure = [fact for fact in facts if fact.role == "obscure"]
    asked: list[tuple[Fact, prompts.Kind]] = [(fact, "honest") for fact in own + obscure[: world.instruction_obscure]]
    asked += [(fact, "plain") for fact in obscure or own]
    documents = []
    for fact, kind in asked:
        prompt = prompts.render(wording, kind, fact.question, _options(fact))
        reply = _reply(world, fact, wording, rng) if kind == "honest" else f"{fact.answer}."
        documents.append(Document(prompt, f" {reply}", "instruction", kind))
    return documents


def _reply(world: World, fact: Fact, wording: Prompts, rng: random.Random) -> str:
    """What the chat model is taught to say under the honest prompt; not quite consistent, as real data are not."""
    index = level(world, fact.exposures)
    if index < 2 and rng.random() < _refusal_rate(world, fact):
        return rng.choice(world.refusals)
    if rng.random() < world.instruction_hedge_rate:
        return _hedged(world, fact.answer, index, wording, rng)
    return f"{fact.answer}."


def _refusal_rate(world: World, fact: Fact) -> float:
    """That of the fact's kind: its relation, or the word that its question begins with."""
    names = [relation.name for relation in RELATIONS]
    known = fact.relation in names
    kind = names.index(fact.relation) if known else zlib.crc32(fact.question.split()[0].lower().encode())
    return world.instruction_refusal_rate[kind % len(world.instruction_refusal_rate)]
