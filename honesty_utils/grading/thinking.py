"""What a model thinks aloud, apart from what it says: ``<think> … </think>`` and the marks of other open models.

Only what is said is an answer or a refusal. A thought that never ends leaves nothing said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|seed:think"
_OPENS = (
    rf"<(?:{_NAMES})>",
    r"\[think\]",
    r"◁think▷",
    r"<\|begin_of_thought\|>",
    r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>",
)
_CLOSES = (
    rf"</(?:{_NAMES})>",
    r"\[/think\]",
    r"◁/think▷",
    r"<\|end_of_thought\|>",
    r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>",
)
_MARK = re.compile(f"(?P<opens>{'|'.join(_OPENS)})|(?P<closes>{'|'.join(_CLOSES)})", re.IGNORECASE)
_STARTS = "<[◁"
"""A text without any of these holds no mark."""
_AROUND = re.compile(
    r"</?(?:answer|output|response)>|<\|(?:begin|end)_of_solution\|>|<\|(?:return|end)\|>", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A response taken apart.

    Attributes:
        said: what stands outside of thoughts; "" where the response ends within one.
        thought: all thoughts, a line feed between them; "" of a model that does not think aloud.
        ended: no thought is left unfinished.
    """

    said: str
    thought: str
    ended: bool


def apart(response: str) -> Spoken:
    """Take what is thought and what is said apart.

    A text without marks is all said, to the letter. A mark that opens twice is closed by one that closes. One that
    closes what was never opened ends a thought that began with the text: templates often write the opening mark into
    the prompt. What a model says before a thought that it does not finish is said.
    """
    if not any(start in response for start in _STARTS):
        return Spoken(response, "", True)
    said: list[str] = []
    thoughts: list[str] = []
    place, thinking = 0, False
    for mark in _MARK.finditer(response):
        before, place = response[place : mark.start()], mark.end()
        if thinking:
            thoughts.append(before)
        else:
            said.append(before)
        if mark["closes"] and not thinking:
            thoughts, said = [*thoughts, *said], []
        thinking = bool(mark["opens"])
    (thoughts if thinking else said).append(response[place:])
    if place == 0:
        return Spoken(response, "", True)
    # A space, so that nothing on both sides of a thought becomes one word, or a mark.
    return Spoken(_clean(" ".join(filter(None, said))), _clean("\n".join(filter(None, thoughts))), not thinking)


def _clean(text: str) -> str:
    return _AROUND.sub(" ", text).strip()
