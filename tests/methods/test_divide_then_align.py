"""Pairs of Divide-Then-Align by hand: each quadrant, what is missing, the mix."""

import pandas as pd
import pytest

from honesty_utils import methods
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.methods import divide_then_align

P = Prompts()
OUTCOMES = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}
# Greedy, then samples: without passages | with them | whether they hold the answer, "gold".
SPEC = {
    "kg": ("c cc", "c cc", True),
    "kg-differs": ("c cc", "w ww", True),  # known, and passages talk it out of it: no pair
    "kn": ("c cc", "w wc", False),
    "kn-firm": ("c cc", "c cc", False),  # no wrong answer with passages
    "ug": ("w ww", "c cw", True),
    "un": ("w wi", "w ww", False),
    "un-silent": ("i ii", "i ii", False),  # no wrong answer at all
    "unread": ("w uu", "w ww", False),  # not told whether it is known
}


def frame(spec):
    rows = [
        (key, index, f"{book}.{index}", OUTCOMES[letter], f"{key}?", ["gold"], book, passages)
        for key, (closed, opened, holds) in spec.items()
        for book, letters, passages in (
            ("open", opened, ("It is gold." if holds else "It is tin.", "More.")), ("closed", closed, None),
        )
        for index, letter in enumerate(letters.replace(" ", ""), start=-1)
    ]  # fmt: skip
    columns = ["question_id", "sample_index", "text", "outcome", "question", "answers", "book", "passages"]
    return pd.DataFrame(rows, columns=columns)


LABELS = frame(SPEC)


def pairs(labels=LABELS, **options):
    return methods.build("divide_then_align", labels, **{"share": None, "every_pair": True, **options})


def told(table):
    short = {P.refusal: "-"}
    shown = table.replace({"chosen": short, "rejected": short})
    rows = shown.groupby("question_id", sort=False)[["chosen", "rejected"]]
    return {key: {tuple(row) for row in part.itertuples(index=False)} for key, part in rows}


def test_quadrants_of_the_questions():
    found = divide_then_align.looked_at(LABELS, divide_then_align.Options())
    assert dict(zip(found["question_id"], found["quadrant"], strict=True)) == {
        "kg": "kg", "kg-differs": "kg", "kn": "kn", "kn-firm": "kn", "ug": "ug", "un": "un", "un-silent": "un",
    }  # fmt: skip


def test_every_pair_by_hand():
    table = pairs()
    records.conform(table, records.PAIRS, "divide_then_align")
    assert told(table) == {
        "kg": {("open.-1", "-")},
        # WA1 is what M_t says with passages; the right answer it has without them, for with them it is wrong.
        "kn": {("closed.-1", "-"), ("closed.-1", "open.-1")},
        "kn-firm": {("open.-1", "-")},
        "ug": {("open.-1", "-"), ("open.-1", "open.1"), ("open.-1", "closed.-1")},
        # No answer of M_t's is right: the gold one stands there.
        "un": {("-", "Gold."), ("-", "open.-1"), ("-", "closed.-1")},
        "un-silent": {("-", "Gold.")},
    }
    assert told(pairs(capitalize=False))["un-silent"] == {("-", "gold.")}
    refuses = table.groupby("question_id")["is_refusal"].all()
    assert set(refuses.index[refuses]) == {"un", "un-silent"}


def test_prompts_stand_behind_the_passages():
    asked = pairs().set_index("question_id")["prompt"]
    assert asked["kg"].startswith("Text: It is gold.\nText: More.\nAnswer the question.")
    assert set(asked["un"]) == {asked["un"].iloc[0]} and "un?" in asked["un"].iloc[0]


def test_one_pair_a_question_by_lot():
    many = frame({f"un{number}": SPEC["un"] for number in range(60)})
    table = pairs(many, every_pair=False)
    assert table["question_id"].is_unique and len(table) == 60
    kinds = table["rejected"].value_counts()
    assert set(kinds.index) == {"Gold.", "open.-1", "closed.-1"} and kinds.min() >= 10  # a third each, by lot
    assert not table.equals(pairs(many, every_pair=False, seed=1))


def test_tau_says_what_is_known():
    half = frame({"x": ("c cw", "w ww", False)})
    assert divide_then_align.looked_at(half, divide_then_align.Options(tau=0.5))["quadrant"].item() == "kn"
    assert divide_then_align.looked_at(half, divide_then_align.Options(tau=0.6))["quadrant"].item() == "un"


def test_the_mix_is_the_largest_that_the_share_allows():
    kinds = {"kg": 9, "kn": 8, "ug": 3, "un": 30}
    many = frame({f"{kind}{n}": SPEC[kind] for kind, number in kinds.items() for n in range(number)})
    table = pairs(many, share=0.7, every_pair=False)
    # ug has 3 of a tenth: 30 pairs, of them 21 of un and 3 of each other.
    counted = table["question_id"].str[:2].value_counts().to_dict()
    assert counted == {"un": 21, "kg": 3, "kn": 3, "ug": 3}
    assert list(table["question_id"]) == sorted(table["question_id"], key=list(many["question_id"].unique()).index)


def test_a_mix_that_cannot_be_made():
    with pytest.raises(ValueError, match=r"pairs by quadrant are .*'ug': 0.* of which no mix with 0\.7 of un"):
        pairs(frame({"kg": SPEC["kg"], "kn": SPEC["kn"], "un": SPEC["un"]}), share=0.7)


def test_both_books_are_needed():
    for lacking in (LABELS.drop(columns="book"), LABELS[LABELS["book"] == "open"]):
        with pytest.raises(ValueError, match=r"lack a column 'book' that has \['open', 'closed'\].*rows.open_book"):
            pairs(lacking)
