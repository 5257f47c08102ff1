"""Tables of sets with passages: by hand on small frames, identities, verdicts by their rules."""

import numpy as np
import pandas as pd
import pytest
from support.frames import evaluations

from honesty_utils.results import plots, tables
from honesty_utils.results.display import Roster, Shown
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.quadrants import CHANGES, COLUMNS

ANALYSIS = Analysis(roles={"in_distribution": "closed"}, resamples=1000)
LETTERS = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}


def frame(dataset, **said):
    """Answers of methods to a set, a letter a question; seeds behind a comma."""
    answers = {
        (method, seed): [("wrong", LETTERS[letter]) for letter in letters]
        for method, seeds in said.items()
        for seed, letters in enumerate(seeds.split(","))
    }
    return evaluations(answers, dataset).assign(question_id=lambda table: table["question_id"].str[-4:])


def told(quadrants, kinds=None):
    kinds = kinds or ["other"] * len(quadrants)
    return pd.DataFrame(
        {"question_id": [f"{n:04d}" for n in range(len(quadrants))], "quadrant": quadrants, "kind": kinds}
    )


def values(table, method, **where):
    found = table[table["method"] == method]
    for column, value in where.items():
        found = found[found[column] == value]
    return {metric: value for metric, value in zip(found["metric"], found["value"], strict=True)}


def test_quadrants_by_hand():
    both = frame("open", unaligned="cwcwwwww", absolute="ciciiiwu,ccccciii")
    places = ["kg", "kg", "kn", "kn", "ug", "ug", "un", "un"]
    table = tables.tab_quadrants(both, {"open": told(places)}, ANALYSIS)
    assert list(table.columns) == COLUMNS
    # Seed 0 is right in kg 1 of 2, seed 1 in 2 of 2.
    assert values(table, "absolute", quadrant="kg") == pytest.approx({"accuracy": 0.75, "refused": 0.25})
    # Seed 0 in un: one wrong, one unscored; seed 1 refuses both.
    found = values(table, "absolute", quadrant="un")
    assert found == pytest.approx({"accuracy": 0, "refused": 0.5, "hallucination": 0.5})
    assert values(table, "unaligned", quadrant="all")["quadrant_accuracy"] == 2 / 8
    assert set(table["questions"]) == {2, 8} and set(table.loc[table["method"] == "absolute", "seeds"]) == {2}
    told_of = table.dropna(subset=["value"])
    assert ((told_of["low"] <= told_of["value"] + 1e-9) & (told_of["value"] <= told_of["high"] + 1e-9)).all()


def test_a_question_of_which_is_not_told_whether_it_is_known_is_left_out():
    table = tables.tab_quadrants(frame("open", unaligned="cw"), {"open": told(["kg", None])}, ANALYSIS)
    assert values(table, "unaligned", quadrant="all")["quadrant_accuracy"] == 1
    assert set(table["questions"]) == {0, 1}


def test_no_set_with_passages_no_row():
    assert tables.tab_quadrants(frame("open", unaligned="c"), {}, ANALYSIS).empty


def test_what_passages_change_is_paired_by_question():
    read = frame("open", unaligned="ccwwcwii")
    alone = frame("closed", unaligned="cwcccwww")
    kinds = ["right", "right", "wrong", "wrong", "wrong", "wrong", "other", "other"]
    both = pd.concat([read, alone])
    table = tables.tab_passages(both, {"open": told(["kg"] * 8, kinds)}, {"open": "closed"}, ANALYSIS)
    assert list(table.columns) == CHANGES
    accuracy = table[table["metric"] == "accuracy"].set_index("kind")
    assert accuracy["without"].to_dict() == {"all": 4 / 8, "other": 0, "right": 1 / 2, "wrong": 3 / 4}
    assert accuracy["with"].to_dict() == {"all": 3 / 8, "other": 0, "right": 1, "wrong": 1 / 4}
    np.testing.assert_allclose(accuracy["value"], accuracy["with"] - accuracy["without"])
    refused = table[table["metric"] == "refused"].set_index("kind")["value"]
    assert refused["other"] == 1 and refused["wrong"] == 0
    same = tables.tab_passages(
        pd.concat([read, read.assign(dataset="closed")]), {"open": told(["kg"] * 8)}, {"open": "closed"}, ANALYSIS
    )
    assert (same["value"] == 0).all() and (same["low"] <= 0).all() and (same["high"] >= 0).all()


ROSTER = Roster(
    {
        "unaligned": Shown("UNALIGNED", "#000000", 0, library="unaligned"),
        "absolute": Shown("CLOSED", "#000000", 1, library="absolute"),
        "absolute_open": Shown("OPEN", "#000000", 2, library="absolute"),
        "divide_then_align": Shown("DIVIDED", "#000000", 3, library="divide_then_align"),
    }
)
OPENED = ["absolute_open", "divide_then_align"]


def claims(before, baseline, aligned, alone, seeds=3):
    """Verdicts for letters a quadrant, each of 60 questions; the baseline and the aligned have so many seeds."""

    def said(letters):
        return "".join(letter * 60 for letter in letters)

    many = {"absolute_open": baseline, "divide_then_align": aligned, "absolute": "wwww"}
    own = {name: ",".join([said(letters)] * seeds) for name, letters in many.items()}
    both = pd.concat([frame("open", unaligned=said(before), **own), frame("closed", unaligned=said(alone), **own)])
    places = [name for name in ("kg", "kn", "ug", "un") for _ in range(60)]
    kinds = [{"kg": "right", "kn": "wrong", "ug": "right", "un": "wrong"}[name] for name in places]
    table = tables.tab_quadrants_claims(
        both, {"open": told(places, kinds)}, {"open": "closed"}, OPENED, ANALYSIS, ROSTER
    )
    return table.drop_duplicates("number").set_index("number")


def test_all_that_is_claimed_holds():
    # Passages with a wrong value (kn, un) talk M_t out of what it knows; the aligned model is right where it can be.
    found = claims(before="cwcw", baseline="cicw", aligned="ccci", alone="ccww")
    assert found["verdict"].to_dict() == {1: "holds", 2: "holds", 3: "holds"}
    assert found.loc[2, "methods"] == "divide_then_align, absolute_open"  # not the one that learned without passages
    assert found.loc[1, "value"] == 0.5


def test_the_opposite_is_reversed():
    found = claims(before="cccw", baseline="ccci", aligned="ciwi", alone="cwww")
    assert found["verdict"].to_dict() == {1: "reversed", 2: "reversed", 3: "reversed"}


def test_nothing_that_differs_is_inconclusive_and_so_are_two_trainings():
    same = claims(before="cccw", baseline="cccw", aligned="cccw", alone="cccw")
    assert set(same["verdict"]) == {"inconclusive"}
    few = claims(before="cwcw", baseline="cicw", aligned="ccci", alone="ccww", seeds=2)
    assert few["verdict"].to_dict() == {1: "holds", 2: "inconclusive", 3: "inconclusive"}
    assert set(few["models"]) == {"holds"}  # M_t is one model, and what these models show is said


def test_knowledge_that_holds_at_the_price_of_reading_is_not_what_is_claimed():
    found = claims(before="cwcw", baseline="cicw", aligned="ccwi", alone="ccww")
    assert found.loc[3, "verdict"] == "reversed"


def test_the_picture_has_a_panel_a_quadrant_and_the_wanted_part_first():
    places = [name for name in ("kg", "kn", "ug", "un") for _ in range(4)]
    table = tables.tab_quadrants(frame("open", unaligned="ccwi" * 4), {"open": told(places)}, ANALYSIS)
    axes = plots.by_quadrant(table, "open", ROSTER)
    assert axes.shape == (2, 2)
    widths = [[bar.get_width() for bar in ax.patches] for ax in axes.ravel()]
    # Right, refused, wrong; where nothing is known, refused comes first.
    assert widths == [[0.5, 0.25, 0.25]] * 3 + [[0.25, 0.5, 0.25]]
    assert [ax.get_title().partition(" ")[0] for ax in axes.ravel()] == ["kg", "kn", "ug", "un"]


def test_the_picture_of_changes_has_a_panel_a_kind():
    both = pd.concat([frame("open", unaligned="cwcwcw"), frame("closed", unaligned="ccccww")])
    kinds = ["right", "right", "wrong", "wrong", "right", "right"]
    table = tables.tab_passages(both, {"open": told(["kg"] * 6, kinds)}, {"open": "closed"}, ANALYSIS)
    titles = [ax.get_title() for ax in plots.passages_change(table, "open", ROSTER)]
    assert titles == ["passages with the right value", "passages with a wrong value"]
    unmade = table[table["kind"] == "all"]
    assert [ax.get_title() for ax in plots.passages_change(unmade, "open", ROSTER)] == ["passages of all kinds"]


def test_the_look_at_two_books_shows_each_outcome():
    table = pd.DataFrame(
        {"quadrant": ["kn", "kn", "un"], "without": ["correct"] * 3, "with": ["wrong", "correct", "idk"]}
    )
    first, second = plots.two_books(table)
    assert [text.get_text() for text in first.get_yticklabels()] == ["kn (2)", "un (1)"]
    assert [bar.get_width() for bar in first.patches] == [1, 1, 0, 0, 0, 0]
    assert [bar.get_width() for bar in second.patches] == [0.5, 0, 0, 1, 0.5, 0]
