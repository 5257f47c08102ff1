"""Question sets: one source a file, named in `SOURCES`; `load` reads one, checks every row and draws its limit.

Adding one is a file with ``read(spec, data) -> Iterator[Item]`` and a line in `SOURCES`. Each set of the paper has a
card in ``docs/data/``: where it is from, under which licence, how large it is and what is wrong with it.
"""

from honesty_utils.questions.checking import Counts
from honesty_utils.questions.contamination import Overlap, overlap
from honesty_utils.questions.loading import Loaded, files, load, load_counted, located, share_questions
from honesty_utils.questions.reading import Item, QuestionError, Source
from honesty_utils.questions.refused import REFUSED
from honesty_utils.questions.registry import BY_RULE, FILES, MADE, SOURCES, are_requests, design, matcher, scorer
from honesty_utils.questions.settings import passages_of

__all__ = [
    "BY_RULE",
    "FILES",
    "MADE",
    "REFUSED",
    "SOURCES",
    "Counts",
    "Item",
    "Loaded",
    "Overlap",
    "QuestionError",
    "Source",
    "are_requests",
    "design",
    "files",
    "load",
    "load_counted",
    "located",
    "matcher",
    "overlap",
    "passages_of",
    "scorer",
    "share_questions",
]
