"""The sources of question sets by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.questions.reading import Source
from honesty_utils.questions.sets import (
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
from honesty_utils.questions.settings import REQUESTS

SOURCES: dict[str, Source] = {
    "triviaqa": Source(triviaqa.read, "validation", triviaqa.SIZES),
    "nonambigqa": Source(nonambigqa.read, "train+validation", nonambigqa.SIZES, repeats="keep"),
    "puqa": Source(puqa.read, sizes=puqa.SIZES, repeats="keep"),
    "pkqa": Source(pkqa.read, sizes=pkqa.SIZES, repeats="keep"),
    "mmlu": Source(mmlu.read, "test", mmlu.SIZES, repeats="keep"),
    "nq_open": Source(nq_open.read, "validation", nq_open.SIZES, repeats="keep"),
    "popqa": Source(popqa.read, "test", popqa.SIZES, repeats="keep"),
    "jsonl": Source(jsonl.read),
    REQUESTS: Source(requests.read),
    "microworld": Source(microworld.read),
    "prior_known": Source(microworld.read, repeats="keep"),
}

FILES = ("jsonl", "puqa", "pkqa", REQUESTS)
"""Sources without a hub name: they are read from the file that ``path`` names."""

MADE = ("microworld", "prior_known")
"""Sources that the run itself makes where ``path`` names no file: tables of `records.QUESTIONS`."""
