"""Is a response right, wrong or a refusal: string rules of "Alignment for Honesty" (arXiv 2312.07000).

Normalizing, the refusal signs and the containment of an alias follow the authors' released scoring code, whose numbers
are the published ones. Two of its slips are not copied: an alias that normalizes to nothing (such as "A" or "!!!")
matched every response and here matches none, and ``match="tokens"`` keeps a short alias from matching inside a word.
"""

from honesty_utils.grading.columns import check_answers
from honesty_utils.grading.expecting import as_expected
from honesty_utils.grading.families import FAMILIES, PAPER_SIGNS
from honesty_utils.grading.languages import LANGUAGES
from honesty_utils.grading.matching import MATCHES
from honesty_utils.grading.normalizing import normalize, normalize_all
from honesty_utils.grading.options import choose_option, names_option
from honesty_utils.grading.reading import VERDICTS, Reading, knew_and_refused, read_refusal
from honesty_utils.grading.refusals import beyond_refusal, is_refusal, refusal_signs
from honesty_utils.grading.table import grade_table
from honesty_utils.grading.token_f1 import token_f1, token_f1_table
from honesty_utils.grading.verdicts import Grade, grade

__all__ = [
    "FAMILIES",
    "LANGUAGES",
    "MATCHES",
    "PAPER_SIGNS",
    "VERDICTS",
    "Grade",
    "Reading",
    "as_expected",
    "beyond_refusal",
    "check_answers",
    "choose_option",
    "grade",
    "grade_table",
    "is_refusal",
    "knew_and_refused",
    "names_option",
    "normalize",
    "normalize_all",
    "read_refusal",
    "refusal_signs",
    "token_f1",
    "token_f1_table",
]
