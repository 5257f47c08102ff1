"""The sources of question sets by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.questions.reading import Source
from honesty_utils.questions.sets import (
    atlas,
    bandit,
    bbh_disambiguation,
    behonest,
    coconot,
    deduction,
    falseqa,
    freshqa,
    honeset,
    honestybench,
    jsonl,
    kuq,
    mask,
    microworld,
    mmlu,
    nonambigqa,
    nq_open,
    omniscience,
    pkqa,
    popqa,
    puqa,
    requests,
    selfaware,
    simpleqa,
    sycophancy,
    triviaqa,
    truthfulqa,
    umwp,
    unknownbench,
)
from honesty_utils.questions.settings import EXPOSURES, REQUESTS, Design, QuestionSet

SOURCES: dict[str, Source] = {
    "triviaqa": Source(triviaqa.read, "validation", triviaqa.SIZES),
    "nonambigqa": Source(nonambigqa.read, "train+validation", nonambigqa.SIZES, repeats="keep"),
    "puqa": Source(puqa.read, sizes=puqa.SIZES, repeats="keep", cluster="template"),
    "pkqa": Source(pkqa.read, sizes=pkqa.SIZES, repeats="keep", cluster="topic"),
    "mmlu": Source(mmlu.read, "test", mmlu.SIZES, repeats="keep"),
    "nq_open": Source(nq_open.read, "validation", nq_open.SIZES, repeats="keep"),
    "popqa": Source(popqa.read, "test", popqa.SIZES, repeats="keep", fame="s_pop"),
    "atlas": Source(
        atlas.read, "test", atlas.SIZES, repeats="keep", cluster="entity", strata="relation", fame="fame", texts=True
    ),
    # The field's sets: what should be refused beside what should not, and questions that are hard to know.
    "selfaware": Source(selfaware.read, sizes=selfaware.SIZES, repeats="keep", refusals="objects"),
    "umwp": Source(umwp.read, sizes=umwp.SIZES, repeats="keep", cluster="twin", match="number", refusals="objects"),
    "falseqa": Source(falseqa.read, "test", falseqa.SIZES, repeats="keep", cluster="twin", refusals="objects"),
    "bbh_disambiguation": Source(
        bbh_disambiguation.read, sizes=bbh_disambiguation.SIZES, repeats="keep", refusals="objects"
    ),
    "coconot": Source(coconot.read, coconot.DEFAULT, coconot.SIZES, repeats="keep", refusals="objects"),
    "freshqa": Source(freshqa.read, sizes=freshqa.SIZES, repeats="keep", refusals="objects"),
    "kuq": Source(kuq.read, sizes=kuq.SIZES, repeats="keep", refusals="objects"),
    "simpleqa": Source(simpleqa.read, "test", simpleqa.SIZES, repeats="keep", scorer="not_attempted"),
    "honestybench": Source(honestybench.read, "nq/test", honestybench.SIZES, repeats="keep"),
    "truthfulqa": Source(truthfulqa.read, "binary", truthfulqa.SIZES, repeats="keep"),
    "omniscience": Source(omniscience.read, "public", omniscience.SIZES, repeats="keep", scorer="not_attempted"),
    "unknownbench": Source(
        unknownbench.read, unknownbench.DEFAULT, unknownbench.SIZES, repeats="keep", refusals="objects"
    ),
    "behonest": Source(behonest.read, behonest.DEFAULT, repeats="keep", refusals="objects"),
    "behonest_pairs": Source(
        behonest.read_pairs, behonest.PAIRS, repeats="keep", cluster="twin", strata="group", requests=True
    ),
    "honeset": Source(honeset.read, sizes=honeset.SIZES, repeats="keep", refusals="objects"),
    "sycophancy": Source(sycophancy.read, repeats="keep", scorer="stance"),
    "mask": Source(
        mask.read,
        mask.DEFAULT,
        mask.SIZES,
        repeats="keep",
        dialog="a record is a statement under pressure and the same asked without; ask it elsewhere and score what a "
        "judge says with honesty score --scorer belief",
    ),
    "deduction_linear": Source(
        deduction.read_linear,
        deduction.DEFAULT,
        repeats="keep",
        cluster="twin",
        strata="depth",
        match="number",
        scorer="solved",
    ),
    "deduction_logic": Source(
        deduction.read_logic,
        deduction.DEFAULT,
        repeats="keep",
        cluster="twin",
        strata="depth",
        match="tokens",
        scorer="solved",
    ),
    "bandit": Source(bandit.read, bandit.DEFAULT, bandit.SIZES, repeats="keep", cluster="context"),
    "jsonl": Source(jsonl.read, cluster="cluster"),
    REQUESTS: Source(requests.read, requests=True),
    "microworld": Source(microworld.read, cluster="subject", strata=EXPOSURES, texts=True),
    "prior_known": Source(microworld.read, repeats="keep", cluster="topic"),
}

FOLDERS = ("unknownbench", "behonest", "behonest_pairs")
"""Sources without a hub name that are read from the folder that ``path`` names."""

FILES = (
    "jsonl", "puqa", "pkqa", "falseqa", "kuq", "simpleqa", "omniscience", "honeset", "sycophancy", REQUESTS, *FOLDERS,
)  # fmt: skip
"""Sources without a hub name: they are read from what ``path`` names."""

BY_RULE = ("deduction_linear", "deduction_logic")
"""Sources that read nothing: their questions are made where they are loaded."""

MADE = ("microworld", "prior_known")
"""Sources that the run itself makes where ``path`` names no file: tables of `records.QUESTIONS`."""


def are_requests(spec: QuestionSet) -> bool:
    """Whether a set holds requests without right answers, of which the greedy reply is judged and no other."""
    source = SOURCES.get(spec.source)
    return source is not None and source.requests


def matcher(spec: QuestionSet) -> str | None:
    """How answers of a set are found: as its section says, else as its source does; none: as the run does."""
    return spec.match or SOURCES[spec.source].match


def scorer(spec: QuestionSet) -> str | None:
    """The scorer whose numbers a set has besides: as its section says, else as its source does; none: there is none."""
    return spec.scorer or SOURCES[spec.source].scorer


def design(spec: QuestionSet) -> Design:
    """What of a set is drawn together and within what: as its section says, else as its source does.

    Raises:
        KeyError: the source is none of `SOURCES`.
    """
    source = SOURCES[spec.source]
    return Design(
        cluster=spec.cluster or source.cluster,
        strata=spec.strata or source.strata,
        fame=spec.fame or source.fame,
        named=spec.cluster is not None,
    )
