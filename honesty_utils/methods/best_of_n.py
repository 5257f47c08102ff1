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

    Of a response that was cut off the log-probability is that of its beginning: it counts only where all were.

    Args:
        drawn: responses with ``question_id``, ``sample_index``, ``mean_logprob`` (of a token), ``num_tokens`` and
            ``finish_reason``.

    Returns:
        One row a question; of responses that are as likely the greedy one, then the first.

    Raises:
        ValueError: responses without a log-probability.
    """
    untold = drawn["mean_logprob"].isna() & (drawn["num_tokens"] > 0)
    if untold.any():
        first = drawn[untold].iloc[0]
        raise ValueError(
            f"BEST OF N: response {first['sample_index']} to question {first['question_id']!r} has no log-probability; "
            "set sampling.engine_options.sample_logprobs: true (vllm) or logprobs: true (openai), or leave the method "
            "out"
        )
    ordered = drawn.assign(
        cut=drawn["finish_reason"] == "length",
        total=-(drawn["mean_logprob"] * drawn["num_tokens"]).astype(float).fillna(0.0),
        place=np.arange(len(drawn)),
    )
    ordered = ordered.sort_values(["cut", "total", "sample_index"], kind="stable").drop_duplicates("question_id")
    return ordered.sort_values("place").drop(columns=["cut", "total", "place"])


METHOD = Method(
    label="BEST OF N",
    rule="the likeliest of M_t's greedy and sampled answers",
    options=Options,
    answer=Answer(prompt="plain", speaks=BASE, choose=likeliest),
    color="#A6761D",
)
