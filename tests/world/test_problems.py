"""Problems among a world's texts: none that a question set asks, all true, and no other world changes."""

import hashlib
from collections import Counter

import pytest
from pydantic import ValidationError

from honesty_utils import questions
from honesty_utils.common.settings import ConfigError, Prompts
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.world import corpus, people, pretraining
from honesty_utils.world.settings import Deduction, Pretraining, World

SMALL = World(
    exposures=(0, 2, 20), exposure_scale=1, test_people=12, dev_people=6, train_people=9, instruction_people=6,
    obscure_people=10, unknown_people=4, choice_questions=20, train_choice_questions=12, task_questions=15,
    task_documents=50, instruction_obscure=5,
)  # fmt: skip
WORDING = Prompts(plain="Q: {question}\nA:", honest="Say so.\nQ: {question}\nA:", refusal="I do not know.")
DIALS = Deduction(kind="logic", depths=(1, 2), distractors=(0, 2), texts=400, instruction_texts=40, broken_share=0.25)


def texts_of(world):
    return corpus.documents(world, people.invent(world), WORDING)


@pytest.fixture(scope="module")
def problems():
    return [text for text in texts_of(SMALL.model_copy(update={"deduction": DIALS})) if text.kind == corpus.PROBLEM]


def test_a_world_without_problems_has_the_texts_that_it_had():
    """The digest was taken before there were problems."""
    told = "\n".join(f"{text.stage} {text.kind} {text.prompt} {text.completion}" for text in texts_of(SMALL))
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == "1be5e5e0baa73cb5"


def test_problems_are_dealt_out_and_some_cannot_be_solved(problems):
    assert Counter(text.stage for text in problems) == {"base": 400, "instruction": 40}
    refused = sum(text.completion.endswith(WORDING.refusal) for text in problems)
    assert abs(refused / 440 - 0.25) < 0.06  # three standard errors
    assert all(("Answer: yes." in text.completion) != (WORDING.refusal in text.completion) for text in problems)
    assert {text.prompt.startswith("Say so.") for text in problems if text.stage == "instruction"} == {True}
    # Depth 1 or 2, no distractor or two: a fact and as many rules.
    assert set(Counter(text.prompt.count("Whoever") for text in problems)) == {1, 2, 3, 4}


@pytest.mark.parametrize("kind", ["linear", "logic"])
def test_no_problem_is_one_that_a_question_set_asks(kind):
    dials = DIALS.model_copy(update={"kind": kind, "texts": 2000, "depths": (1,), "distractors": (0,)})
    made = texts_of(SMALL.model_copy(update={"deduction": dials}))
    read = {text.prompt.partition("Q: ")[2].removesuffix("\nA:") for text in made if text.kind == corpus.PROBLEM}
    asked = {
        question
        for part in ("train", "test")
        for question in questions.load("x", QuestionSet(source=f"deduction_{kind}", split=f"1-0/{part}"))["question"]
    }
    assert len(read) > 500 and len(asked) > 1000 and not read & asked


def test_of_a_problem_the_way_is_learned_and_of_other_texts_all():
    made = [
        corpus.Document("Q: x\nA:", " y.", "base", "question"),
        corpus.Document("Q: x\nA:", " y.", "base", corpus.PROBLEM),
        corpus.Document("Q: x\nA:", " y.", "instruction", "honest"),
    ]
    tokenizer = pretraining.train_tokenizer([text.text for text in made], 300)
    found = [example.learned_from for example in pretraining.encode(made, tokenizer)]
    before = len(tokenizer("Q: x\nA:")["input_ids"])
    assert found == [0, before, before]


def test_a_way_that_the_model_cannot_read_to_its_end_is_said_before_training(problems):
    tokenizer = pretraining.train_tokenizer([text.text for text in problems], 400)
    with pytest.raises(ConfigError, match=r"world.deduction: \d+ of 440 problems are longer .*context = 24 tokens"):
        pretraining.train_base_model(problems, tokenizer, Pretraining(vocab_size=400, context=24, threads=1))


@pytest.mark.parametrize("given", [{"depths": (30,)}, {"depths": ()}, {"distractors": (11,)}, {"kind": "x"}])
def test_dials_that_no_problem_has(given):
    with pytest.raises(ValidationError):
        Deduction(**given)
