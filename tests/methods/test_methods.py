"""Methods: what each makes of the same seven questions, every option, bad input, and confidence read back."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils import methods
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts
from honesty_utils.methods import absolute, finetuned, phrases

P = Prompts()
REFUSAL = P.refusal
OUTCOMES = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}
FIELD = {
    "cor_rait", "corcer_rait", "elicited", "entropy_tuning", "idk_hir", "mixed", "r_tuning", "r_tuning_sure",
    "r_tuning_u",
}  # fmt: skip
"""Methods that look at the greedy answer or a signal alone; their rows are in test_field_methods.py."""
ALL = sorted(
    name
    for name, method in methods.METHODS.items()
    if [one.objective for one in method.stages] == ["sft"] and name not in FIELD and not method.stages[0].needs_ways
)
"""Methods that are rows to fine-tune on, and nothing else."""
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def labels(spec: dict[str, str], answers: dict[str, list[str]] | None = None) -> pd.DataFrame:
    """``{"q": "c cw"}``: the greedy outcome, a blank, those of the samples.

    A response's text is its question's id and place: ``Q.greedy``, ``Q.0``, ``Q.1``, … in capitals, so that a lowered
    first letter shows.
    """
    rows = []
    for question_id, letters in spec.items():
        greedy, _, samples = letters.partition(" ")
        for index, letter in enumerate(greedy + samples, start=-1):
            text = f"{question_id.capitalize()}.{'greedy' if index < 0 else index}"
            gold = (answers or {}).get(question_id, [f"gold of {question_id}", "alias"])
            rows.append((question_id, index, text, OUTCOMES[letter], f"{question_id}?", gold))
    return pd.DataFrame(rows, columns=["question_id", "sample_index", "text", "outcome", "question", "answers"])


TEN = labels(
    {
        "all": "c cccccccccc",  # 10 of 10
        "some": "w wwcwiwcwcw",  # 3 of 10, greedy wrong; right are samples 2, 6 and 8
        "one": "c wwwwwwwwwc",  # 1 of 10, greedy right
        "luck": "i wwwwcwwwww",  # 1 of 10, greedy a refusal
        "greedy": "c wwwwwwwwww",  # 0 of 10, greedy right
        "none": "w wwwwwiiiii",  # 0 of 10, greedy wrong
        "half": "u cuuuuwuuuu",  # 1 of 2 that could be scored, greedy unscored
    }
)


def completions(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["question_id"], table["completion"].replace(REFUSAL, "-"), strict=True))


FINETUNED = [
    # The greedy answer if right, else the first right sample, else the gold answer as a sentence.
    ({}, {"all": "All.greedy", "some": "Some.2", "one": "One.greedy", "luck": "Luck.4", "greedy": "Greedy.greedy",
          "none": "Gold of none.", "half": "Half.0"}),
    # The gold answer wherever the greedy one is not right.
    ({"target": "paper"}, {"all": "All.greedy", "some": "Gold of some.", "one": "One.greedy", "luck": "Gold of luck.",
                           "greedy": "Greedy.greedy", "none": "Gold of none.", "half": "Gold of half."}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), FINETUNED)
def test_finetuned(options: dict[str, Any], expected: dict[str, str]) -> None:
    table = methods.build("finetuned", TEN, **options)
    assert completions(table) == expected
    assert not table["is_refusal"].any()


GOLD = [("paris", "Paris."), ("Paris.", "Paris."), (" iOS 7 ", "IOS 7."), ("Who?", "Who?"), ("東京", "東京.")]


@pytest.mark.parametrize(("gold", "sentence"), GOLD)
def test_gold_sentence(gold: str, sentence: str) -> None:
    table = methods.build("finetuned", labels({"q": "w "}, {"q": [gold]}))
    assert table["completion"].tolist() == [sentence]


def test_a_gold_answer_keeps_its_first_letter_if_asked_to() -> None:
    table = methods.build("finetuned", labels({"q": "w "}, {"q": ["paris"]}), capitalize=False)
    assert table["completion"].tolist() == ["paris."]


def test_finetuned_leaves_out_a_question_without_a_gold_answer(caplog: pytest.LogCaptureFixture) -> None:
    # Nobody can know it, so that there is nothing right to teach, and FINE-TUNED teaches no refusal.
    table = labels({"q": "w w", "r": "w w", "s": "w wc"}, {"q": [], "s": []})
    assert completions(methods.build("finetuned", table)) == {"r": "Gold of r.", "s": "S.1"}
    assert caplog.messages == ["methods.finetuned: 1 of 3 questions left out: no gold answer to teach"]
    with pytest.raises(
        ValueError, match=r"methods.finetuned: none of 1 questions makes a row: no gold answer to teach"
    ):
        methods.build("finetuned", labels({"q": "w w"}, {"q": []}))


KNOWN = {"all": "All.greedy", "some": "Some.2", "one": "One.greedy", "luck": "Luck.4", "half": "Half.0"}
ABSOLUTE = [
    # tau 0.1: any right answer makes a question known, a right greedy one included.
    ({}, {**KNOWN, "greedy": "Greedy.greedy", "none": "-"}),
    # tau 0.3: 'luck' (1 of 10) is unknown; a right greedy answer is still enough.
    ({"tau": 0.3}, {**KNOWN, "luck": "-", "greedy": "Greedy.greedy", "none": "-"}),
    ({"tau": 3 * 0.1}, {**KNOWN, "luck": "-", "greedy": "Greedy.greedy", "none": "-"}),
    # tau alone: 0 of 10 is unknown whatever the greedy answer.
    ({"greedy_suffices": False}, {**KNOWN, "greedy": "-", "none": "-"}),
    ({"greedy_suffices": False, "tau": 0.5}, {**dict.fromkeys(KNOWN, "-"), "all": "All.greedy", "half": "Half.0",
                                              "greedy": "-", "none": "-"}),
    ({"greedy_suffices": False, "tau": 0.51}, {**dict.fromkeys(KNOWN, "-"), "all": "All.greedy", "greedy": "-",
                                               "none": "-"}),
    ({"greedy_suffices": False, "tau": 1}, {**dict.fromkeys(KNOWN, "-"), "all": "All.greedy", "greedy": "-",
                                            "none": "-"}),
    # tau 0: all are known, but there is nothing right to say to 'none'.
    ({"greedy_suffices": False, "tau": 0}, {**KNOWN, "greedy": "Greedy.greedy", "none": "-"}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), ABSOLUTE)
def test_absolute(options: dict[str, Any], expected: dict[str, str]) -> None:
    table = methods.build("absolute", TEN, **options)
    assert completions(table) == expected
    assert table["is_refusal"].tolist() == (table["completion"] == REFUSAL).tolist()


def test_absolute_random_sample() -> None:
    draws = [completions(methods.build("absolute", TEN, target="random_sample", seed=seed)) for seed in range(40)]
    drawn = {question: {draw[question] for draw in draws} for question in draws[0]}
    assert drawn["some"] == {"Some.2", "Some.6", "Some.8"}
    assert len(drawn["all"]) > 5 and "All.greedy" not in drawn["all"]
    # One right sample goes before a right greedy answer; without any, the greedy one is all there is.
    assert (drawn["one"], drawn["greedy"], drawn["none"]) == ({"One.9"}, {"Greedy.greedy"}, {"-"})


def test_random_sample_does_not_hang_on_the_order_of_rows() -> None:
    first = methods.build("absolute", TEN, target="random_sample", seed=3)
    shuffled = methods.build("absolute", TEN.sample(frac=1, random_state=1), target="random_sample", seed=3)
    assert completions(first) == completions(shuffled)


def test_random_sample_differs_between_questions() -> None:
    table = methods.build("absolute", labels({f"q{n}": "w cccc" for n in range(20)}), target="random_sample")
    assert {text.rsplit(".", 1)[1] for text in table["completion"]} == {"0", "1", "2", "3"}


def test_absolute_without_scored_samples(caplog: pytest.LogCaptureFixture) -> None:
    rows = labels({"right": "c uu", "wrong": "w uu", "open": "u uu", "known": "c cc"})
    with caplog.at_level(logging.WARNING):
        assert set(completions(methods.build("absolute", rows))) == {"right", "known"}
        assert set(completions(methods.build("absolute", rows, greedy_suffices=False))) == {"known"}
    assert caplog.messages == [
        "methods.absolute: 2 of 4 questions left out: no sample could be scored",
        "methods.absolute: 3 of 4 questions left out: no sample could be scored",
    ]


def num(percent: int, answer: str) -> str:
    return f"I'm {'only ' if percent <= 50 else ''}about {percent}% confident in this answer. {answer}"


def test_confidence_num() -> None:
    table = methods.build("confidence_num", TEN)
    assert completions(table) == {
        "all": num(100, "All.greedy"),
        "some": num(30, "Some.2"),
        "one": num(10, "One.greedy"),
        "luck": num(10, "Luck.4"),
        "greedy": "-",  # 0 of 10 is refused even though the greedy answer was right
        "none": "-",
        "half": num(50, "Half.0"),
    }
    stated = [1.0, 0.3, 0.1, 0.1, np.nan, np.nan, 0.5]
    np.testing.assert_array_equal(table["confidence"], stated)
    assert table["is_refusal"].tolist() == [value != value for value in stated]


def test_confidence_num_half_in_the_upper_wording() -> None:
    rows = labels({"q": "c cw", "r": "c cww"})
    upper = completions(methods.build("confidence_num", rows, half_in_lower=False))
    assert upper == {
        "q": "I'm about 50% confident in this answer. Q.greedy",
        "r": "I'm only about 33% confident in this answer. R.greedy",
    }
    lower = completions(methods.build("confidence_num", rows))
    assert lower["q"] == "I'm only about 50% confident in this answer. Q.greedy" and lower["r"] == upper["r"]


PERCENT = [
    ("cww", 33),  # 33.3
    ("ccw", 67),  # 66.7
    ("cwwwwwww", 13),  # 12.5 rounds up
    ("cccccwww", 63),  # 62.5
    ("c" + "w" * 499, 1),  # 0.2, but not 0
    ("c" * 21 + "w" * 19, 53),  # 52.5
]


@pytest.mark.parametrize(("samples", "percent"), PERCENT)
def test_confidence_num_other_numbers_of_samples(samples: str, percent: int) -> None:
    table = methods.build("confidence_num", labels({"q": f"c {samples}"}))
    assert completions(table) == {"q": num(percent, "Q.greedy")}
    assert table["confidence"].tolist() == [percent / 100]


def test_confidence_verb() -> None:
    table = methods.build("confidence_verb", TEN)
    assert completions(table) == {
        "all": "I'm absolutely certain that all.greedy",
        "some": "I'm not completely sure about this, but some.2",
        "one": "I'm really not sure about this, but one.greedy",
        "luck": "I'm really not sure about this, but luck.4",
        "greedy": "-",
        "none": "-",
        "half": "I'm fairly unsure either way, but probably half.0",
    }
    np.testing.assert_array_equal(table["confidence"], [0.95, 0.35, 0.15, 0.15, np.nan, np.nan, 0.55])


LEVELS = [
    (10, [None, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
    (5, [None, 0, 1, 2, 3, 4]),
    (3, [None, 1, 3, 4]),  # ceil(5/3) = 2nd, ceil(10/3) = 4th, 5th
    (1, [None, 4]),
    (20, [None, *[level for level in range(5) for _ in range(4)]]),
]


@pytest.mark.parametrize(("samples", "levels"), LEVELS)
def test_confidence_verb_levels(samples: int, levels: list[int | None]) -> None:
    spec = {f"q{right}": "w " + "c" * right + "w" * (samples - right) for right in range(samples + 1)}
    stated = methods.build("confidence_verb", labels(spec))["confidence"]
    expected = [np.nan if level is None else phrases.VERB_CONFIDENCE[level] for level in levels]
    np.testing.assert_array_equal(stated, expected)


def test_verb_confidence_is_the_mean_of_its_level() -> None:
    assert list(phrases.VERB_CONFIDENCE) == [(n + (n + 1)) / 20 for n in (1, 3, 5, 7, 9)]


FIRST = [
    # text, has choices, lowered
    ("Paris", False, "paris"),
    ("I think Paris", False, "i think Paris"),
    ("7 people", False, "7 people"),
    ("Élan", False, "élan"),
    ("A) Paris", False, "a) Paris"),  # no options, so no option letter
    ("A) Paris", True, "A) Paris"),
    ("B", True, "B"),
    ("(B)", True, "(B)"),
    ("C. Rome", True, "c. Rome"),  # there are two options
    ("Bonn", True, "bonn"),
]


@pytest.mark.parametrize(("text", "has_choices", "lowered"), FIRST)
def test_confidence_verb_first_letter(text: str, has_choices: bool, lowered: str) -> None:
    rows = labels({"q": "c c"}).assign(text=text, choices=[["Paris", "Bonn"] if has_choices else None] * 2)
    assert completions(methods.build("confidence_verb", rows))["q"] == f"I'm absolutely certain that {lowered}"
    kept = methods.build("confidence_verb", rows, lower_first=False)
    assert completions(kept)["q"] == f"I'm absolutely certain that {text}"


def test_confidence_after_the_answer() -> None:
    rows = labels({"sure": "c cc", "half": "c cw", "none": "c ww"})
    assert completions(methods.build("confidence_num", rows, position="after")) == {
        "sure": "Sure.greedy. I'm about 100% confident in this answer.",
        "half": "Half.greedy. I'm only about 50% confident in this answer.",
        "none": "-",
    }
    assert completions(methods.build("confidence_verb", rows.assign(text="Paris!"), position="after")) == {
        "sure": "Paris! I'm absolutely certain.",
        "half": "Paris! I'm fairly unsure either way.",
        "none": "-",
    }


CLOSING = [
    ("I'm really not sure about this, but {answer}", "I'm really not sure about this."),
    ("I'm fairly unsure either way, but probably {answer}", "I'm fairly unsure either way."),
    ("I'm fairly confident that {answer}", "I'm fairly confident."),
    ("I'm about {percent}% confident in this answer. {answer}", "I'm about {percent}% confident in this answer."),
    ("{answer} (sure: {percent}%)", "(sure: {percent}%)."),
    ("Quite sure: {answer}", "Quite sure."),
    ("I think {answer}, surely", "I think, surely."),
    ("我确定{answer}。", "我确定。"),
]


@pytest.mark.parametrize(("phrase", "sentence"), CLOSING)
def test_closing_sentence(phrase: str, sentence: str) -> None:
    assert phrases.closing_sentence(phrase) == sentence


@pytest.mark.parametrize("name", ["confidence_num", "confidence_verb"])
def test_confidence_random_sample(name: str) -> None:
    drawn = {
        row.completion.rsplit(" ", 1)[1].lower()
        for seed in range(30)
        for row in methods.build(name, TEN, target="random_sample", seed=seed).itertuples()
        if row.question_id == "some"
    }
    assert drawn == {"some.2", "some.6", "some.8"}


@pytest.mark.parametrize("name", ["confidence_num", "confidence_verb"])
def test_confidence_leaves_out_what_could_not_be_scored(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        table = methods.build(name, labels({"open": "c uu", "known": "w cu"}))
    assert table["question_id"].tolist() == ["known"]
    assert table["confidence"].tolist() == [1.0 if name == "confidence_num" else 0.95]  # 1 of 1
    assert caplog.messages == [f"methods.{name}: 1 of 2 questions left out: no sample could be scored"]


def test_multisample() -> None:
    table = methods.build("multisample", labels({"q": "c cwiuc", "r": "c ww", "s": "c uc"}))
    assert list(zip(table["question_id"], table["completion"].replace(REFUSAL, "-"), strict=True)) == [
        ("q", "Q.0"), ("q", "-"), ("q", "-"), ("q", "Q.4"), ("r", "-"), ("r", "-"), ("s", "S.1"),
    ]  # fmt: skip
    assert table["is_refusal"].tolist() == [False, True, True, False, True, True, False]


def test_multisample_rows_follow_expected_accuracy() -> None:
    table = methods.build("multisample", TEN)
    shares = (~table["is_refusal"]).groupby(table["question_id"]).mean()
    assert shares.to_dict() == {"all": 1, "some": 0.3, "one": 0.1, "luck": 0.1, "greedy": 0, "none": 0, "half": 0.5}
    assert len(table) == 6 * 10 + 2


# What holds for every method.


@pytest.mark.parametrize("name", ALL)
def test_tables_fit_their_schema(name: str) -> None:
    table = methods.build(name, TEN)
    records.conform(table, records.SFT, name)
    assert table["question_id"].drop_duplicates().tolist() == TEN["question_id"].drop_duplicates().tolist()
    assert set(table.loc[table["is_refusal"], "completion"]) <= {REFUSAL}
    assert REFUSAL not in set(table.loc[~table["is_refusal"], "completion"])
    stated = table["confidence"].notna()
    assert stated.tolist() == (~table["is_refusal"] if name.startswith("confidence") else stated & False).tolist()


@pytest.mark.parametrize("name", ALL)
def test_the_prompt_is_the_honest_one(name: str) -> None:
    rows = labels({"q": "c cc"}).assign(choices=[["Paris", "Bonn"]] * 3)
    own = Prompts(honest="Dare: {question} ({refusal})", refusal="Pass.")
    expected = prompts.render(own, "honest", "q?", ["Paris", "Bonn"])
    assert expected == "Dare: q?\nA) Paris\nB) Bonn (Pass.)"
    assert set(methods.build(name, rows, prompts=own)["prompt"]) == {expected}
    without = rows.assign(choices=[np.nan] * 3)  # as it comes out of a merge
    assert set(methods.build(name, without, prompts=own)["prompt"]) == {"Dare: q? (Pass.)"}


@pytest.mark.parametrize("name", [name for name in ALL if name != "finetuned"])
def test_own_refusal(name: str) -> None:
    table = methods.build(name, labels({"q": "w ww"}), prompts=Prompts(refusal="Pass."))
    assert set(table["completion"]) == {"Pass."}


SPECS = st.dictionaries(
    st.sampled_from(["p", "q", "r"]), st.from_regex(r"\A[cwiu] [cwiu]{1,8}\Z"), min_size=1, max_size=3
)


@given(SPECS, st.sampled_from(ALL))
def test_unscored_responses_count_for_nothing(spec: dict[str, str], name: str) -> None:
    # Taking them out of the labels changes no row, as long as each question keeps a sample.
    spec = {question: letters + "w" for question, letters in spec.items()}
    rows = labels(spec)
    left = rows[rows["outcome"] != "unscored"]
    pd.testing.assert_frame_equal(methods.build(name, rows), methods.build(name, left))


@given(SPECS)
def test_refusals_grow_with_tau(spec: dict[str, str]) -> None:
    rows = labels({question: letters + "w" for question, letters in spec.items()})
    refused = [
        set(table.loc[table["is_refusal"], "question_id"])
        for tau in np.linspace(0, 1, 6)
        for table in [methods.build("absolute", rows, tau=float(tau), greedy_suffices=False)]
    ]
    assert all(fewer <= more for fewer, more in itertools.pairwise(refused))


def test_methods_have_notebooks() -> None:
    for method in (methods.METHODS[name] for name in ALL):
        assert (NOTEBOOKS / f"{method.notebook}.ipynb").is_file()


# Confidence read back from a reply.


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("name", ["confidence_num", "confidence_verb"])
def test_confidence_reads_back(name: str, position: str) -> None:
    spec = {f"q{right}": "c " + "c" * right + "w" * (10 - right) for right in range(11)}
    table = methods.build(name, labels(spec), position=position)
    read = [methods.stated_confidence(text, P) for text in table["completion"]]
    np.testing.assert_array_equal(np.array(read, float), table["confidence"])
    for text in table["completion"]:
        assert methods.well_formed(text, P, name)


@given(st.sampled_from(ALL), st.sampled_from(["before", "after"]), SPECS)
def test_what_a_method_teaches_is_well_formed(name: str, position: str, spec: dict[str, str]) -> None:
    rows = labels({question: letters + "w" for question, letters in spec.items()})
    options = {"position": position} if name.startswith("confidence") else {}
    for row in methods.build(name, rows, **options).itertuples():
        assert methods.well_formed(row.completion, P, name)


STATED = [
    ("I'm about 70% confident in this answer. Paris", 0.7),
    ("i'm  ONLY about 5% confident\nin this answer.", 0.05),
    ("I'm about 72.5% confident in this answer. Paris", 0.725),
    ("I'm about 0% confident in this answer. Paris", 0.0),
    ("I'm about 700% confident in this answer. Paris", None),
    ("I'm about 70 confident in this answer. Paris", None),
    ("Paris. I'm about 70% confident in this answer.", 0.7),
    ("Paris. I'm about 70% confident in this answer. Or Rome.", None),
    ("I'm fairly confident that Paris", 0.75),
    ("I'm fairly confident that", 0.75),
    ("I'm fairly confident thatch burns", None),
    ("I'm fairly confident. Paris", None),
    ("Paris. I'm fairly confident.", 0.75),
    ("Paris! I'm really not sure about this.", 0.15),
    ("I'm fairly unsure either way, but probably Paris.", 0.55),
    ("Well, I'm fairly confident that Paris", None),
    ("I’m about 70% confident in this answer. Paris", 0.7),
    ("I am about 70 % confident in this answer. Paris", 0.7),
    ("I'm about 70 percent confident in this answer. Paris", 0.7),
    ("I'm only about 5 per cent confident in this answer. Paris", 0.05),
    ("**I'm about 70% confident** in this answer. *Paris*", 0.7),
    ("Paris. I AM ABOUT 70 PERCENT CONFIDENT IN THIS ANSWER.", 0.7),
    ("I am absolutely certain that Paris", 0.95),
    ("I’m not completely sure about this, but Paris", 0.35),
    ("I'm about 70 percentiles confident in this answer. Paris", None),
    (REFUSAL, None),
    ("Paris", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), STATED)
def test_stated_confidence(text: str, expected: float | None) -> None:
    assert methods.stated_confidence(text, P) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'd put it at 80 %: Paris", True), ("80 percent, Paris", True), ("Paris, surely not", False),
        ("Paris. I am UNSURE.", True), ("My confidence is low", True), ("Uncertainty aside, Paris", True),
        ("Paris", False), ("In 1980", False), ("The sure-footed Paris", True), ("", False),
    ],
)  # fmt: skip
def test_speaking_of_confidence(text: str, expected: bool) -> None:
    assert phrases.speaks_of_confidence(text) == expected


def test_an_answer_without_its_confidence_phrase() -> None:
    assert methods.without_confidence("I'm about 70% confident in this answer. Paris.", P) == "Paris."
    assert methods.without_confidence("Paris. I’m fairly confident.", P) == "Paris."
    assert methods.without_confidence("Paris, I'd say 70 %", P) == "Paris, I'd say 70 %"
    assert methods.without_confidence(REFUSAL, P) == REFUSAL


def test_the_longer_phrase_goes_first() -> None:
    phrases = ("Sure {answer}", "Sure as can be {answer}", "Hm {answer}", "Hm, maybe {answer}", "Yes {answer}")
    own = Prompts(confidence_verb=phrases)
    assert methods.stated_confidence("Sure as can be Paris", own) == 0.35
    assert methods.stated_confidence("Sure Paris", own) == 0.15
    assert methods.stated_confidence("Hm, maybe Paris", own) == 0.75


def test_phrases_without_spaces_and_around_the_answer() -> None:
    own = Prompts(
        confidence_num=("{answer}（{percent}%?）", "{answer}（{percent}%）"),
        confidence_verb=("也许{answer}吧", "可能{answer}", "大概{answer}", "应该{answer}", "肯定{answer}"),
    )
    assert methods.stated_confidence("可能巴黎", own) == 0.35
    assert methods.stated_confidence("也许巴黎吧", own) == 0.15
    assert methods.stated_confidence("巴黎（80%）", own) == 0.8
    assert methods.stated_confidence("巴黎（20%?）", own) == 0.2


FORMS = [
    # text, builders for which it is well formed
    (REFUSAL, {"absolute", "confidence_num", "confidence_verb", "multisample"}),
    (REFUSAL.lower() + " ", {"absolute", "confidence_num", "confidence_verb", "multisample"}),
    ("Paris", {"absolute", "finetuned", "multisample"}),
    ("I'm about 70% confident in this answer. Paris", {"confidence_num"}),
    ("Paris. I'm about 70% confident in this answer.", {"confidence_num"}),
    ("I'm about 70% confident in this answer.", set()),
    ("I'm about 70% confident in this answer. !!!", set()),
    ("I'm about 0% confident in this answer. Paris", set()),
    ("I'm absolutely certain that Paris", {"confidence_verb"}),
    ("I'm absolutely certain that ", set()),
    ("", set()),
]


@pytest.mark.parametrize(("text", "builders"), FORMS)
def test_well_formed(text: str, builders: set[str]) -> None:
    assert {name for name in ALL if methods.well_formed(text, P, name)} == builders


# Bad input.


def test_unknown_method() -> None:
    message = r"method 'absolut'; known: \['absolute', 'anchor', 'best_of_n', 'binary_reward', 'cocoa_threshold', "
    for call in (
        lambda: methods.build("absolut", TEN),
        lambda: methods.check_options("absolut", {}),
        lambda: methods.well_formed("Paris", P, "absolut"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


BAD_OPTIONS = [
    ("absolute", {"tau": 1.5}, r"methods.absolute: tau: .*less than or equal to 1; got 1.5"),
    ("absolute", {"tau": -0.1}, r"methods.absolute: tau: .*greater than or equal to 0; got -0.1"),
    ("absolute", {"tau": "high"}, r"methods.absolute: tau: .*number.*; got 'high'"),
    ("absolute", {"target": "any"}, r"methods.absolute: target: .*'greedy_first' or 'random_sample'; got 'any'"),
    ("absolute", {"tua": 0.1}, r"unknown options \['tua'\]; declared: \['greedy_suffices', 'seed', 'target', 'tau'\]"),
    ("finetuned", {"target": "gold"}, r"methods.finetuned: target: .*'code' or 'paper'; got 'gold'"),
    ("confidence_num", {"position": "inside"}, r"methods.confidence_num: position: .*'before' or 'after'"),
    ("confidence_num", {"lower_first": True}, r"methods.confidence_num: unknown options \['lower_first'\]"),
    ("confidence_verb", {"half_in_lower": True}, r"methods.confidence_verb: unknown options \['half_in_lower'\]"),
    ("confidence_verb", {"seed": -1}, r"methods.confidence_verb: seed: .*; got -1"),
    ("multisample", {"tau": 0.1}, r"methods.multisample: unknown options \['tau'\]; declared: \[\]"),
]


@pytest.mark.parametrize(("name", "options", "message"), BAD_OPTIONS)
def test_bad_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        methods.check_options(name, options)
    with pytest.raises(ValueError, match=message):
        methods.build(name, TEN, **options)


def test_check_options_names_where() -> None:
    with pytest.raises(ValueError, match=r"^params.yaml: tau: "):
        methods.check_options("absolute", {"tau": 2}, where="params.yaml")
    assert methods.check_options("absolute", {"tau": 0.5}) == absolute.Options(tau=0.5)
    assert methods.check_options("finetuned", {}) == finetuned.Options(target="code")


def test_samples_are_needed() -> None:
    rows = labels({"q": "c cc", "r": "c "})
    for name, method in methods.METHODS.items():
        for stage in method.stages:
            if stage.needs_samples:
                with pytest.raises(ValueError, match=rf"methods.{name}: 1 of 2 questions have no sampled resp.* 'r'"):
                    methods.build(name, rows, stage=stage.name)
    assert [name for name in ALL if not methods.METHODS[name].needs_samples] == ["finetuned"]
    assert completions(methods.build("finetuned", rows)) == {"q": "Q.greedy", "r": "R.greedy"}


def test_a_greedy_response_is_not_needed() -> None:
    rows = TEN[TEN["sample_index"] >= 0]
    expected = {"all": "All.0", "some": "Some.2", "one": "One.9", "luck": "Luck.4", "greedy": "-", "none": "-"}
    assert completions(methods.build("absolute", rows)) == {**expected, "half": "Half.0"}


@pytest.mark.parametrize("name", [name for name in ALL if name != "finetuned"])
def test_nothing_scored(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"methods.{name}: none of 1 questions makes a row: no sample could be scored"
    ):
        methods.build(name, labels({"q": "u uu"}))


def test_bad_labels() -> None:
    with pytest.raises(ValueError, match=r"methods.absolute: labels lack the columns \['answers', 'question'\]; merge"):
        methods.build("absolute", TEN.drop(columns=["question", "answers"]))
    with pytest.raises(ValueError, match=r"methods.absolute: labels have no rows; sample and label"):
        methods.build("absolute", TEN.iloc[:0])
    strange = TEN.assign(outcome=["right", *TEN["outcome"][1:]])
    with pytest.raises(ValueError, match=r"methods.absolute: row 0: outcome 'right'; allowed: \('correct', 'wrong'"):
        methods.build("absolute", strange)


NUM, VERB = P.confidence_num, P.confidence_verb
BAD_PHRASES = [
    ({"confidence_num": ("{percent}% sure", NUM[1])}, r"confidence_num: '{percent}% sure'; needs words and,"),
    ({"confidence_num": ("Hm, {answer}", NUM[1])}, r"confidence_num: 'Hm, {answer}'; needs .*{percent} and"),
    ({"confidence_verb": ("Hm", *VERB[1:])}, r"confidence_verb: 'Hm'; needs words and, once each, {answer}"),
    ({"confidence_verb": ("{answer}", *VERB[1:])}, r"confidence_verb: '{answer}'; needs words"),
    ({"confidence_verb": (VERB[1], *VERB[1:])}, r"confidence_verb: .* says the same as another level; word them apart"),
]


@pytest.mark.parametrize(("change", "message"), BAD_PHRASES)
def test_bad_phrases(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        methods.build("finetuned", TEN, prompts=Prompts(**change))
    with pytest.raises(ValueError, match=message):
        methods.stated_confidence("Paris", Prompts(**change))
