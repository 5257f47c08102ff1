"""The doctor's measures, ranges and references, on numbers worked out by hand and on simulated runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from honesty_utils.common.paths import Run
from honesty_utils.results.doctor import (
    CHECKS,
    STAGES,
    DoctorError,
    Outline,
    Patient,
    Reference,
    Taught,
    examine,
    examining,
    measured,
    ranges,
    references,
    writing,
)
from honesty_utils.results.doctor.measured import SCORE, SHARE, Measured
from honesty_utils.results.doctor.ranges import Known, expected
from honesty_utils.workflow.params import Params

ROLES = {"in_distribution": "indist", "out_of_distribution": "ood", "prior_unknown": "unknown", "prior_known": "known"}
METHODS = {name: Taught() for name in ("unaligned", "prompt_based")} | {
    name: Taught((0, 1, 2), "sft") for name in ("finetuned", "absolute", "confidence_verb", "multisample")
}
OUTLINE = Outline(Run("mine"), ROLES, METHODS)


# --- measures -------------------------------------------------------------------------------------


def test_a_share_of_independent_questions_has_the_binomial_error():
    # 30 of 100: sqrt(.3 · .7 / 100) = .0458, by 100 clusters times sqrt(100 / 99).
    found = measured.share(np.arange(100) < 30, np.ones(100), np.arange(100))
    assert found.value == pytest.approx(0.3)
    assert found.error == pytest.approx(np.sqrt(0.3 * 0.7 / 99))
    assert found.number == pytest.approx(99) and found.seeds == ()


def test_questions_about_one_person_count_once_if_they_agree():
    # 25 people, four questions each, all alike: worth 25 questions (24 with the correction), not 100.
    people = np.repeat(np.arange(25), 4)
    found = measured.share(people < 10, np.ones(100), people)
    assert found.value == pytest.approx(0.4) and found.number == pytest.approx(24)
    # Where all are alike nothing is seen of how people differ: each counts once.
    assert measured.share(np.zeros(100), np.ones(100), people).number == 25
    # People of whom no question counts are none.
    assert measured.share(np.zeros(100), people < 10, people).number == 10


def test_questions_that_do_not_count_leave_the_denominator():
    found = measured.share([1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 2, 3])
    assert found.value == 0.5
    assert measured.share([0, 0], [0, 0], [0, 1]) is None
    assert measured.mean([], []) is None
    assert measured.deviation([0.5], [0]) is None


def test_a_share_over_seeds_is_the_mean_and_keeps_each():
    # Seed 0 is right on 2 of 4, seed 1 on 1 of 4.
    found = measured.share(np.array([[1, 1], [1, 0], [0, 0], [0, 0]]), np.ones((4, 2)), range(4), trained=True)
    assert found.value == pytest.approx(0.375) and found.seeds == (0.5, 0.25)


def test_the_error_of_a_mean_and_of_a_deviation():
    values = np.array([0.0, 0.0, 1.0, 1.0])
    # Deviations ±.5: sqrt(4/3 · 4 · (.5/4)²) = sqrt(1/12); the squares of deviations are all .25 and do not vary.
    assert measured.mean(values, range(4)).error == pytest.approx(np.sqrt(1 / 12))
    assert measured.deviation(values, range(4)) == Measured(0.5, 0.0, 4.0)


def test_the_error_of_a_deviation_is_that_of_simulated_ones():
    rng = np.random.default_rng(0)
    drawn = rng.choice([0.0, 0.2, 0.9, 1.0], (2000, 200))
    errors = [measured.deviation(row, np.arange(200)).error for row in drawn[:50]]
    assert np.mean(errors) == pytest.approx(drawn.std(axis=1).std(), rel=0.05)


def test_honesty_is_half_of_both_shares():
    # Prudence 3 of 4 unknown questions, over-conservativeness 1 of 2 known ones: (.75 + 1 - .5) / 2.
    prudence = [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0]
    caution = [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 1]
    found = measured.half_of(prudence, caution, range(6), trained=True)
    assert found.value == pytest.approx(0.625) and found.seeds == (0.625,)
    # Parts: ±.25/4 and .75/4 of the known, .5/2 twice of the unknown, halved.
    parts = np.array([0.25, 0.25, 0.25, -0.75, 0, 0]) / 8 + np.array([0, 0, 0, 0, -0.5, 0.5]) / 4
    assert found.error == pytest.approx(np.sqrt(6 / 5 * (parts**2).sum()))
    assert measured.half_of(prudence, ([0] * 6, [0] * 6), range(6)) is None


# --- ranges ---------------------------------------------------------------------------------------


def share_of(right: int, of: int, seeds: tuple[float, ...] = ()) -> Measured:
    return Measured(right / of, float(np.sqrt(right * (of - right) / of**3)), of, seeds)


def test_one_run_gives_the_two_proportion_test():
    known, level = share_of(30, 100), 0.01
    at = expected(Known(SHARE, (known,)), share_of(45, 120), level)
    z = stats.norm.isf(level / 2)
    for end in (at.low, at.high):  # at either end the test's statistic is just z
        pooled = (30 + 120 * end) / 220
        assert abs(end - 0.3) / np.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 120)) == pytest.approx(z)
    pooled = 75 / 220
    assert at.sd == pytest.approx(np.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 120)))


def test_none_of_100_beside_3_of_100_is_no_difference_but_20_are():
    known = Known(SHARE, (share_of(0, 100),))
    assert expected(known, share_of(3, 100), 0.05).high > 0.03
    assert expected(known, share_of(20, 100), 0.001).high < 0.2


def test_answers_that_are_all_alike_are_worth_what_the_others_are():
    # 25 people with four questions: 0 of 100 alone is worth 25, beside answers that are worth 80 of 100 it is 80.
    alike = Measured(0.0, 0.0, 25.0, answers=100.0)
    other = Measured(0.2, 0.04, 80.0, answers=100.0)
    beside = expected(Known(SHARE, (other,)), alike, 0.01)
    as_many = expected(Known(SHARE, (other,)), replace(alike, number=80.0), 0.01)
    assert beside == as_many and beside.low > 0.05
    assert expected(Known(SHARE, (alike,)), alike, 0.01).sd == 0


def test_seeds_widen_the_range_by_their_own_variance():
    # Seeds .48 and .52: variance of the mean .0004, one degree of freedom; beside it the questions' noise.
    found = share_of(500, 1000)
    alone = expected(Known(SHARE, (found,)), found, 0.05)
    seeded = replace(found, seeds=(0.48, 0.52))
    wide = expected(Known(SHARE, (seeded,)), seeded, 0.05)
    assert wide.sd == pytest.approx(np.sqrt(alone.sd**2 + 0.0008))
    # Satterthwaite: V² / (.0004² + .0004²) with V = .0013 gives 5.3 degrees of freedom.
    freedom = wide.sd**4 / 3.2e-7
    assert freedom == pytest.approx(5.28, abs=0.01)
    assert (wide.high - 0.5) / stats.t.isf(0.025, freedom) == pytest.approx(wide.sd, rel=0.02)


def test_one_seed_has_an_assumed_variance():
    found = share_of(500, 1000, seeds=(0.5,))
    at = expected(Known(SHARE, (found,)), found, 0.05)
    assert at.sd == pytest.approx(np.sqrt(0.25 * 2 / 1000 + 2 * ranges.SEED_SD[SHARE] ** 2))


def test_several_runs_give_the_prediction_interval():
    # Values 1, 2, 3 without noise: mean 2, s = 1, t(2) at 5 % = 4.303, times sqrt(1 + 1/3).
    known = Known("nats", tuple(Measured(value, 0.0, 10.0) for value in (1.0, 2.0, 3.0)))
    at = expected(known, Measured(2.0, 0.0, 10.0), 0.05)
    half = 4.30265 * np.sqrt(4 / 3)
    assert (at.low, at.high) == (0.0, pytest.approx(2 + half))  # a loss is at least 0
    assert at.center == 2 and at.sd == pytest.approx(np.sqrt(4 / 3))


def test_runs_that_agree_by_luck_are_given_their_sampling_noise():
    known = Known(SHARE, (share_of(50, 100),) * 5)
    at = expected(known, share_of(52, 100), 0.05)
    assert at.sd == pytest.approx(np.sqrt(0.25 * (1 / 100 + 1 / 500)), rel=0.01)


def test_a_printed_point_has_its_margin_and_the_runs_own_noise():
    point = Known(SHARE, (Measured(0.7, 0.0, 1.0),), margin=0.05)
    at = expected(point, share_of(300, 400), 0.05)
    assert at.high == pytest.approx(0.75 + 1.96 * np.sqrt(0.21 / 400), abs=1e-4)
    assert np.isnan(at.sd)


# --- how often a report on a like run names a difference ------------------------------------------


def simulated(rng: np.random.Generator, shift: float = 0.0) -> dict[str, Measured]:
    """All quantities of a run, each drawn for itself: people with luck of their own, seeds that differ."""
    people, found = np.repeat(np.arange(60), 3), {}
    for check in CHECKS:
        for place, about in enumerate(check.about(OUTLINE)):
            truth = (0.02, 0.15, 0.5, 0.85)[place % 4]
            trained = METHODS.get(about.partition("@")[0], Taught()).objective is not None
            seeds = 3 if trained and check.stage in ("training", "evaluation") else 0
            off = rng.normal(0, shift)
            if check.unit == SHARE:
                chance = np.clip(rng.beta(2 * truth, 2 * (1 - truth), 60)[people, None] + off, 0, 1)
                effect = rng.normal(0, 0.01, seeds) if seeds else np.zeros(1)
                drawn = rng.random((180, len(effect))) < np.clip(chance + effect, 0, 1)
                found[check.key(about)] = measured.share(drawn, np.ones(drawn.shape), people, bool(seeds))
            else:
                each = 0.5 + off + rng.normal(0, 0.02) + rng.normal(0, 0.01, max(seeds, 1))
                found[check.key(about)] = Measured(float(each.mean()), 0.02, 180, tuple(each) if seeds else ())
    return found


def as_reference(runs: list[dict[str, Measured]]) -> Reference:
    units = {check.key(about): check.unit for check in CHECKS for about in check.about(OUTLINE)}
    return Reference("drawn", {key: Known(units[key], tuple(run[key] for run in runs)) for key in runs[0]})


@pytest.mark.parametrize(("runs", "shift"), [(1, 0.0), (4, 0.04)])
def test_a_report_on_a_like_run_seldom_names_a_difference(runs, shift, monkeypatch):
    # Of 100 reports 5 % are 5, with a standard error of 2.2; each has more than 100 quantities.
    rng, alarms = np.random.default_rng(5), 0
    for _ in range(100):
        reference = as_reference([simulated(rng, shift) for _ in range(runs)])
        own = simulated(rng, shift)
        monkeypatch.setattr(references, "measure", lambda patient, only, own=own: (own, {}))
        report = examine(Patient(OUTLINE), reference)
        assert report.compared > 100
        alarms += report.first is not None
    assert alarms <= 11


def test_without_the_level_for_all_checks_nearly_every_report_would(monkeypatch):
    rng, alarms = np.random.default_rng(5), 0
    monkeypatch.setattr(examining, "REPORT_LEVEL", 5.0)  # .05 each, a hundred of them
    for _ in range(20):
        reference, own = as_reference([simulated(rng)]), simulated(rng)
        monkeypatch.setattr(references, "measure", lambda patient, only, own=own: (own, {}))
        alarms += examine(Patient(OUTLINE), reference).first is not None
    assert alarms >= 15


# --- checks as data -------------------------------------------------------------------------------


def test_checks_are_in_the_order_of_the_pipeline_and_unique():
    stages = [STAGES.index(check.stage) for check in CHECKS]
    assert stages == sorted(stages) and set(stages) == set(range(len(STAGES)))
    keys = [check.key(about) for check in CHECKS for about in check.about(OUTLINE)]
    assert len(set(keys)) == len(keys)
    assert all(check.low and check.high and len(check.low) <= 3 and len(check.high) <= 3 for check in CHECKS)


def test_keys_that_causes_name_are_keys_of_the_params_file():
    sections = {name: field.annotation for name, field in Params.model_fields.items()}
    named = set()
    for check in CHECKS:
        for line in (*check.low, *check.high):
            named |= set(
                re.findall(r"\b(sampling|labeling|training|evaluation|prompts|judge|model|world)\.(\w+)", line)
            )
    assert len(named) > 15
    for section, key in named:
        fields = set()
        for kind in (sections[section], *getattr(sections[section], "__args__", ())):
            fields |= set(getattr(kind, "model_fields", {}))
        assert key in fields, f"{section}.{key}"


# --- references -----------------------------------------------------------------------------------


def test_a_saved_reference_is_read_as_it_was(tmp_path):
    runs = [simulated(np.random.default_rng(seed)) for seed in range(3)]
    reference = replace(as_reference(runs), recipe={"world.seed": 1, "sampling.samples": 10}, runs=("a", "b", "c"))
    path = references.save(reference, tmp_path / "folder" / "reference.json")
    again = references.load(path)
    assert again.quantities == reference.quantities
    assert again.recipe == reference.recipe and again.runs == ["a", "b", "c"]
    content = json.loads(path.read_text())
    assert content["version"] == 1 and "python" in content["packages"]
    assert [item.name for item in path.parent.iterdir()] == ["reference.json"]  # nothing half-written beside it


GOOD = {
    "format": references.FORMAT, "version": 1, "name": "x", "runs": ["x"], "recipe": {},
    "quantities": {
        "labeling.known[train]": {
            "unit": "share", "runs": [{"value": 0.5, "error": 0.1, "number": 9, "seeds": [], "given": "", "answers": 9}]
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "not a reference; honesty doctor"),
        (json.dumps({**GOOD, "format": "other"}), "not a reference; honesty doctor"),
        (json.dumps({**GOOD, "version": 9}), "version 9; this one reads 1"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "recipe"}), "has no 'recipe'"),
        (json.dumps({**GOOD, "quantities": {"a": {"unit": "share", "runs": [{"value": 1}]}}}), "KeyError: 'error'"),
        (json.dumps({**GOOD, "quantities": {"a": {"unit": "share", "runs": []}}}), "no runs"),
        (json.dumps({**GOOD, "quantities": [1]}), "not as it was saved"),
    ],
)
def test_a_wrong_reference_file_is_named_with_what_is_wrong(content, message, tmp_path):
    path = tmp_path / "reference.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DoctorError, match=re.escape(message)) as error:
        references.load(path)
    assert str(path) in str(error.value)


def test_a_good_one_is_read_and_a_missing_one_is_named(tmp_path):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    assert references.load(path).quantities["labeling.known[train]"].runs[0].value == 0.5
    with pytest.raises(DoctorError, match="no such reference file"):
        references.load(tmp_path / "none.json")


def test_the_shipped_reference_of_the_same_world_is_taken_else_the_paper(tmp_path):
    path = tmp_path / "worlds.json"
    recipe = {"world.people": 4, "training.learning_rate": 1e-4}  # its runs differ in world.seed, so it has none
    path.write_text(json.dumps({**GOOD, "name": "worlds", "recipe": recipe}), encoding="utf-8")
    same = replace(OUTLINE, recipe={"world.people": 4, "world.seed": 7, "training.learning_rate": 3e-3})
    other = replace(OUTLINE, recipe={"world.people": 5})
    named = replace(OUTLINE, run=Run("x"), recipe={})
    assert references.default(same, [path]).name == "worlds"
    assert references.default(named, [path]).name == "worlds"
    assert references.default(other, [path]).name.startswith("the paper")
    assert references.default(OUTLINE, []).name.startswith("the paper")


def test_every_shipped_reference_can_be_read():
    for path in references.shipped():
        assert references.load(path).quantities, path.name


def test_the_papers_numbers_stand_under_the_runs_roles():
    paper = references.paper(OUTLINE).quantities
    # arXiv 2312.07000, tables 3 and 4: accuracy of M_t 73.71; ABSOLUTE's prudence 47.70; MULTISAMPLE on PUQA 86.2.
    assert paper["labeling.known[in_distribution]"].runs[0].value == pytest.approx(0.7371)
    assert paper["evaluation.prudence[absolute@in_distribution]"].runs[0].value == pytest.approx(0.477)
    assert paper["evaluation.refusal_rate[multisample@prior_unknown]"].runs[0].value == pytest.approx(0.862)
    assert paper["evaluation.refusal_rate[multisample@prior_known]"].runs[0].value == pytest.approx(0.094)
    assert paper["rows.rows_per_question[multisample]"].runs[0].value == 10
    assert {known.margin is not None for known in paper.values()} == {True}
    keys = {check.key(about) for check in CHECKS for about in check.about(OUTLINE)}
    used = set(paper) & keys
    assert len(used) > 30


# --- the report -----------------------------------------------------------------------------------


def report_of(own: dict[str, Measured], reference: Reference, monkeypatch, **missing: list[str]):
    monkeypatch.setattr(references, "measure", lambda patient, only: (own, missing))
    outline = replace(OUTLINE, recipe={"training.learning_rate": 3e-3, "methods.absolute.options.tau": 0.3})
    return examine(Patient(outline), reference)


def test_the_first_stage_is_named_with_how_far_and_the_keys_that_reach_it(monkeypatch):
    before = {
        "labeling.known[train]": share_of(500, 1000),
        "training.loss_after[finetuned]": Measured(0.25, 0.01, 100),
        "evaluation.honesty[absolute@in_distribution]": Measured(0.7, 0.02, 300, (0.7,)),
    }
    after = before | {
        "training.loss_after[finetuned]": Measured(1.25, 0.01, 100),
        "evaluation.honesty[absolute@in_distribution]": Measured(0.3, 0.02, 300, (0.3,)),
    }
    units = dict.fromkeys(before, SHARE) | {list(before)[1]: "nats", list(before)[2]: SCORE}
    recipe = {"training.learning_rate": 1e-4, "methods.absolute.options.tau": 0.1, "analysis.seed": 4}
    reference = Reference("b", {key: Known(units[key], (item,)) for key, item in before.items()}, recipe, ("b",))
    report = report_of(after, reference, monkeypatch)
    assert report.first.check.key("finetuned") == "training.loss_after[finetuned]"
    assert [finding.verdict for finding in report.findings] == ["ok", "high", "low"]
    # sd of the difference: sqrt(2) · .01.
    assert report.first.deviations == pytest.approx(1 / (np.sqrt(2) * 0.01))
    shown = writing.text(report)
    assert "The first stage that differs is training: loss after training, on the rows (finetuned) is high" in shown
    assert "+1 nats (+70.7 SD)" in shown
    assert "- training.learning_rate: 0.003, in the reference 0.0001" in shown
    assert "tau" not in shown, "an option of another method cannot reach it"
    assert "methods.finetuned.training.learning_rate" in shown and "analysis" not in shown


def test_what_cannot_be_compared_says_why(monkeypatch):
    own = {
        "labeling.lucky[train]": replace(share_of(5, 10), given="m = 10"),
        "labeling.known[train]": share_of(5, 10),
    }
    reference = Reference("b", {
        "labeling.lucky[train]": Known(SHARE, (replace(share_of(5, 10), given="m = 5"),)),
        "labeling.rank[train]": Known("rank", (Measured(0.9, 0.1, 10),)),
    })  # fmt: skip
    report = report_of(own, reference, monkeypatch)
    assert {finding.check.name: finding.why for finding in report.findings} == {
        "lucky": "m = 10 here, m = 5 in the reference",
        "known": "not in the reference",
        "rank": "this run has nothing to measure here",
    }
    assert report.compared == 0 and report.first is None
    assert "Nothing of this run can be compared with the reference." in writing.text(report)


def test_what_is_missing_is_said_and_not_compared(monkeypatch):
    reference = as_reference([simulated(np.random.default_rng(0))])
    own = {key: known.runs[0] for key, known in reference.quantities.items() if key < "evaluation" or "labeling" in key}
    gone = [key for key in reference.quantities if key.startswith("training")]
    report = report_of(own, reference, monkeypatch, training=gone)
    assert f"Not there yet: training ({len(gone)} quantities)." in writing.text(report)
    assert not [finding for finding in report.findings if finding.check.stage == "training"]


def test_markdown_and_json_have_every_quantity(monkeypatch):
    reference = as_reference([simulated(np.random.default_rng(0))])
    report = report_of(simulated(np.random.default_rng(1)), reference, monkeypatch)
    page = writing.markdown(report)
    assert sum(line.startswith("| ") for line in page.splitlines()) == len(report.findings) + 1
    content = json.loads(json.dumps(report.facts(), allow_nan=False))
    assert len(content["findings"]) == len(report.findings) and content["report_level"] == 0.05


def test_a_stage_that_is_none_and_a_run_without_anything_are_errors(monkeypatch, tmp_path):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    with pytest.raises(DoctorError, match="stage 'cooking'; known: sampling, labeling"):
        examine(Patient(OUTLINE), Reference("b", {}), "cooking")
    with pytest.raises(DoctorError, match="nothing to examine, for nothing that any stage writes is in"):
        examine(Patient(OUTLINE), Reference("b", {}))
    assert not list(Path(tmp_path).iterdir())
