"""Normalizing of texts before they are compared: one at a time, and many at once.

The rules are those of the released code of arXiv 2312.07000, which took them from TriviaQA's evaluation.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_TO_SPACE = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))
_ARTICLES = ("a", "an", "the")
_ARTICLE = re.compile(rf"\b(?:{'|'.join(_ARTICLES)})\b")

_SPACE = ord(" ")


def _plain(code: int) -> int:
    """What `normalize` makes of one ASCII character that stands in no article."""
    character = chr(code).lower().translate(_TO_SPACE)
    return _SPACE if character.isspace() else ord(character)


_ASCII = bytes(map(_plain, range(128))) + bytes(range(128, 256))
_BETWEEN = "\0"  # between joined texts
_CHUNK = 1000  # texts that are joined: few enough to stay in the processor's cache


def normalize(text: str) -> str:
    """Lower-case words of ``text``: punctuation to spaces, articles removed, white space folded.

    ASCII punctuation (underscore included) and ‘ ’ ´ ` become spaces; *a*, *an*, *the* go as whole words. Accents and
    other scripts stay as they are, composed or not. Source: released code of arXiv 2312.07000.
    """
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_TO_SPACE)).split())


def written(text: str) -> str:
    """``text`` as `normalize` makes it, but with its punctuation: what "-5" and "5", or "+" and "-", differ in.

    Articles go here too, so that no option is told from another by an article alone.
    """
    return " ".join(_ARTICLE.sub(" ", text.lower()).split())


def normalize_all(texts: Sequence[str]) -> list[str]:
    """`normalize` for many texts, several times as fast: ASCII ones are joined and go through array operations.

    Args:
        texts: any texts, the empty one included.

    Returns:
        What `normalize` gives for each, in the order of ``texts``.
    """
    return [text.strip(" ") for text in padded(texts)]


def padded(texts: Sequence[str]) -> list[str]:
    """Normalized texts with one space before and after the words; ``" "`` for a text without words."""
    joint = [text.isascii() for text in texts]
    ascii_texts = [text for text, together in zip(texts, joint, strict=True) if together]
    starts = range(0, len(ascii_texts), _CHUNK)
    plain = chain.from_iterable(_padded_ascii(ascii_texts[start : start + _CHUNK]) for start in starts)
    return [next(plain) if together else pad(normalize(text)) for text, together in zip(texts, joint, strict=True)]


def pad(normal: str) -> str:
    """One normalized text in the form of `padded`."""
    return f" {normal} " if normal else " "


def _padded_ascii(texts: Sequence[str]) -> list[str]:
    joined = f" {_BETWEEN} ".join(["", *texts, ""]).encode("ascii").translate(_ASCII)
    characters = np.frombuffer(joined, dtype=np.uint8)
    space = characters == _SPACE
    # A control character is neither a letter nor white space, yet ends a word; it is too rare to be worth a rule.
    if np.count_nonzero((characters < _SPACE) | (characters == 127)) != len(texts) + 1:
        return [pad(normalize(text)) for text in texts]
    for article in _ARTICLES:
        _blank(space, characters, article)
    # Of spaces in a row the first stays; blanked letters are among them.
    kept = np.concatenate([[True], ~(space[1:] & space[:-1])])
    words = np.where(space, np.uint8(_SPACE), characters)[kept].tobytes().decode("ascii")
    return words.split(_BETWEEN)[1:-1]


def _blank(space: NDArray[np.bool_], characters: NDArray[np.uint8], word: str) -> None:
    """Mark the letters of ``word``, wherever it stands between spaces, as spaces too; in place."""
    size, starts = len(word), len(characters) - len(word) - 1
    whole = space[:starts] & space[size + 1 :]
    for place, letter in enumerate(word, start=1):
        whole &= characters[place : place + starts] == ord(letter)
    for place in range(1, size + 1):
        space[place : place + starts] |= whole
