"""HonestyBench (Ni et al., 2025; EliCal): questions of ten public sets, as the repository keeps them.

A record of ``data/<set>/<split>.jsonl``::

    {"question": "who got the first nobel prize in physics", "answer": ["Wilhelm Conrad Röntgen"]}

``split`` names the file: ``nq/test``, ``squad/dev``, …; ``nq/dev`` holds the questions of ``nq/test`` in another
order, so that it is no development set for it. Published sets repeat questions (PopQA 1,199 times); all are kept.
Licence: Apache-2.0, the sets below keep their own. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, file_rows, typed
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import QuestionSet

FILES = {
    "nq/test": "92a6bd1956d6c9fbab9440d183befa5446f60af9a86c3bafd6137c0a40b854af",
    "squad/dev": "10bd9cf891e230ca215635e36b7b9fe7a9b6c31fa959e8a77516e4bed7e4ef94",
}
REMOTE = Remote(
    "Trustworthy-Information-Access/Annotation-Efficient-Universal-Honesty-Alignment",
    "1b566b65",
    {f"data/{name}.jsonl": digest for name, digest in FILES.items()},
    "Apache-2.0",
)
SIZES = {"nq/test": 3_610, "squad/dev": 10_570}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of one set and split, such as ``split: nq/test``, which is what is read where none is named."""
    name = spec.split or "nq/test"
    if name not in FILES and spec.path is None:
        raise QuestionError(
            f"split: {name!r}; allowed: {sorted(FILES)}, or any file of data/ of the repository by path"
        )
    path = file(spec, data, REMOTE, f"data/{name}.jsonl")
    for where, row in file_rows(path):
        answers = [str(text) for text in typed(row, where, "answer", list, "a list of texts")]
        yield Item(where, typed(row, where, "question", str, "a text"), answers, split=name)
