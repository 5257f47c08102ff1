"""A threshold on a signal: M_t answers as ever, and what it is not sure enough of is withheld. Nothing is trained.

LIKELIHOOD THRESHOLD looks at the log-probability of the greedy answer (MEAN and MINIMUM THRESHOLD at that of a token),
P(TRUE), VERBALIZED, WORDS and GUESSES THRESHOLD at what M_t says of that answer, CONSISTENCY, ENTROPY and COCOA
THRESHOLD at samples, which they need at answering time too.
`fit_on` and `decide` are the same for any signal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from honesty_utils.common.paths import BASE
from honesty_utils.common.settings import Section
from honesty_utils.methods.plan import HEAD, Answer, Fitted, Method

Values = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


class Options(Section):
    """A threshold has none: the training questions choose it."""


def fit_on(signal: str) -> Callable[[pd.DataFrame, Any], dict[str, Any]]:
    """``fit`` of a method that withholds what has too little of ``signal``."""

    def fit(answers: pd.DataFrame, options: Any) -> dict[str, Any]:
        """The threshold that is best on training questions, and how the signal becomes a confidence.

        Best is the highest honesty of M_t's answers: the mean of the share of wrong ones that are withheld and the
        share of right ones that are kept. Every number between two neighboring values does the same, the middle
        is taken; of thresholds that are as good, the lowest, which withholds the least.

        Args:
            answers: a row a training question: ``question_id``, ``outcome`` and the signal. Refusals, what could not
                be scored and what has no signal take no part.
            options: of the method; not looked at.

        Returns:
            ``signal``, ``threshold``, ``slope`` and ``intercept`` (see `confidence`), ``honesty`` on the training
            questions, and the numbers of ``right`` and ``wrong`` answers.

        Raises:
            ValueError: no right or no wrong answer to choose by.
        """
        value = answers[signal].to_numpy(np.float64, na_value=np.nan)
        outcome = answers["outcome"].to_numpy(str)
        usable = np.isin(outcome, ("correct", "wrong")) & ~np.isnan(value)
        value, right = value[usable], outcome[usable] == "correct"
        counts = {"right": int(right.sum()), "wrong": int((~right).sum())}
        if not min(counts.values()):
            raise ValueError(
                f"threshold on {signal!r}: {counts['right']} right and {counts['wrong']} wrong of {len(answers)} "
                "training answers have a value; it takes some of both: give other training questions, or a signal that "
                "the engine can tell"
            )
        threshold, honesty = best(value, right)
        slope, intercept = logistic(value, right)
        return {
            "signal": signal, "threshold": threshold, "slope": slope, "intercept": intercept, "honesty": honesty,
            **counts,
        }  # fmt: skip

    return fit


def decide(answers: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Withhold answers whose signal is below the threshold.

    An answer without a signal is not withheld and has no confidence: what could not be judged is never silently a
    refusal.

    Args:
        answers: a row an answer, with the signal.
        fitted: what `fit_on`'s ``fit`` found.

    Returns:
        ``withheld`` and ``confidence``, see ``plan.as_said``.
    """
    value = answers[fitted["signal"]].to_numpy(np.float64, na_value=np.nan)
    sure = expit(fitted["slope"] * value + fitted["intercept"])
    return pd.DataFrame({"withheld": value < fitted["threshold"], "confidence": sure}, index=answers.index)


def at_half(signal: str) -> Callable[[pd.DataFrame, Fitted], pd.DataFrame]:
    """``decide`` of a method whose model gives its answer a probability: withheld is what is no likelier right."""

    def decide(answers: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
        """``withheld`` and ``confidence``, see ``plan.as_said``; an answer without the signal is not withheld."""
        value = answers[signal].to_numpy(np.float64, na_value=np.nan)
        return pd.DataFrame({"withheld": value <= 0.5, "confidence": value}, index=answers.index)

    return decide


def best(value: Values, right: Flags) -> tuple[float, float]:
    """The threshold of the highest honesty, and that honesty; see `fit_on`.

    Args:
        value: (answers,), without NaN.
        right: (answers,), some of them right and some wrong.
    """
    levels, place = np.unique(value, return_inverse=True)
    # Withheld are the levels below a cut: cut 0 withholds none. To withhold all is no better than none.
    right_below = np.concatenate([[0], np.cumsum(np.bincount(place, right))[:-1]]).astype(np.int64)
    wrong_below = np.concatenate([[0], np.cumsum(np.bincount(place, ~right))[:-1]]).astype(np.int64)
    rights, wrongs = int(right.sum()), int((~right).sum())
    # Whole numbers, so that what is as good is equal.
    score = wrong_below * rights + (rights - right_below) * wrongs
    cut = int(score.argmax())
    threshold = levels[0] if cut == 0 else _middle(levels[cut - 1], levels[cut])
    return float(threshold), float(score[cut] / (2 * rights * wrongs))


def _middle(low: float, high: float) -> float:
    """Between two values; the higher where the lower is infinite or nothing lies between them."""
    middle = low + (high - low) / 2 if np.isfinite(low) else high
    return middle if low < middle <= high else high


def logistic(value: Values, right: Flags) -> tuple[float, float]:
    """Slope and intercept of the log-odds of being right, by Platt's logistic regression (1999).

    His smoothed targets, (n + 1) / (n + 2) of n right ones and 1 / (n + 2) of n wrong ones, keep it finite where a
    threshold parts right from wrong without a fault. A slope is at least 0: higher is surer.

    Args:
        value: (answers,), without NaN; infinite ones take no part.
        right: (answers,), some of them right and some wrong.
    """
    from scipy.optimize import minimize

    finite = np.isfinite(value)
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))[finite]
    center, scale = (value[finite].mean(), value[finite].std()) if finite.any() else (0.0, 0.0)
    inputs = (value[finite] - center) / (scale or 1.0)

    def loss(weights: Values) -> tuple[float, Values]:
        odds = weights[0] * inputs + weights[1]
        error = expit(odds) - target
        return float((np.logaddexp(0, odds) - target * odds).sum()), np.array([(error * inputs).sum(), error.sum()])

    found = minimize(loss, np.zeros(2), jac=True, bounds=[(0, None), (None, None)], method="L-BFGS-B").x
    slope = float(found[0] / (scale or 1.0))
    return slope, float(found[1] - slope * center)


def _method(label: str, signal: str, rule: str, color: str) -> Method:
    answer = Answer(prompt="plain", speaks=BASE, signals=(signal,), fit=fit_on(signal), decide=decide)
    return Method(label=label, rule=f"M_t's answer, withheld where {rule}", options=Options, answer=answer, color=color)


BY_HEAD = Answer(prompt="plain", speaks=BASE, signals=(HEAD,), fit=fit_on(HEAD), decide=decide)
"""How a method answers that trains a head: M_t's answer, withheld where the head gives too little."""
METHOD = _method("LIKELIHOOD THRESHOLD", "likelihood", "its log-probability is below a threshold", "#332288")
MEAN = _method("MEAN THRESHOLD", "likelihood_mean", "its log-probability a token is below a threshold", "#88CCEE")
MINIMUM = _method("MINIMUM THRESHOLD", "likelihood_min", "its least likely token is too unlikely", "#2B9A87")
VERBALIZED = _method("VERBALIZED THRESHOLD", "verbalized", "the percentage that M_t states of it is too low", "#B2912F")
WORDS = _method("WORDS THRESHOLD", "verbalized_words", "M_t calls it too unlikely in words", "#661100")
GUESSES = _method("GUESSES THRESHOLD", "verbalized_top", "M_t gives it too little among its guesses", "#6699AA")
CONSISTENCY = _method("CONSISTENCY THRESHOLD", "self_consistency", "too few of its samples agree with it", "#CCBB44")
P_TRUE = _method("P(TRUE) THRESHOLD", "p_true", "M_t itself calls it right too seldom", "#AA4499")
COCOA = _method("COCOA THRESHOLD", "cocoa", "its log-probability times its samples' disagreement is too low", "#DDAA33")
ENTROPY = _method("ENTROPY THRESHOLD", "semantic_entropy", "its samples fall into too many groups", "#117733")
