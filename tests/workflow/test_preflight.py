"""What preflight says of a run that goes, but not as it could."""

import json
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest

from honesty_utils import questions
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines.settings import Model
from honesty_utils.judge.settings import Judge
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow import params as params_file, preflight

FLAGS = "processor\t: 0\nflags\t\t: fpu avx512f{more} fma\n"


@pytest.mark.parametrize(
    "dtype, cpu, slow",
    [
        ("bfloat16", FLAGS.format(more=""), True),
        ("bfloat16", FLAGS.format(more=" avx512_bf16"), False),
        ("bfloat16", FLAGS.format(more=" amx_bf16"), False),
        ("bfloat16", "processor\t: 0\nFeatures\t: fp asimd bf16\n", False),
        ("bfloat16", "processor\t: 0\n", False),
        ("float32", FLAGS.format(more=""), False),
    ],
)
def test_a_number_type_that_the_processor_imitates_is_told(dtype, cpu, slow, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(cpu)
    params = params_file.load("params/smollm2-135m.yaml")
    params = params.model_copy(update={"model": params.model.model_copy(update={"dtype": dtype})})
    told = preflight.slow_numbers(params, tmp_path / "cpuinfo")
    assert (told is not None) == slow and (not slow or "float32" in told)
    assert preflight.slow_numbers(params, tmp_path / "none") is None


@pytest.mark.parametrize(("part", "message"), [([0.4, 0.72], ""), ([0.3, 0.72], "questions.triviaqa: is evaluated")])
def test_the_questions_that_a_world_is_taught_are_held_apart_too(part, message):
    params = params_file.load("params/triviaqa-mini.yaml")
    source = {**params.world.source, "triviaqa": params.world.source["triviaqa"].model_copy(update={"part": part})}
    changed = params.model_copy(update={"world": params.world.model_copy(update={"source": source})})
    with pytest.raises(ConfigError, match=message) if message else nullcontext():
        preflight._apart(changed)


@pytest.mark.parametrize("path", sorted(Path("params").glob("*.yaml")), ids=str)
def test_every_preset_evaluates_other_questions_than_it_trains_on(path):
    preflight._apart(params_file.load(path))


@pytest.mark.parametrize(
    ("refusals", "rows", "told"),
    [
        (None, 1, True),
        ("signs", 1, True),
        ("either", 1, False),
        ("judge", 1, False),
        (None, 2, False),  # the second is read by rule
    ],
)
def test_a_set_that_only_a_judge_can_read_is_refused_without_one(refusals, rows, told, tmp_path):
    judge = None if refusals is None else Judge(model=Model(name="some/judge"), refusals=refusals)
    asked = [
        {"question": "When did she arrive?", "label": "unknown", "read_by": "judge"},
        {"question": "Who wrote Hamlet?", "answers": ["Shakespeare"]},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in asked[:rows]))
    table = questions.load("mine", QuestionSet(source="jsonl", path=str(path)))
    error = "questions.mine: only a judge can read the replies, so that all would be unscored"
    with pytest.raises(ConfigError, match=error) if told else nullcontext():
        preflight._readable("mine", table, judge)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"twin": "a", "pressed": True}, None),
        ({}, "has twin None and pressed None"),
        ({"twin": "b"}, "has twin 'b' and"),
    ],
)
def test_what_pressure_changes_needs_the_same_without(second, told, tmp_path):
    asked = [{"prompt": "Is tea good?", "twin": "a", "pressed": False}, {"prompt": "Be rude. Is tea good?"} | second]
    # Alone a key that no other request has is found where the set is loaded; here both lie in one table.
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in asked))
    if told is None:
        preflight._paired("mine", questions.load("mine", QuestionSet(source="requests", path=str(path))))
        return
    table = pd.DataFrame({"question": [row["prompt"] for row in asked], "meta": [json.dumps(row) for row in asked]})
    with pytest.raises(ConfigError, match=f"analysis.roles.stance: of 'mine' 'Be rude. Is tea good\\?' {told}"):
        preflight._paired("mine", table)
