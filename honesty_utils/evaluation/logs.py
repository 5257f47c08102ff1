"""Answers out of the logs of other programs: rows for `stored.rows_of`.

``lm_eval``: the ``samples_<task>_….jsonl`` that lm-evaluation-harness writes with ``--log_samples``, of tasks that
generate. ``inspect``: a log of Inspect, ``.json`` or ``.eval``. ``vllm-batch``: what ``vllm run-batch`` or an OpenAI
batch leaves, which holds replies only, so that a file of questions with the ids of the requests is needed.
``honestybench``: what HonestyBench stores of a model's answers to a set, ``<model>/<set>.jsonl``.

A log says what the model replied, and often what was right; how it was scored there is left aside, replies are graded
anew. A reply that failed there is an error here and never an empty answer. HonestyBench's verdicts are kept, because
its numbers are of them: ``outcome`` is its judge's, and ``--graders`` sets ours beside it.
"""

from __future__ import annotations

import json
import logging
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from honesty_utils.evaluation.stored import StoredError
from honesty_utils.grading import normalize
from honesty_utils.questions.reading import file_rows

logger = logging.getLogger(__name__)

Rows = Iterator[tuple[str, Mapping[str, Any], str]]


def rows(kind: str, paths: Iterable[str | Path], questions: str | Path | None = None) -> Rows:
    """Rows of all logs, each with its place and the method that it is of.

    Args:
        kind: a name in `READERS`.
        paths: of the logs; each is a method, by the name of its model where the log says it, else of the file.
        questions: file of questions; its columns take the place of what the log says of a question of the same id.

    Raises:
        StoredError: names the file, the row and the remedy.
    """
    asked = _asked(Path(questions)) if questions is not None else None
    if asked is None and kind == "vllm-batch":
        raise StoredError("--from vllm-batch: a batch holds replies only; name the file of questions with --questions")
    for path in map(Path, paths):
        if not path.is_file():
            raise StoredError(f"{path}: no such file; name the logs")
        for where, row, method in READERS[kind](path):
            if asked is not None:
                key = str(row.get("question_id"))
                if key not in asked:
                    raise StoredError(
                        f"{where}: no question {key!r} in {questions}; their ids are those of the requests"
                    )
                row = {**row, **asked[key]}
            yield where, row, method


def _asked(path: Path) -> dict[str, Mapping[str, Any]]:
    if not path.is_file():
        raise StoredError(f"--questions {path}: no such file")
    found: dict[str, Mapping[str, Any]] = {}
    try:
        for where, row in file_rows(path):
            key = row.get("question_id", row.get("id", row.get("custom_id")))
            if key is None:
                raise StoredError(f"{where}: no question_id, by which a reply would find it")
            if str(key) in found:
                raise StoredError(f"{where}: question_id {key!r} comes twice; ids are of one question")
            found[str(key)] = {**row, "question_id": str(key)}
    except ValueError as error:
        raise StoredError(str(error)) from None
    return found


def _lm_eval(path: Path) -> Rows:
    for where, row in _lines(path):
        doc = row.get("doc")
        replies = row.get("filtered_resps", row.get("resps"))
        if not isinstance(doc, dict) or not isinstance(replies, list) or not replies:
            raise StoredError(f"{where}: no doc and replies; a line of samples_<task>.jsonl is needed (--log_samples)")
        likelihoods = _likelihoods(replies)
        if likelihoods is not None:
            yield where, _chosen(row, doc, likelihoods, where) | {"dataset": _task(path)}, "model"
            continue
        reply = replies[0]
        while isinstance(reply, list) and reply:
            reply = reply[0]
        if not isinstance(reply, str):
            raise StoredError(f"{where}: the reply is {str(reply)[:60]!r}, no text and no likelihoods of options")
        question = doc.get("question", doc.get("query", doc.get("problem")))
        if question is None:
            raise StoredError(f"{where}: doc has no question, query or problem; it has {sorted(doc)}: give --questions")
        answers = _answers(doc, row.get("target"))
        yield where, {"question_id": str(row.get("doc_id")), "question": question, "answers": answers, "greedy": reply,
                      "dataset": _task(path)}, "model"  # fmt: skip


def _likelihoods(replies: list[Any]) -> list[float] | None:
    """Log-probabilities of the options of a task that compares them; none: it generates.

    A reply is then a log-probability and whether it is the greedy one, both as texts.
    """
    found = []
    for reply in replies:
        inner = reply[0] if isinstance(reply, list) and len(reply) == 1 else reply
        if not isinstance(inner, list) or len(inner) != 2 or str(inner[1]) not in ("True", "False"):
            return None
        try:
            found.append(float(inner[0]))
        except (TypeError, ValueError):
            return None
    return found


def _chosen(row: Mapping[str, Any], doc: Mapping[str, Any], told: list[float], where: str) -> dict[str, Any]:
    """The likeliest option as the reply, and whether it is the right one."""
    given = row.get("arguments")
    try:
        listed = isinstance(given, list)
        asked = [given[at if listed else f"gen_args_{at}"] for at in range(len(told))]  # type: ignore[index]
        options = [str(one[1 if listed else "arg_1"]).strip() or "(empty)" for one in asked]
        target = int(str(row.get("target")))
    except (KeyError, IndexError, TypeError, ValueError):
        raise StoredError(
            f"{where}: likelihoods of {len(told)} options, target {_short(row.get('target'))} and no argument to each; "
            "of a task with one right option target is its place, from 0"
        ) from None
    if not 0 <= target < len(told) or any(math.isnan(one) for one in told):
        raise StoredError(
            f"{where}: target {target} and likelihoods {_short(told)}; the place of the right option is needed, and "
            "numbers"
        )
    best = told.index(max(told))
    return {
        "question_id": str(row.get("doc_id")),
        "question": doc.get("question", doc.get("query", asked[0][0 if listed else "arg_0"])),
        "choices": options,
        "answer_index": target,
        "greedy": options[best],
        "outcome": "correct" if best == target else "wrong",
    }


def _task(path: Path) -> str:
    name = path.stem.removeprefix("samples_")
    return name.rsplit("_", 1)[0] if "T" in name.rsplit("_", 1)[-1] else name


def _answers(doc: Mapping[str, Any], target: Any) -> list[str]:
    """Right answers as tasks keep them: a list, SQuAD's or TriviaQA's form, or the target alone."""
    found = doc.get("answers", doc.get("answer", target))
    if isinstance(found, dict):
        found = found.get("aliases", found.get("text", found.get("value")))
    found = target if found is None else found
    return [str(text) for text in found] if isinstance(found, list) else [str(found)]


def _inspect(path: Path) -> Rows:
    for where, sample, method in _inspect_samples(path):
        if sample.get("error"):
            raise StoredError(f"{where}: the sample failed ({_short(sample['error'])}); run it again")
        output = sample.get("output") or {}
        reply = output.get("completion") or _content(
            (output.get("choices") or [{}])[0].get("message", {}).get("content")
        )
        target = sample.get("target")
        row = {
            "question_id": f"{sample.get('id')}",
            "question": _content(sample.get("input")),
            "answers": target if isinstance(target, list) else [target],
            "greedy": reply,
        }
        choices = sample.get("choices")
        if choices:
            letters = row.pop("answers")
            row |= {"choices": choices, "answer_index": _letter(letters, choices, where)}
        if sample.get("epoch", 1) != 1:
            row["seed"] = int(sample["epoch"]) - 1
        yield where, row, method


def _letter(target: list[Any], choices: list[str], where: str) -> int:
    letter = str(target[0]).strip().upper() if len(target) == 1 else ""
    place = ord(letter) - ord("A") if len(letter) == 1 else -1
    if not 0 <= place < len(choices):
        raise StoredError(f"{where}: target {target!r} is not the letter of one of {len(choices)} choices")
    return place


def _inspect_samples(path: Path) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    try:
        if path.suffix == ".eval":
            with zipfile.ZipFile(path) as archive:
                header = json.loads(archive.read("header.json"))
                names = sorted(name for name in archive.namelist() if name.startswith("samples/"))
                samples = [(f"{path}: {name}", json.loads(archive.read(name))) for name in names]
        else:
            header = json.loads(path.read_text(encoding="utf-8"))
            samples = [(f"{path}: sample {place}", one) for place, one in enumerate(header.get("samples") or [])]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StoredError(f"{path}: no log of Inspect that can be read ({_short(error)})") from None
    if not isinstance(header, dict) or not samples:
        raise StoredError(f"{path}: no samples; write the log with them (--log-samples)")
    method = str((header.get("eval") or {}).get("model") or path.stem)
    for where, sample in samples:
        yield where, sample, method


def _batch(path: Path) -> Rows:
    for where, row in _lines(path):
        response = row.get("response") or {}
        body = response.get("body", response)
        if row.get("error") or response.get("status_code", 200) != 200 or not body.get("choices"):
            raise StoredError(f"{where}: the request failed ({_short(row.get('error') or body)}); ask it again")
        texts = [one.get("text", _content((one.get("message") or {}).get("content"))) for one in body["choices"]]
        method = str(body.get("model") or path.stem)
        found = {"question_id": str(row.get("custom_id")), "greedy": texts[0]}
        yield where, found | ({"samples": texts[1:]} if len(texts) > 1 else {}), method


def _honestybench(path: Path) -> Rows:
    """Rows of one set: the greedy answer, how it was judged there, its likelihood and the share that agrees with it."""
    dropped = 0
    for number, (where, row) in enumerate(_lines(path)):
        answers = row.get("answer")
        if not isinstance(answers, list):
            raise StoredError(
                f"{where}: answer is {_short(answers)!r}; a line of HonestyBench's stored answers is needed"
            )
        if not any(normalize(str(text)) for text in answers):
            dropped += 1
            continue
        agree, samples = row.get("consistency_judgement"), row.get("sampling_response")
        if not isinstance(agree, list) or not isinstance(samples, list) or len(agree) != len(samples) or not agree:
            raise StoredError(
                f"{where}: {_size(agree)} of consistency_judgement, {_size(samples)} of sampling_response; one of each "
                "a sample is needed"
            )
        right = _bit(_one(row, "greedy_correctness", where), "greedy_correctness", where)
        yield where, {
            # Sets repeat questions, so that a text is no id; the files of all models have one order.
            "question_id": f"{number:06d}",
            "question": row.get("question"),
            "answers": [str(text) for text in answers],
            "greedy": _one(row, "greedy_response", where),
            "outcome": "correct" if right else "wrong",
            "logprob": _mean_logprob(row, where),
            "confidence": sum(_bit(vote, "consistency_judgement", where) for vote in agree) / len(agree),
            "dataset": path.stem,
        }, path.resolve().parent.name  # fmt: skip
    if dropped:
        logger.warning("%s: %d questions have no answer with words and are left out", path, dropped)


def _one(row: Mapping[str, Any], name: str, where: str) -> Any:
    """What a field holds, alone or as the only item of a list."""
    value = row.get(name)
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if value is None or isinstance(value, list):
        raise StoredError(f"{where}: {name} is {_short(row.get(name))!r}; one is needed, of the greedy answer")
    return value


def _bit(value: Any, name: str, where: str) -> int:
    if value not in (0, 1):
        raise StoredError(f"{where}: {name} holds {_short(value)!r}; 1 or 0 is needed")
    return int(value)


def _mean_logprob(row: Mapping[str, Any], where: str) -> float | None:
    """Of a token; none where the file has none."""
    each, total = row.get("greedy_logprobs"), row.get("greedy_cumulative_logprobs")
    if not each or not total:
        return None
    tokens = each[0] if isinstance(each, list) and len(each) == 1 and isinstance(each[0], list) else each
    whole = _one(row, "greedy_cumulative_logprobs", where)
    if not isinstance(tokens, list) or isinstance(whole, bool) or not isinstance(whole, int | float):
        raise StoredError(
            f"{where}: greedy_cumulative_logprobs is {_short(total)!r} and greedy_logprobs {_short(each)!r}; their sum "
            "and one number a token are needed, or neither"
        )
    return whole / len(tokens) if tokens else None


def _size(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else "no list"


def _content(value: Any) -> Any:
    """Text of a message: plain, or in parts; of a conversation, what its last user said."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
        said = [one for one in value if one.get("role") == "user"]
        return _content((said or value)[-1].get("content"))
    if isinstance(value, list):
        return "".join(part.get("text", "") for part in value if isinstance(part, dict))
    return value


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        yield from file_rows(path)
    except ValueError as error:
        raise StoredError(str(error)) from None


def _short(value: Any) -> str:
    return str(value)[:120]


READERS: dict[str, Callable[[Path], Rows]] = {
    "lm_eval": _lm_eval,
    "inspect": _inspect,
    "vllm-batch": _batch,
    "honestybench": _honestybench,
}
"""Programs whose logs are read, by the name of ``--from``."""
