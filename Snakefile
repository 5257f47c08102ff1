# Who reads what. A rule runs one notebook; its target is a result file, its log the executed copy.
#
#   snakemake --cores 4 --config params=params/microworld.yaml
#
# Every rule passes its notebook the sections of the params file that it needs and no more, so that an edit re-runs
# what depends on it and nothing else. Model x seed are wildcards: the same file runs on a laptop, on one GPU box
# (--resources gpu=1) and on a cluster (--executor slurm).
import json
import sys
from pathlib import Path

from honesty_utils import engines, methods, questions
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.judge.settings import JUDGED_ROLES as ROLES_OF_JUDGES, grading_judge
from honesty_utils.knowledge import selection
from honesty_utils.training import layouts
from honesty_utils.workflow.params import ADAPTERS, load

if "params" not in config:
    sys.exit("Snakefile: no params file; add --config params=params/microworld.yaml")
try:
    P = load(config["params"], data=config.get("data"))
except ConfigError as error:
    sys.exit(str(error))

RUN = Run(P.run)
NOTEBOOKS = Path(workflow.basedir) / "notebooks"
EXECUTED = RUN.folder / "notebooks"
# Sets with right answers are graded; requests, which have none, are answered and read by the judge.
DATASETS, REQUESTS = P.graded_sets(), P.request_sets()
PARTS = {"train": P.row_sets, "evaluation": DATASETS, **({"requests": REQUESTS} if REQUESTS else {})}
TRAINED = {name: list(P.training_of(name).seeds) for name in P.trained}
MODELS = {"unaligned": [0], "prompt_based": [0], **TRAINED}


wildcard_constraints:
    method="|".join(MODELS),
    seed=r"\d+",


def section(name):
    return getattr(P, name).model_dump(mode="json")


def question_sets(part):
    sets = {name: P.questions[name].model_dump(mode="json") for name in PARTS[part]}
    # Of requests the greedy reply is judged and no other.
    return {name: {**spec, "samples": 0} for name, spec in sets.items()} if part == "requests" else sets


def as_json(**parameters):
    """The parameters of a notebook; Snakemake compares them with those of the last run."""
    return json.dumps({"run": P.run, **parameters}, sort_keys=True)


def values(**parameters):
    """The same behind a function, so that braces in prompts are not taken for wildcards."""
    text = as_json(**parameters)
    return lambda wildcards: text


def paths(pattern, names):
    return [str(pattern(name)) for name in names]


def question_files(sets):
    try:
        return [str(path) for path in questions.files(sets, P.data)]
    except questions.QuestionError as error:
        sys.exit(f"{config['params']}: {error}")


# What grading depends on; the size of the training subset is no business of the evaluation sets.
GRADING = P.labeling.model_dump(mode="json", include={"match", "refusal_signs", "no_option"})
# What of the judge they depend on; how it rates helpfulness is no business of labels.
JUDGE = grading_judge(P.judge)
EXECUTE = "{sys.executable} -m honesty_utils.workflow.cli execute {input.notebook} {log} --parameters {params.values:q}"
# Snakemake counts GPUs; which of them a job has is said by a claim (honesty_utils/workflow/devices.py).
EXECUTE_ON_GPU = EXECUTE + " --gpus {resources.gpu}"
MODEL = {**section("model"), "name": P.model.name or str(RUN.base_model)}
# A model's folder, the run's own or a user's, is an input of whatever loads it; a hub name is none.
BASE_MODEL = [name for name in [MODEL["name"]] if name == str(RUN.base_model) or Path(name).is_dir()]


rule all:
    default_target: True
    input:
        RUN.figures / "tab_main.csv",
        RUN.figures / "claims.md",
        RUN.figures / "report.html",


if P.world:

    rule world:
        input:
            question_files((P.world.source or {}).values()),
            notebook=NOTEBOOKS / "00_world.ipynb",
        output:
            directory(RUN.base_model),
            paths(RUN.world_questions, P.world.sets()),
        log:
            EXECUTED / "00_world.ipynb",
        threads: 4
        params:
            values=values(world=section("world"), prompts=section("prompts"), data=P.data),
        shell:
            EXECUTE


if P.prior_known:

    rule prior_known:
        input:
            BASE_MODEL,
            notebook=NOTEBOOKS / "05_prior_known.ipynb",
        output:
            RUN.prior_known,
        log:
            EXECUTED / "05_prior_known.ipynb",
        threads: 2
        resources:
            gpu=engines.gpus(P.prior_known, P.judge),
        params:
            values=values(
                model=MODEL,
                prompts=section("prompts"),
                labeling=GRADING,
                prior_known=section("prior_known"),
                judge=JUDGE,
            ),
        shell:
            EXECUTE_ON_GPU


for part, names in PARTS.items():

    rule:
        name:
            f"sampling_{part}"
        input:
            BASE_MODEL,
            paths(RUN.world_questions, [n for n in names if P.questions[n].source == "microworld"]) if P.world else [],
            [str(RUN.prior_known) for n in names if P.prior_known and P.questions[n].source == "prior_known"],
            question_files(P.questions[name] for name in names),
            notebook=NOTEBOOKS / "10_sampling.ipynb",
        output:
            paths(RUN.responses, names),
            paths(RUN.questions, names),
        log:
            EXECUTED / f"10_sampling_{part}.ipynb",
        threads: 2
        resources:
            gpu=engines.gpus(P.sampling),
        params:
            values=values(
                questions=question_sets(part),
                model=MODEL,
                prompts=section("prompts"),
                sampling=section("sampling"),
                data=P.data,
            ),
        shell:
            EXECUTE_ON_GPU


for part, names in [(part, names) for part, names in PARTS.items() if part != "requests"]:

    rule:
        name:
            f"labeling_{part}"
        input:
            paths(RUN.responses, names),
            paths(RUN.questions, names),
            notebook=NOTEBOOKS / "20_labeling.ipynb",
        output:
            paths(RUN.labels, names),
            paths(RUN.knowledge, names),
            [str(RUN.train_questions)] if part == "train" else [],
        log:
            EXECUTED / f"20_labeling_{part}.ipynb",
        resources:
            gpu=engines.gpus(P.judge),
        params:
            values=values(
                questions=question_sets(part),
                prompts=section("prompts"),
                labeling=section("labeling") if part == "train" else GRADING,
                judge=JUDGE,
            ),
        shell:
            EXECUTE_ON_GPU


for name, method in P.trained.items():

    rule:
        name:
            f"sft_{name}"
        input:
            selection.files(RUN, method.rows),
            notebook=NOTEBOOKS / f"{methods.METHODS[method.builder].notebook}.ipynb",
        output:
            RUN.sft(name),
        log:
            EXECUTED / f"{methods.METHODS[method.builder].notebook}_{name}.ipynb",
        params:
            values=values(
                method=name,
                builder=method.builder,
                options=dict(method.options),
                subset=method.rows.model_dump(mode="json"),
                prompts=section("prompts"),
            ),
        shell:
            EXECUTE


def training_values(wildcards):
    chosen = P.training_of(wildcards.method).model_dump(mode="json", exclude={"seeds"})
    return as_json(
        method=wildcards.method, seed=int(wildcards.seed), model=MODEL, training=chosen, style=P.prompts.style
    )


rule training:
    input:
        BASE_MODEL,
        str(RUN.folder / "sft" / "{method}.parquet"),
        notebook=NOTEBOOKS / "40_training.ipynb",
    output:
        directory(RUN.folder / "models" / "{method}" / "seed{seed}"),
    log:
        EXECUTED / "40_training_{method}_seed{seed}.ipynb",
    threads: 1
    resources:
        gpu=lambda wildcards: layouts.devices(P.training_of(wildcards.method)),
    params:
        values=training_values,
    shell:
        EXECUTE_ON_GPU


def evaluated_model(method, seed):
    return [str(RUN.model(method, seed))] if method in TRAINED else BASE_MODEL


def evaluation_tables(method, seed):
    answers = [str(RUN.answers(method, seed, name)) for name in REQUESTS]
    return [str(RUN.evaluation(method, seed, name)) for name in DATASETS] + answers


def evaluation_values(models):
    # Only what the notebook reads of each set: how it is graded, not where its questions came from.
    sets = {name: P.questions[name].match for name in DATASETS}
    return as_json(
        models=models,
        datasets=sets,
        model=MODEL,
        prompts=section("prompts"),
        labeling=GRADING,
        evaluation=P.evaluation.model_dump(mode="json", exclude={"datasets"}),
        requests=REQUESTS,
        judge=JUDGE,
    )


EVALUATION_INPUTS = [
    *paths(RUN.questions, DATASETS + REQUESTS),
    *paths(RUN.labels, DATASETS),
    *paths(RUN.responses, REQUESTS),
]


rule evaluation:
    input:
        lambda wildcards: evaluated_model(wildcards.method, wildcards.seed),
        EVALUATION_INPUTS,
        notebook=NOTEBOOKS / "50_evaluation.ipynb",
    output:
        evaluation_tables("{method}", "{seed}"),
    log:
        EXECUTED / "50_evaluation_{method}_seed{seed}.ipynb",
    threads: 1
    resources:
        gpu=engines.gpus(P.evaluation, P.judge),
    params:
        values=lambda wildcards: evaluation_values([[wildcards.method, int(wildcards.seed)]]),
    shell:
        EXECUTE_ON_GPU


# Models that share one start of the engine; the notebook is the same.
TOGETHER = P.evaluation_groups().get(ADAPTERS, [])

if TOGETHER:

    ruleorder: evaluation_together > evaluation

    rule evaluation_together:
        input:
            [path for model in TOGETHER for path in evaluated_model(*model)],
            EVALUATION_INPUTS,
            notebook=NOTEBOOKS / "50_evaluation.ipynb",
        output:
            [path for model in TOGETHER for path in evaluation_tables(*model)],
        log:
            EXECUTED / f"50_evaluation_{ADAPTERS}.ipynb",
        threads: 1
        resources:
            gpu=engines.gpus(P.evaluation, P.judge),
        params:
            values=lambda wildcards: evaluation_values(TOGETHER),
        shell:
            EXECUTE_ON_GPU


def drift_values(wildcards):
    samples = P.drift.samples or P.sampling.samples
    return as_json(
        method=wildcards.method,
        seed=int(wildcards.seed),
        samples=samples,
        model=MODEL,
        prompts=section("prompts"),
        sampling=section("sampling"),
        labeling=GRADING,
        match=P.questions["train"].match,
        judge=JUDGE,
    )


DRIFT_TABLES = ("responses", "labels", "knowledge")
DRIFTED = {method: TRAINED[method] for method in P.drift.methods} if P.drift else {}


rule drift:
    input:
        str(RUN.folder / "models" / "{method}" / "seed{seed}"),
        RUN.train_questions,
        RUN.knowledge("train"),
        notebook=NOTEBOOKS / "55_drift.ipynb",
    output:
        [str(RUN.folder / "drift" / "{method}" / "seed{seed}" / f"{name}.parquet") for name in DRIFT_TABLES],
    log:
        EXECUTED / "55_drift_{method}_seed{seed}.ipynb",
    threads: 1
    resources:
        gpu=engines.gpus(P.sampling, P.judge),
    params:
        values=drift_values,
    shell:
        EXECUTE_ON_GPU


def of_models(models, pattern, names):
    return [str(pattern(model, seed, name)) for model, seeds in models.items() for seed in seeds for name in names]


DRIFTS = of_models(DRIFTED, RUN.drift, ["knowledge"])
EVALUATIONS = of_models(MODELS, RUN.evaluation, DATASETS)
# Tables that every run has; more stand beside them where the run has what they are about.
TABLES = [
    f"tab_{name}"
    for name in (
        "main tests transitions knowledge overlap sft sweeps by_knowledge calibration ece form exposures rank groups "
        "risk_coverage aurc drift matchers refusals published"
    ).split()
]
KNOWLEDGE = paths(RUN.knowledge, [*P.row_sets, *DATASETS])
ROWS = paths(RUN.sft, TRAINED)
POINTS = [{"name": point.name, **vars(point)} for point in P.points]


# What the judge has read besides the answers of graded sets.
JUDGED_ROLES = {role: name for role, name in P.analysis.roles.items() if role in ROLES_OF_JUDGES}
LABELLED = ["labelled"] if P.judge and P.judge.labelled else []
# Points of sweeps are not judged: a judge costs more than string rules.
COMPARED = {name: seeds for name, seeds in MODELS.items() if name not in [point.name for point in P.points]}
JUDGED = of_models(COMPARED, RUN.judged, REQUESTS) + [str(RUN.labelled) for _ in LABELLED]

if JUDGED:

    rule judging:
        input:
            of_models(COMPARED, RUN.answers, REQUESTS),
            paths(RUN.questions, REQUESTS),
            [P.judge.labelled for _ in LABELLED],
            notebook=NOTEBOOKS / "56_judging.ipynb",
        output:
            JUDGED,
        log:
            EXECUTED / "56_judging.ipynb",
        resources:
            gpu=engines.gpus(P.judge),
        params:
            values=values(methods=COMPARED, roles=JUDGED_ROLES, judge=section("judge")),
        shell:
            EXECUTE_ON_GPU


rule tables:
    input:
        EVALUATIONS,
        DRIFTS,
        JUDGED,
        KNOWLEDGE,
        paths(RUN.questions, [*P.row_sets, *DATASETS]),
        paths(RUN.labels, DATASETS),
        ROWS,
        notebook=NOTEBOOKS / "60_tables.ipynb",
    output:
        [RUN.figures / f"{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")],
        RUN.figures / "claims.md",
    log:
        EXECUTED / "60_tables.ipynb",
    params:
        values=values(
            methods=MODELS,
            row_sets=P.row_sets,
            datasets=DATASETS,
            sweeps=POINTS,
            drift=DRIFTED,
            prompts=section("prompts"),
            labeling=GRADING,
            analysis=section("analysis"),
            judged=[*JUDGED_ROLES, *LABELLED],
        ),
    shell:
        EXECUTE


rule figures:
    input:
        [RUN.figures / f"{name}.csv" for name in TABLES],
        RUN.figures / "claims.md",
        RUN.labels("train"),
        RUN.knowledge("train"),
        RUN.train_questions,
        ROWS,
        notebook=NOTEBOOKS / "70_figures.ipynb",
    output:
        [RUN.figures / f"{name}.{kind}" for name in ("fig_main", "fig_transitions") for kind in ("pdf", "png")],
        RUN.figures / "report.html",
    log:
        EXECUTED / "70_figures.ipynb",
    params:
        values=values(methods=MODELS, analysis=section("analysis")),
    shell:
        EXECUTE
