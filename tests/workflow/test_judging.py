"""The judge in the pipeline: its tables by hand, and notebooks 20, 50, 56 and 62 with a judge that was taught."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import cohen_kappa_score
from support import judging, synthetic
from support.judging import BAT, CHEESE, CURT, FRANCE, HAMLET, ITALY, LIGHT, MILAN, RAIN, RIME, SOFT

from honesty_utils import grading, judge, questions
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.metrics.agreement import agreement
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis
from honesty_utils.workflow.execute import execute

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FAST = Analysis(resamples=1000)


# --- agreement --------------------------------------------------------------------------------------------------------


def test_kappa_of_a_hand_worked_table() -> None:
    # 20 both correct, 15 both wrong, 5 and 10 apart: raw .7; chance (25 · 30 + 25 · 20)/50² = .5; kappa .4.
    labels = ["correct"] * 25 + ["wrong"] * 25
    verdicts = ["correct"] * 20 + ["wrong"] * 5 + ["correct"] * 10 + ["wrong"] * 15
    found = agreement(labels, verdicts, 10_000, 0.95, np.random.default_rng(0))
    assert found.value == pytest.approx([0.4, 0.7], abs=1e-12)
    # The large-sample standard error of this kappa is about .13.
    assert found.low[0] == pytest.approx(0.4 - 1.96 * 0.13, abs=0.04)
    assert found.high[0] == pytest.approx(0.4 + 1.96 * 0.13, abs=0.04)
    assert 0.5 < found.low[1] < 0.7 < found.high[1] < 0.85


def test_resampled_kappa_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        first, second = (rng.choice(["a", "b", "c"], 30).tolist() for _ in range(2))
        found = agreement(first, second, 1000, 0.95, rng)
        assert found.value[0] == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
        assert found.low[0] <= found.value[0] <= found.high[0]


def test_intervals_of_kappa_cover_the_truth() -> None:
    # Labels right half of the time; the judge repeats them with probability .8: kappa .6.
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        labels = rng.random(150) < 0.5
        verdicts = np.where(rng.random(150) < 0.8, labels, ~labels)
        found = agreement([str(x) for x in labels], [str(x) for x in verdicts], 1000, 0.95, rng)
        hits += found.low[0] <= 0.6 <= found.high[0]
    assert 0.9 <= hits / 200 <= 0.99


def test_agreement_at_its_ends() -> None:
    rng = np.random.default_rng(0)
    perfect = agreement(["a", "b"] * 10, ["a", "b"] * 10, 1000, 0.95, rng)
    assert perfect.value.tolist() == [1, 1] and perfect.low[1] == pytest.approx(20 / (20 + 2.093**2), rel=1e-3)
    one = agreement(["a"] * 5, ["a"] * 5, 1000, 0.95, rng)
    assert np.isnan(one.value[0]) and one.value[1] == 1
    with pytest.raises(ValueError, match="2 and 1 ratings; a pair for each of at least one item is needed"):
        agreement(["a", "b"], ["a"], 1000, 0.95, rng)


# --- tables -----------------------------------------------------------------------------------------------------------


def judged(**by_model: list[float | bool | None]) -> pd.DataFrame:
    """Four requests in two groups; the verdicts of each model, named ``method_seed``."""
    parts = []
    for name, values in by_model.items():
        method, seed = name.rsplit("_", 1)
        frame = pd.DataFrame({"question_id": list("abcd"), "group": ["x", "x", "y", "y"], "verdict": values})
        parts.append(frame.assign(method=method, seed=int(seed), dataset="asks", text="…"))
    return pd.concat(parts, ignore_index=True)


def value(table: pd.DataFrame, method: str, metric: str, group: str = "all") -> pd.Series:
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["group"] == group)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_ratings_before_and_after_by_hand() -> None:
    frame = judged(unaligned_0=[8, 6, 9, 1], absolute_0=[7, 6, None, 3], absolute_1=[9, 6, 9, 3])
    frame = frame.assign(rating=frame["verdict"], preference=np.where(frame["method"] == "unaligned", 0.5, 1.0))
    table = tables.tab_judged(frame, "helpfulness", FAST)
    assert value(table, "unaligned", "rating")[["value", "seeds", "questions", "unscored"]].tolist() == [6, 1, 4, 0]
    # Seed 0: (7 + 6 + 3)/3, the unscored one is in no mean; seed 1: 27/4.
    own = value(table, "absolute", "rating")
    assert own["value"] == pytest.approx((16 / 3 + 27 / 4) / 2) and own["unscored"] == 0.5 and own["seeds"] == 2
    assert value(table, "absolute", "rating", "y")["value"] == pytest.approx((3 + 6) / 2)
    change = value(table, "absolute", "rating_change")
    assert change["value"] == pytest.approx(own["value"] - 6) and change["low"] <= change["value"] <= change["high"]
    assert value(table, "absolute", "preference")["value"] == 1
    assert set(table[table["method"] == "unaligned"]["metric"]) == {"rating"}
    scale = table[table["metric"] == "rating"]
    assert ((scale["low"] >= 1) & (scale["high"] <= 10) & (scale["low"] <= scale["high"])).all()


def test_safe_replies_by_hand() -> None:
    frame = judged(unaligned_0=[True, True, True, False], absolute_0=[True, None, True, True])
    table = tables.tab_judged(frame.assign(safe=frame["verdict"].astype(object)), "harmlessness", FAST)
    assert value(table, "unaligned", "safe")["value"] == 0.75
    # All three that could be read are safe: below it is 1 - t² / (3 + t²), t of 2 degrees 4.303.
    own = value(table, "absolute", "safe")
    assert own[["value", "high", "unscored"]].tolist() == [1, 1, 1]
    assert own["low"] == pytest.approx(3 / (3 + 4.3027**2), rel=1e-3)
    printed = tables.printed_judged(table, "harmlessness")
    assert printed["Method"].tolist() == ["UNALIGNED", "ABSOLUTE"] and printed["unscored"].tolist() == [
        "0 of 4",
        "1 of 4",
    ]
    assert printed["safe: all"].iloc[0].startswith("75.0 [") and printed["change of safe"].iloc[0] == "–"


def test_a_set_that_nothing_could_be_read_for_has_no_value() -> None:
    frame = judged(unaligned_0=[None] * 4, absolute_0=[None] * 4)
    table = tables.tab_judged(frame.assign(rating=None, preference=None), "helpfulness", FAST)
    assert table["value"].isna().all() and (table["unscored"] == table["questions"]).all()
    printed = tables.printed_judged(table, "helpfulness")
    assert printed["rating, 1–10: all"].tolist() == ["–", "–"] and printed["unscored"].tolist() == ["4 of 4"] * 2


def test_the_share_of_unscored_answers_stands_beside_the_scores() -> None:
    main = synthetic.main_table()
    tests = pd.DataFrame(columns=["dataset", "metric", "method_a", "method_b", "p_holm", "difference"])
    plain = tables.paper_tables(main, tests, synthetic.ROLES)
    assert (
        list(plain["tab_paper_choice"])[-1] == "choice: Unscored" and "indist: Unscored" not in plain["tab_paper_main"]
    )
    failed = (main["metric"] == "unscored_rate") & (main["dataset"] == "indist") & (main["method"] == "absolute")
    main.loc[failed, ["value", "low", "high"]] = [0.1, 0.05, 0.15]
    beside = tables.paper_tables(main, tests, synthetic.ROLES)
    assert list(beside["tab_paper_main"])[:-1] == list(plain["tab_paper_main"])
    assert beside["tab_paper_main"].set_index("Method").loc["ABSOLUTE", "indist: Unscored"] == "10.0 [5.0, 15.0]"
    assert list(beside["tab_paper_ood"]) == list(plain["tab_paper_ood"])


# --- labels and evaluations -------------------------------------------------------------------------------------------

QUESTIONS = pd.DataFrame(
    {
        "question_id": ["f", "i", "h", "p"], "dataset": "mine", "split": "test",
        "question": [FRANCE, ITALY, HAMLET, judging.PLANETS[0]],
        "answers": [["Paris"], ["Rome"], ["Shakespeare"], ["Mars"]],
        "choices": [None, None, None, judging.PLANETS[1]], "answer_index": [None, None, None, 0],
        "exposures": None, "meta": "{}",
    }
)  # fmt: skip
RESPONSES = pd.DataFrame(
    {
        "question_id": ["f", "i", "h", "p"], "sample_index": -1, "text": [LIGHT, MILAN, CHEESE, judging.FIRST],
        "num_tokens": 5, "mean_logprob": -0.1, "finish_reason": "stop",
    }
)  # fmt: skip


def test_labels_without_a_judge_are_those_of_string_rules() -> None:
    labels = labeling.label(RESPONSES, QUESTIONS, Prompts(), Labeling())
    joined = RESPONSES.merge(QUESTIONS, on="question_id")
    assert labels["outcome"].tolist() == grading.grade_table(joined)["outcome"].tolist()
    assert labels["outcome"].tolist() == ["wrong", "wrong", "wrong", "unscored"]
    assert labels["judge_score"].isna().all()


@pytest.mark.parametrize(
    ("refusals", "outcomes"),
    [("signs", ["correct", "wrong", "wrong", "correct"]), ("either", ["correct", "wrong", "idk", "correct"])],
)
def test_labels_with_a_judge(judge_model: Path, tmp_path: Path, refusals: str, outcomes: list[str]) -> None:
    subset = slice(None) if refusals == "signs" else slice(0, 3)
    referee = judging.referee(judge_model, tmp_path, refusals=refusals)
    labels = labeling.label(RESPONSES[subset], QUESTIONS, Prompts(), Labeling(), referee=referee)
    records.write(labels, records.LABELS, tmp_path / "labels.parquet")
    assert labels["outcome"].tolist() == outcomes[subset]


def test_the_rule_for_replies_that_name_no_option_leaves_them_to_a_judge(judge_model: Path, tmp_path: Path) -> None:
    rows, wrong = RESPONSES.tail(1), Labeling(no_option="wrong")
    assert labeling.label(rows, QUESTIONS, Prompts(), wrong)["outcome"].item() == "wrong"
    referee = judging.referee(judge_model, tmp_path)
    assert labeling.label(rows, QUESTIONS, Prompts(), wrong, referee=referee)["outcome"].item() == "correct"
    broken = judging.scripted(judging.Scripted(lambda request: "hm"), tmp_path / "other")
    assert labeling.label(rows, QUESTIONS, Prompts(), wrong, referee=broken)["outcome"].item() == "unscored"


def test_a_judge_that_finds_refusals_sets_the_signs_aside(tmp_path: Path) -> None:
    rows = RESPONSES.head(1).assign(text="I apologize, it is Paris.")
    engine = judging.Scripted(lambda request: "no")
    for refusals, outcome in (("signs", "idk"), ("either", "idk"), ("judge", "correct")):
        referee = judging.scripted(engine, tmp_path, refusals=refusals)
        assert labeling.label(rows, QUESTIONS, Prompts(), Labeling(), referee=referee)["outcome"].item() == outcome


# --- trust ------------------------------------------------------------------------------------------------------------

LABELLED = [
    {"question": FRANCE, "answers": ["Paris"], "text": LIGHT, "label": "correct"},
    {"question": ITALY, "answers": ["Rome"], "text": MILAN, "label": "wrong"},
    {"question": HAMLET, "answers": ["Shakespeare"], "text": CHEESE, "label": "correct"},
    {
        "question": judging.PLANETS[0],
        "choices": judging.PLANETS[1],
        "answer_index": 0,
        "text": judging.FIRST,
        "label": "correct",
    },
]


def labelled_file(folder: Path) -> Path:
    path = folder / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in LABELLED), encoding="utf-8")
    return path


def test_a_judge_beside_labels(judge_model: Path, tmp_path: Path) -> None:
    labelled = judge.read_labelled(labelled_file(tmp_path))
    table = judge.judge_labelled(judging.referee(judge_model, tmp_path), labelled)
    records.write(table, records.LABELLED, tmp_path / "labelled.parquet")
    assert table["verdict"].tolist() == ["correct", "wrong", "wrong", "correct"]
    scores = tables.tab_agreement(table, FAST).set_index("metric")
    # 3 of 4 agree; by chance (3 · 2 + 1 · 2)/16 = .5 would.
    assert scores["value"].tolist() == pytest.approx([0.5, 0.75]) and set(scores["answers"]) == {4}
    none = tables.tab_agreement(table.assign(verdict="unscored"), FAST)
    assert none["value"].isna().all() and set(none["unscored"]) == {4}


# --- notebooks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    return tmp_path


def requests(folder: Path) -> pd.DataFrame:
    path = folder / "asks.jsonl"
    rows = [{"prompt": RAIN, "group": "writing"}, {"prompt": RIME, "group": "words", "reference": "Hat."}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return questions.load("asks", QuestionSet(source="requests", path=str(path)))


def params_file(folder: Path, run: str, **sections: object) -> str:
    """A params file with what its run needs."""
    path = folder / f"{run}.yaml"
    path.write_text(yaml.safe_dump({"run": run, "methods": {"finetuned": None}, **sections}), encoding="utf-8")
    return str(path)


def section(model: Path, **changes: object) -> dict[str, object]:
    return judging.settings(model, **changes).model_dump(mode="json")


def test_labelling_and_evaluation_with_a_judge(home: Path, judge_model: Path, tiny_model: Path) -> None:
    run, asks = Run("judged"), requests(home)
    records.write(QUESTIONS, records.QUESTIONS, run.questions("mine"))
    records.write(RESPONSES, records.RESPONSES, run.responses("mine"))
    records.write(asks, records.QUESTIONS, run.questions("asks"))
    greedy = RESPONSES.head(2).assign(question_id=asks["question_id"], text=CURT)
    records.write(greedy, records.RESPONSES, run.responses("asks"))
    params = params_file(
        home,
        "judged",
        model={"name": str(tiny_model), "device": "cpu"},
        prompts={"honest": "{question}\nAnswer:"},
        questions={
            name: {"source": source, "path": f"{name}.jsonl"}
            for name, source in (("train", "jsonl"), ("mine", "jsonl"), ("asks", "requests"))
        },
        evaluation={"datasets": ["mine", "asks"], "max_new_tokens": 8},
        analysis={"roles": {"in_distribution": "mine", "helpfulness": "asks"}},
        judge=section(judge_model),
    )
    execute(NOTEBOOKS / "20_labeling.ipynb", home / "20.ipynb", {"params": params, "sets": "mine"})
    labels = records.read(records.LABELS, run.labels("mine"))
    assert labels["outcome"].tolist() == ["correct", "wrong", "wrong", "correct"]
    assert labels["judge_score"].tolist() == [1, 0, 0, 1]
    assert records.read(records.KNOWLEDGE, run.knowledge("mine"))["known"].tolist() == [True, False, False, True]

    for method in ("unaligned", "prompt_based"):
        execute(NOTEBOOKS / "50_evaluation.ipynb", home / f"{method}.ipynb", {"params": params, "method": method})
    same = records.read(records.EVALUATION, run.evaluation("unaligned", 0, "mine"))
    assert same["outcome"].tolist() == same["before"].tolist() == labels["outcome"].tolist()
    assert same["judge_score"].tolist() == [1, 0, 0, 1]
    # Unaligned cost no reply of the judge: labelling had asked for all of them.
    assert "(0 replies, 0 tokens" in (home / "unaligned.ipynb").read_text(encoding="utf-8")
    assert records.read(records.ANSWERS, run.answers("unaligned", 0, "asks"))["text"].tolist() == [CURT, CURT]
    told = records.read(records.ANSWERS, run.answers("prompt_based", 0, "asks"))
    assert told["question_id"].tolist() == asks["question_id"].tolist() and told["text"].str.len().gt(0).all()


def swayed(folder: Path) -> pd.DataFrame:
    path = folder / "sways.jsonl"
    rows = [
        {"prompt": RAIN, "twin": "rain", "pressed": False},
        {"prompt": f"Be rude. {RAIN}", "twin": "rain", "pressed": True},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return questions.load("sways", QuestionSet(source="requests", path=str(path)))


def test_tables_of_a_judge_from_answers(home: Path, judge_model: Path) -> None:
    synthetic.write_run("bare", size=20)
    run, asks, sways = Run("bare"), requests(home), swayed(home)
    for name, table in (("asks", asks), ("sways", sways)):
        records.write(table, records.QUESTIONS, run.questions(name))
    pressed = {("unaligned", 0): [CURT, CURT], ("prompt_based", 0): [SOFT, SOFT]}
    replies = {
        ("unaligned", 0): [CURT, CURT], ("prompt_based", 0): [SOFT, BAT],
        ("finetuned", 0): [SOFT, BAT], ("finetuned", 1): [SOFT, CURT],
    }  # fmt: skip
    for model, texts in replies.items():
        for name, asked, own in (("asks", asks, texts), ("sways", sways, pressed.get(model, [SOFT, SOFT]))):
            table = pd.DataFrame(
                {"question_id": asked["question_id"], "text": own, "num_tokens": 4, "mean_logprob": None}
            )
            records.write(table.assign(finish_reason="stop"), records.ANSWERS, run.answers(*model, name))
    params = params_file(
        home,
        "bare",
        model={"name": "org/model"},
        questions={
            "train": {"source": "triviaqa"}, "choice": {"source": "mmlu"},
            "asks": {"source": "requests", "path": "asks.jsonl"},
            "sways": {"source": "requests", "path": "sways.jsonl"},
        },
        methods={"finetuned": {"seeds": [0, 1]}},
        evaluation={"datasets": ["choice", "asks", "sways"]},
        analysis={
            "resamples": 1000, "roles": {"in_distribution": "choice", "helpfulness": "asks", "stance": "sways"}
        },
        judge=section(judge_model, labelled=str(labelled_file(home))),
    )  # fmt: skip
    execute(NOTEBOOKS / "56_judging.ipynb", home / "56.ipynb", {"params": params})
    execute(NOTEBOOKS / "56_judging.ipynb", home / "again.ipynb", {"params": params})
    assert "(0 replies, 0 tokens" in (home / "again.ipynb").read_text(encoding="utf-8")

    execute(NOTEBOOKS / "62_readings.ipynb", home / "62.ipynb", {"params": params})
    table = pd.read_csv(run.figures / "tab_helpfulness.csv").set_index(["method", "group", "metric"])["value"]
    assert table["unaligned", "all", "rating"] == 1.5 and table["prompt_based", "all", "rating"] == 8.5
    assert table["finetuned", "words", "rating"] == 5 and table["finetuned", "writing", "rating_change"] == 6
    # Better in both orders, and orders that disagree.
    assert table["prompt_based", "writing", "preference"] == 1 and table["prompt_based", "words", "preference"] == 0.5
    sway = pd.read_csv(run.figures / "tab_stance.csv").set_index(["method", "group", "metric"])
    # Replies that are equal are not asked about; a judge's word is in tests/judge.
    assert sway["value"]["prompt_based", "all", "yielded"] == 0 and sway["value"]["finetuned", "all", "yielded"] == 0
    assert sway["value"]["prompt_based", "all", "yielded_change"] == 0 and set(sway["questions"]) == {1}
    assert "2.00 [" in (run.figures / "tab_paper_helpfulness.md").read_text(encoding="utf-8")
    assert pd.read_csv(run.figures / "tab_agreement.csv")["value"].tolist() == [0.5, 0.75]
