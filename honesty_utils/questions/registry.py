"""The sources of question sets by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.questions.reading import Source
from honesty_utils.questions.sets import (
    atlas,
    jsonl,
    microworld,
    mmlu,
    nonambigqa,
    nq_open,
    pkqa,
    popqa,
    puqa,
    requests,
    triviaqa,
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
    "atlas": Source(atlas.read, "test", atlas.SIZES, repeats="keep", cluster="entity", strata="relation", fame="fame"),
    "jsonl": Source(jsonl.read, cluster="cluster"),
    REQUESTS: Source(requests.read),
    "microworld": Source(microworld.read, cluster="subject", strata=EXPOSURES),
    "prior_known": Source(microworld.read, repeats="keep", cluster="topic"),
}

FILES = ("jsonl", "puqa", "pkqa", REQUESTS)
"""Sources without a hub name: they are read from the file that ``path`` names."""

MADE = ("microworld", "prior_known")
"""Sources that the run itself makes where ``path`` names no file: tables of `records.QUESTIONS`."""


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
