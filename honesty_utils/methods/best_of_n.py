"""The likeliest of M_t's answers to a question, greedy and sampled: no training, n times the tokens.

Greedy decoding takes the likeliest token at every step, which need not end in the likeliest answer. A sample that M_t
finds likelier as a whole than its greedy answer is said in its place. It never refuses more than M_t does: what it
shows is how much of honesty better decoding alone could bring.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.common.paths import BASE
from honesty_utils.common.settings import Section
from honesty_utils.methods.plan import Answer, Method


class Options(Section):
    """There is nothing to choose: all that is drawn takes part."""


def likeliest(drawn: pd.DataFrame) -> pd.DataFrame:
    """Of every question the response of the highest log-probability, in the order of the questions.

    Args:
        drawn: responses with ``question_id``, ``sample_index``, ``mean_logprob`` (of a token) and ``num_tokens``.

    Returns:
        One row a question; of responses that are as likely, and where no likelihood is known, the greedy one, then the
        first.
    """
    total = (drawn["mean_logprob"] * drawn["num_tokens"]).astype(float).fillna(-np.inf)
    ordered = drawn.assign(total=total, place=np.arange(len(drawn)))
    ordered = ordered.sort_values(["total", "sample_index"], ascending=[False, True], kind="stable")
    return ordered.drop_duplicates("question_id").sort_values("place").drop(columns=["total", "place"])


METHOD = Method(
    label="BEST OF N",
    rule="the likeliest of M_t's greedy and sampled answers",
    options=Options,
    answer=Answer(prompt="plain", speaks=BASE, choose=likeliest),
    color="#999933",
)
