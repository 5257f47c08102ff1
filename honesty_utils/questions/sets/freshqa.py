"""FreshQA (Vu et al., 2023) in two editions: questions whose answer changed between them, and those where it did not.

A row of an edition, after two lines above the header::

    id,split,question,effective_year,next_review,false_premise,num_hops,fact_type,source,answer_0,answer_1,…,note

As AbstentionBench (arXiv 2506.09038) has it: of the split TEST, without false premises and without what never changes,
254 questions, of which 47 have other answers in the later edition: a model that cannot know the date should not answer
them as if it did. (Two of the 47 stand in one edition only.) Answers are those of the earlier edition. What counts as
changed is when the editions were made, so the label is noisy. Licence: Apache-2.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import QuestionSet

FIRST, LATER = "data/FreshQA_v10282024.csv", "data/FreshQA_v12182024.csv"
REMOTE = Remote(
    "freshllms/freshqa",
    "87afba9c",
    {
        FIRST: "a71585dc7950612d3235e1ed6936d4790eb0876dcfdd0399f731d57576112d12",
        LATER: "d56b9a40b4e310dd5c6abd4a17ecf0dedea0ca0adc433e65bed7bd6be3ffc447",
    },
    "Apache-2.0",
)
SIZES = {"all": 254}
HEADER = 2
"""Lines above the header."""

Edition = dict[tuple[str, str], list[str]]


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of both editions; those whose answers differ are labeled ``unknown``."""
    if spec.path is not None and not Path(spec.path).is_dir():
        raise QuestionError(f"path: {spec.path}; name the folder that holds both editions, {FIRST} and {LATER}")
    first, later = (_edition(file(spec, data, REMOTE, name)) for name in (FIRST, LATER))
    for number, key in enumerate(dict.fromkeys([*first, *later])):
        question, kind = key
        same = key in first and key in later and set(first[key]) == set(later[key])
        meta = {"group": kind} | ({} if same else {"label": "unknown"})
        answers = first.get(key, later.get(key, []))
        yield Item(
            f"{FIRST}: {question[:40]!r}", question, answers, question_id=str(number), has_answers=same, meta=meta
        )


def _edition(path: Path) -> Edition:
    try:
        lines = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path}: cannot be read ({error})") from None
    table = list(csv.reader(io.StringIO(lines, newline="")))
    header = table[HEADER] if len(table) > HEADER else []
    lacking = {"split", "question", "false_premise", "fact_type", "answer_0"} - set(header)
    if lacking:
        raise QuestionError(
            f"{path}:{HEADER + 1}: columns {sorted(lacking)} are missing; give the edition as it is published"
        )
    found: Edition = {}
    for cells in table[HEADER + 1 :]:
        row = dict(zip(header, cells, strict=False))
        if row["split"] != "TEST" or row["false_premise"] == "TRUE" or row["fact_type"] == "never-changing":
            continue
        answers = [row[name] for name in header if name.startswith("answer_") and row.get(name, "").strip()]
        found[row["question"].strip(), row["fact_type"]] = answers
    return found
