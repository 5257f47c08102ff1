"""Check a params file and the local files it names before any work: ``honesty preflight FILE``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

from honesty_utils import engines, grading, judge, questions
from honesty_utils.common import prompts
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import gguf, tokens
from honesty_utils.evaluation import harness
from honesty_utils.judge.settings import Judge
from honesty_utils.knowledge.signals import digit
from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import HEAD, MERGE
from honesty_utils.methods.truth_rl import GRPO
from honesty_utils.questions.settings import PRESSED, needs_judge
from honesty_utils.training import TrainingError, layouts
from honesty_utils.training.objectives import options_of
from honesty_utils.workflow import estimate
from honesty_utils.workflow.estimate import cost
from honesty_utils.workflow.params import Params, load


def preflight(params: Params, cluster: bool = False) -> None:
    """Read what lies on this machine before any work: question files, what engines and trainings need.

    Engines need their package, a model folder that is one, the key of their server. Sets that come from the hub are
    left for the notebook that loads them.

    Args:
        params: a checked params file.
        cluster: the work is done on other machines, whose devices and packages are not looked at.

    Raises:
        ValueError: names the set, file, line or folder, and the remedy.
    """
    if params.data and not Path(params.data).is_dir():
        raise ConfigError(f"data: no such folder {params.data!r}; name the folder that holds the copies")
    unpacked = gguf.is_gguf(params.model.name)
    if unpacked:
        gguf.check(str(params.model.name))
    for stage in filter(None, (params.sampling, params.evaluation, params.prior_known)):
        engines.check(None if unpacked or params.model.name is None else params.model, stage)
    if params.model.name is not None and Path(params.model.name).is_dir():
        _at_hand(params)
    if params.judge is not None:
        _judge(params.judge)
    taught = params.world.source or {} if params.world else {}
    for name, spec in {**params.questions, **taught}.items():
        if spec.source not in questions.MADE and (
            spec.path or params.data or spec.source in (*questions.FILES, *questions.BY_RULE)
        ):
            table = questions.load(name, spec, params.data)
            if not questions.are_requests(spec):
                grading.check_answers(table, f"questions.{name}", params.prompts.refusal)
            _readable(name, table, params.judge)
            _doubted(name, table, params)
            _passages(name, table, params)
            if name in params.graded_sets() and questions.scorer(spec) == "stance":
                _opinions(name, table)
            if name == params.analysis.roles.get("stance"):
                _paired(name, table)
    _apart(params)
    if params.harness is not None:
        harness.check(params.harness)
    for method in params.trained:
        layouts.layout(params.training_of(method))
    if not cluster:
        _trainings(params)


def _readable(name: str, table: pd.DataFrame, judge: Judge | None) -> None:
    """Of some question of a set at least a reply can be read: what needs a judge is unscored without one."""
    if (judge is None or judge.refusals == "signs") and table["meta"].map(needs_judge).all():
        raise ConfigError(
            f"questions.{name}: only a judge can read the replies, so that all would be unscored; add a judge section "
            "with refusals: either, or leave the set out"
        )


def _doubted(name: str, table: pd.DataFrame, params: Params) -> None:
    """Second answers are compared with first ones by their options, which all questions need to have."""
    doubt = params.evaluation.doubt
    if doubt and name in doubt.datasets and table["choices"].isna().any():
        raise ConfigError(
            f"evaluation.doubt.datasets: {name!r} has questions without options, such as "
            f"{table.loc[table['choices'].isna(), 'question'].iloc[0][:80]!r}; name sets of multiple choice"
        )


def _passages(name: str, table: pd.DataFrame, params: Params) -> None:
    """A set with a closed-book twin has passages, a twin has none, and passages leave room for an answer."""
    shown = table["meta"].map(questions.passages_of)
    spec = params.questions.get(name)
    if spec is not None and spec.closed and not shown.map(bool).any():
        raise ConfigError(
            f"questions.{name}.closed: {spec.closed!r}, but no question of {name!r} has passages; give its file a "
            "column passages, or leave closed out"
        )
    opened = [other for other, has in params.questions.items() if has.closed == name]
    if opened and shown.map(bool).any():
        raise ConfigError(
            f"questions.{name}: is the closed-book twin of {opened[0]!r} and its file has passages; write passages: "
            "none for it"
        )
    folder = params.model.name
    if not shown.map(bool).any() or folder is None or not Path(folder).is_dir():
        return  # what the run makes, or the hub has, is held to its context before the first request
    _room_for_passages(name, table.assign(passages=shown), params)


def _room_for_passages(name: str, table: pd.DataFrame, params: Params) -> None:
    from honesty_utils.training import checks

    context = checks.context(checks.skeleton(params.model))
    if context is None:
        return
    tokenizer, wording = tokens.load_tokenizer(params.model), params.prompts
    long = max(table.to_dict("records"), key=lambda row: sum(map(len, row["passages"])))
    asked = prompts.render(wording, "honest", long["question"], long["choices"])
    size = len(prompts.prompt_ids(tokenizer, prompts.with_passages(wording, asked, long["passages"]), wording.style))
    if size >= context:
        raise ConfigError(
            f"questions.{name}: passages: the prompt of {long['question_id']!r} has {size} tokens with its passages, "
            f"and model.name {params.model.name!r} reads {context}, the answer included; shorten them, or take a model "
            "with a longer context"
        )


def _opinions(name: str, table: pd.DataFrame) -> None:
    """Who repeats what the user thinks can be told where that is an option of the question."""
    for question, choices, meta in table[["question", "choices", "meta"]].itertuples(index=False, name=None):
        wanted = json.loads(meta or "{}").get("wanted")
        if choices is None or isinstance(wanted, bool) or wanted not in range(len(choices)):
            raise ConfigError(
                f"questions.{name}.scorer: stance, and meta.wanted of {question[:80]!r} is {wanted!r}; the place in "
                "its choices, from 0, of what the user is for is needed"
            )


def _paired(name: str, table: pd.DataFrame) -> None:
    """What is said under pressure is compared with what is said without, so that every request has its twin."""
    for request, meta in table[["question", "meta"]].itertuples(index=False, name=None):
        told = json.loads(meta or "{}")
        if told.get("twin") is None or not isinstance(told.get(PRESSED), bool):
            raise ConfigError(
                f"analysis.roles.stance: of {name!r} {request[:80]!r} has twin {told.get('twin')!r} and pressed "
                f"{told.get(PRESSED)!r}; a key that two requests share is needed, and true in one, false in the other"
            )


def _apart(params: Params) -> None:
    """No set that is evaluated draws from the questions that rows are built from: it would be no test."""
    taught = params.world.source or {} if params.world else {}
    real = {name: taught.get(name, spec) if spec.path is None else spec for name, spec in params.questions.items()}
    for trained in params.row_sets:
        for evaluated in params.evaluation.datasets:
            if questions.share_questions(real[trained], real[evaluated], params.data):
                raise ConfigError(
                    f"questions.{evaluated}: is evaluated and draws from the same questions as questions.{trained}, "
                    "which is trained on; name another file or split, or give both the same split, seed and longest, "
                    "and parts that do not overlap, such as part: [0, 0.8] and part: [0.8, 1]"
                )


def _at_hand(params: Params) -> None:
    """Hold a model folder to prompts, lengths and adapters; a model of the hub is not here yet."""
    from honesty_utils.training import checks

    if params.prompts.style == "chat":
        tokens.check_template(tokens.load_tokenizer(params.model), params.prompts)
    if not Path(str(engines.loading.base_of(params.model).name)).is_dir():
        return  # an adapter whose base is the hub's
    try:
        network = checks.skeleton(params.model)
    except engines.ModelError:
        raise
    except (OSError, KeyError, ValueError) as error:
        said = engines.loading.reason(error)
        raise engines.ModelError(f"model.name: {params.model.name!r}: no config that loads: {said}") from None
    for stage in filter(None, (params.sampling, params.evaluation, params.prior_known)):
        if not engines.check_options(stage.engine, stage.engine_options).served:
            tokens.check_room(params.model.name, checks.context(network), stage.max_new_tokens)
    for method in params.trained:
        checks.size(network, params.training_of(method))
    _room_for_rows(params)
    _room_for_ways(params)


def _room_for_rows(params: Params) -> None:
    """Hold `training.max_length` to the shortest row that there could be, which refuses a question of a letter."""
    tokenizer = tokens.load_tokenizer(params.model)
    asked, style = prompts.render(params.prompts, "honest", "?"), params.prompts.style
    row = prompts.prompt_ids(tokenizer, asked, style)
    row += prompts.completion_ids(tokenizer, asked, params.prompts.refusal, style)
    for method, entry in params.trained.items():
        kind, settings = METHODS[entry.method], params.training_of(method)
        if any(stage.objective == "brier" for stage in kind.stages):
            try:
                digit.tokens(tokenizer, asked, style)
            except ValueError as error:
                raise ConfigError(f"methods.{method}: {error}") from None
        if not kind.teaches_refusal or kind.stages[-1].objective == HEAD:
            continue
        if settings.too_long == "refuse" and settings.max_length < len(row):
            raise ConfigError(
                f"methods.{method}: training.max_length is {settings.max_length}, and a row that refuses the shortest "
                f"question has {len(row)} tokens; raise it, or set training.too_long to drop or truncate"
            )


def _room_for_ways(params: Params) -> None:
    """Hold the true ways to answers, where they are taught or stand in groups, to the tokens that they may have."""
    taught = [
        (method, stage, options_of(stage, entry))
        for method, entry in params.trained.items()
        for stage in METHODS[entry.method].stages
        if stage.needs_ways
    ]
    taught = [one for one in taught if getattr(one[2], "anchor", True)]  # what is only rewarded is no such way
    if not taught:
        return
    from honesty_utils.training import ways

    tokenizer, style = tokens.load_tokenizer(params.model), params.prompts.style
    for method, stage, options in taught:
        settings, longest = params.training_of(method, stage.name), getattr(options, "max_new_tokens", None)
        for name in ("train", *params.entries[method].rows.sets):
            table = questions.load(name, params.questions[name], params.data)
            asked = [prompts.render(params.prompts, "honest", question) for question in table["question"]]
            rows = table.assign(prompt=asked)
            try:
                ways.check(rows, f"methods.{method}: learns from true ways")
                if stage.objective == GRPO:
                    longest = longest or params.evaluation.max_new_tokens
                    ways.encoded(rows, tokenizer, style, params.prompts.refusal, longest)
                    continue
                found = ways.encoded(rows, tokenizer, style, params.prompts.refusal, sys.maxsize)
            except TrainingError as error:
                raise ConfigError(f"methods.{method}.stages.{stage.name}, questions.{name}: {error}") from None
            most = max(
                len(found[one]) + len(prompts.prompt_ids(tokenizer, prompt, style))
                for one, prompt in zip(rows["question_id"], rows["prompt"], strict=True)
            )
            if settings.too_long == "refuse" and most > settings.max_length:
                raise ConfigError(
                    f"methods.{method}: training.max_length is {settings.max_length}, and a problem of "
                    f"questions.{name} has {most} tokens with the true way to its answer; raise it, set "
                    "training.too_long to drop, or take problems of less depth"
                )


def _trainings(params: Params) -> None:
    """What would be found only after sampling: settings that this machine cannot do, models that it cannot hold."""
    from honesty_utils.training import checks

    kinds = {checks.check_machine(params.training_of(method), params.model) for method in params.trained}
    if kinds == {"cuda"}:
        _memory(params)


def _memory(params: Params) -> None:
    """Hold trainings to the memory of the first GPU, by what they take however few rows a batch has."""
    import torch

    try:
        shape = estimate.load(params)
    except estimate.EstimateError:
        return  # no config of the model is at hand: the notebook that loads it says why
    found = torch.cuda.get_device_properties(0)
    assumed = estimate.Assumptions(cost.Device(found.name, 1.0, 1.0, found.total_memory))
    stages = [(name, stage) for name, entry in params.trained.items() for stage in METHODS[entry.method].stages]
    trained = [(name, stage) for name, stage in stages if stage.objective not in (HEAD, MERGE)]
    for method, stage in trained:
        settings = params.training_of(method, stage.name)
        layout = layouts.layout(settings)
        needed = cost.training_memory(shape, settings, 0, params.model.dtype, 1, assumed, layout).states
        if needed > found.total_memory:
            raise TrainingError(
                f"methods.{method}: weights, gradients and optimizer take {needed / 1e9:.0f} GB on each of "
                f"{layouts.devices(settings)} devices and {found.name} has {found.total_memory / 1e9:.0f} GB; share "
                "them out with training.launch (fsdp), or train an adapter with training.mode: lora or qlora; presets "
                "are in params/README.md"
            )


def slow_numbers(params: Params, cpu: Path = Path("/proc/cpuinfo")) -> str | None:
    """What to say of a number type that this machine's processor only imitates; ``None`` where all is well.

    Args:
        params: a checked params file.
        cpu: Linux's list of what the processor can do; elsewhere there is none, and nothing is said.
    """
    import torch

    if params.model.dtype != "bfloat16" or torch.cuda.is_available() or not cpu.is_file():
        return None
    lines = (line for line in cpu.read_text(encoding="utf-8").splitlines() if line.startswith(("flags", "Features")))
    if {"avx512_bf16", "amx_bf16", "bf16"} & set(next(lines, "bf16").split()):
        return None
    return "model.dtype: this processor has no instructions for bfloat16; float32 is about twice as fast here"


def _judge(section: Judge) -> None:
    try:
        engines.check(section.model, section)
        if section.labelled is not None:
            judge.read_labelled(section.labelled)
    except ValueError as error:
        raise ConfigError(f"judge: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Command line: check a params file and say what the run will do."""
    parser = argparse.ArgumentParser(prog="honesty preflight", description="Check a params file.")
    parser.add_argument("params")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    parser.add_argument("--cluster", action="store_true", help="jobs run on other machines: leave out what they have")
    options = parser.parse_args(arguments)
    return check(options.params, options.data, options.cluster)


def check(path: str, data: str | None = None, cluster: bool = False) -> int:
    """Check a params file and say what the run will do, or what is wrong with it.

    Returns:
        Exit status: 0, or 2 for an error.
    """
    try:
        params = load(path, data)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        preflight(params, cluster)
    except ValueError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    models = sum(len(params.training_of(name).seeds) for name in params.trained)
    print(
        f"{path}: run {params.run!r}, {_worlds(params)}{len(params.trained)} methods, {models} models to train, "
        f"{len(params.evaluation.datasets)} evaluation sets"
    )
    if not cluster and (note := slow_numbers(params)):
        print(f"{path}: {note}", file=sys.stderr)
    return 0


def _worlds(params: Params) -> str:
    if params.worlds is None:
        return ""
    return f"{len(params.worlds.seeds)} worlds (seeds {list(params.worlds.seeds)}), in each of them "
