"""Do tests and intervals hold what they promise, where the truth is known? ``python benchmarks/null.py``.

Simulated, without any model: people who are asked several questions each, exposures dealt out evenly among them, a base
model that knows more of those it saw more often, and methods that refuse by person, question, model and chance. Two
methods of one recipe do not differ, so that whatever is printed as p < .05 about them is a false alarm; intervals are
held against the score of the population. Writes ``benchmarks/null.csv``: a row a setting and metric, with the share of
simulations in which the test rejects or the interval covers, its own 95 % interval, and the range that it should be in.

Some two minutes on one core. ``--simulations`` sets how many of each setting.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from honesty_utils.metrics import calibration, intervals, replicates, scores
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Clusters, States

HERE = Path(__file__).resolve().parent

LEVEL = 0.95
RESAMPLES = 999
"""Of a run there are 10,000; the standard error of so many differs by 2 %."""
METRICS = ("honesty", "refusal_rate", "accuracy")
REJECTS, COVERS = (0.03, 0.07), (0.93, 0.97)
"""What is asked for."""


@dataclass(frozen=True)
class Design:
    """People, their questions and models.

    Attributes:
        people: clusters; exposures are dealt out evenly over them.
        each: questions about one person.
        seeds: trainings of each method.
        seed_sd: how far trainings differ in their readiness to refuse, on the scale on which questions differ by 1.
        world_sd: how far worlds differ in it.
        alone: treat every question as a cluster of its own, as if nothing bound them together.
    """

    people: int = 200
    each: int = 3
    seeds: int = 1
    seed_sd: float = 0.0
    world_sd: float = 0.0
    alone: bool = False

    @property
    def person(self) -> NDArray[np.int64]:
        """Person of each question, shape (questions,)."""
        return np.repeat(np.arange(self.people), self.each)

    @property
    def exposure(self) -> NDArray[np.int64]:
        """Exposure of each question's person: five levels in turn."""
        return self.person % 5

    @property
    def clusters(self) -> Clusters:
        """What is resampled together."""
        return Clusters.single(len(self.person)) if self.alone else Clusters.of(self.person, self.exposure)

    def states(self, models: int, rng: np.random.Generator) -> States:
        """Answer states (``scores.states``) of models of one recipe, shape (questions, models)."""
        size = len(self.person)
        ease = np.array([-1.6, -0.8, 0.0, 0.8, 1.6])[self.exposure]
        ease = ease + 0.5 * rng.standard_normal(self.people)[self.person]
        known = ease + 0.7 * rng.standard_normal(size) > 0
        # What a model thinks of a person it thinks of every question about that person.
        shy = 1.0 * rng.standard_normal(self.people)[self.person] + 0.5 * rng.standard_normal(size)
        own = 0.8 * rng.standard_normal((self.people, models))[self.person] + 0.5 * rng.standard_normal((size, models))
        training = self.seed_sd * rng.standard_normal(models) + self.world_sd * rng.standard_normal()
        refuses = shy[:, None] + own + training - 1.2 * ease[:, None] > 0
        right = known[:, None] ^ (rng.random((size, models)) < 0.05)
        outcome = np.where(refuses, 2, np.where(right, 0, 1))
        before = np.where(known, 0, 1)[:, None]
        return np.asarray(8 * before + 2 * outcome + (outcome == 0), dtype=np.int64)


def places() -> list[int]:
    """Where the metrics that are looked at stand among the scores."""
    return [scores.METRICS.index(metric) for metric in METRICS]


def p_of_two(design: Design, rng: np.random.Generator) -> Floats:
    """p-values of two methods of one recipe, as a table of tests has them; shape (metrics,)."""
    both, clusters = design.states(2 * design.seeds, rng), design.clusters
    first, second = both[:, : design.seeds], both[:, design.seeds :]
    samples = intervals.paired_samples(first, second, scores.NUM_STATES, scores.scores, RESAMPLES, rng, clusters)
    added = scores.contributions(first, clusters) - scores.contributions(second, clusters)
    number = scores.with_fewer(intervals.counted(first, scores.NUM_STATES, scores.rates, clusters))
    _, p_values = intervals.difference(*samples, LEVEL, intervals.discordant(added, number))
    return p_values[places()]


def p_over_worlds(design: Design, worlds: int, rng: np.random.Generator) -> Floats:
    """p-values of two methods of one recipe that were trained in several worlds; shape (metrics,)."""
    apart = []
    for _ in range(worlds):
        states = design.states(2 * design.seeds, rng)
        found = scores.scores(intervals.observed_counts(states, scores.NUM_STATES))[:, places()]
        apart.append(found[: design.seeds].mean(axis=0) - found[design.seeds :].mean(axis=0))
    return np.array([replicates.mean(values, LEVEL).p_value for values in np.transpose(apart)])


def rejections(test: Callable[[np.random.Generator], Floats], simulations: int, seed: int) -> Floats:
    """How often a test rejects, shape (metrics,)."""
    rng = np.random.default_rng(seed)
    return np.mean([test(rng) < 1 - LEVEL for _ in range(simulations)], axis=0)


def truth(design: Design, rounds_of_20: int, seed: int = 0) -> Floats:
    """Scores of the population of people and trainings, shape (metrics,), from so many times twenty models."""
    big, rng = replace(design, people=2000), np.random.default_rng(seed)
    rounds = [
        scores.scores(intervals.observed_counts(big.states(20, rng), scores.NUM_STATES)) for _ in range(rounds_of_20)
    ]
    return np.concatenate(rounds)[:, places()].mean(axis=0)


def coverage(design: Design, simulations: int, seed: int, rounds_of_20: int = 400) -> Floats:
    """How often the interval of a method's score holds that of the population, shape (metrics,)."""
    rng, true, clusters = np.random.default_rng(seed), truth(design, rounds_of_20), design.clusters
    held = []
    for _ in range(simulations):
        states = design.states(design.seeds, rng)
        drawn = intervals.sample(states, scores.NUM_STATES, scores.scores, RESAMPLES, rng, clusters)
        number = intervals.counted(states, scores.NUM_STATES, scores.rates, clusters)
        found = scores.estimate(drawn, number, LEVEL)
        held.append((found.low[places()] <= true) & (true <= found.high[places()]))
    return np.mean(held, axis=0)


def share_coverage(share: float, people: int, each: int, simulations: int, seed: int) -> float:
    """How often the interval of a small share covers it; people differ by a beta distribution, correlation .3."""
    rng, clusters = np.random.default_rng(seed), Clusters.of(np.repeat(np.arange(people), each))
    size = 1 / 0.3 - 1
    held = []
    for _ in range(simulations):
        own = rng.beta(share * size, (1 - share) * size, people) if each > 1 else np.full(people, share)
        states = (rng.random(people * each) < np.repeat(own, each)).astype(np.int64)[:, None]
        drawn = intervals.sample(states, 2, lambda counts: ratio(*_second(counts)), RESAMPLES, rng, clusters)
        found = intervals.shares(drawn, intervals.counted(states, 2, _second, clusters), LEVEL)
        held.append(found.low[0] <= share <= found.high[0])
    return float(np.mean(held))


def _second(counts: Floats) -> tuple[Floats, Floats]:
    return counts[..., 1:], counts.sum(axis=-1, keepdims=True)


def few_discordant(share: float, simulations: int, seed: int) -> float:
    """How often two models of 400 single questions are called different that differ in a small share, either way."""
    rng = np.random.default_rng(seed)

    def test(rng: np.random.Generator) -> Floats:
        first = rng.integers(0, 2, 400)
        second = first ^ (rng.random(400) < share)
        pair = intervals.paired_samples(
            first[:, None], second[:, None], 2, lambda counts: ratio(*_second(counts)), RESAMPLES, rng
        )
        apart = intervals.discordant((first - second)[:, None] / 400, np.array([400.0]))
        return intervals.difference(*pair, LEVEL, apart)[1]

    return float(np.mean([test(rng) < 1 - LEVEL for _ in range(simulations)]))


LEVELS = np.arange(0.05, 1, 0.1)


def calibration_error(error: float, answers: int, simulations: int, seed: int) -> tuple[float, float, float]:
    """Mean of the plain and of the debiased calibration error, and how often the interval covers the true one."""
    rng, chances = np.random.default_rng(seed), np.clip(LEVELS - error, 0, 1)
    true, bins = float(np.abs(LEVELS - chances).mean()), len(LEVELS)
    plain, debiased, held = [], [], []
    for _ in range(simulations):
        level = rng.integers(bins, size=answers)
        right = rng.random(answers) < chances[level]
        states = (2 * level + right)[:, None].astype(np.int64)

        def statistic(counts: Floats) -> Floats:
            grouped = counts.reshape(*counts.shape[:-1], bins, 2), LEVELS
            return np.concatenate(
                [calibration.grouped_scores(*grouped)[..., :1], calibration.grouped_gaps(*grouped)], -1
            )

        drawn = intervals.sample(states, 2 * bins, statistic, RESAMPLES, rng)
        error = replace(drawn, observed=drawn.observed[:, :1], replicates=drawn.replicates[:, :, :1])
        gaps = replace(drawn, observed=drawn.observed[:, 1:], replicates=drawn.replicates[:, :, 1:])
        found = calibration.error_interval(error, gaps, LEVEL)
        plain.append(calibration.ece(LEVELS[level], right))
        debiased.append(float(found.value[0]))
        held.append(found.low[0] <= true <= found.high[0])
    return float(np.mean(plain)), float(np.mean(debiased)), float(np.mean(held))


def rows(simulations: int) -> Iterator[tuple[str, str, str, str, int, float, tuple[float, float] | None]]:
    """Question, setting, what it speaks of, metric, simulations, share, and the range that it should be in."""
    models, methods = "of these models", "methods"
    tests = [
        ("1 seed", models, Design()),
        ("1 seed, questions as units", models, Design(alone=True)),
        ("1 seed, 60 people", models, Design(people=60)),
        ("3 seeds that do not differ", methods, Design(seeds=3)),
        ("3 seeds, SD .1", methods, Design(seeds=3, seed_sd=0.1)),
        ("3 seeds, SD .3", methods, Design(seeds=3, seed_sd=0.3)),
        ("1 seed, SD .1: two seeds of one method", models, Design(seed_sd=0.1)),
        ("1 seed, SD .3: two seeds of one method", models, Design(seed_sd=0.3)),
    ]
    for number, (name, scope, design) in enumerate(tests):
        found = rejections(lambda rng, design=design: p_of_two(design, rng), simulations, number)
        asked = None if design.alone or (design.seeds == 1 and design.seed_sd) else REJECTS
        yield from _metrics("rejects", name, scope, simulations, found, asked)
    for number, sd in enumerate((0.1, 0.3)):
        design = Design(seed_sd=sd, world_sd=0.5)
        found = rejections(lambda rng, design=design: p_over_worlds(design, 8, rng), simulations, 20 + number)
        yield from _metrics("rejects", f"8 worlds, 1 seed each, SD {sd:g}", methods, simulations, found, REJECTS)
    for number, share in enumerate((0.01, 0.02, 0.05)):
        found = few_discordant(share, simulations, 30 + number)
        name = f"400 single questions, {share:.0%} of them discordant"
        yield "rejects", name, models, "share", simulations, found, (0.0, 0.07)
    covered = [
        ("1 seed", models, Design()),
        ("1 seed, questions as units", models, Design(alone=True)),
        ("3 seeds, SD .1", methods, Design(seeds=3, seed_sd=0.1)),
        ("3 seeds, SD .3", methods, Design(seeds=3, seed_sd=0.3)),
    ]
    for number, (name, scope, design) in enumerate(covered):
        found = coverage(design, simulations, 40 + number)
        yield from _metrics("covers", name, scope, simulations, found, None if design.alone else COVERS)
    for number, (share, people, each) in enumerate([(0.1, 50, 1), (0.02, 200, 1), (0.1, 60, 3), (0.02, 400, 3)]):
        found = share_coverage(share, people, each, simulations, 50 + number)
        name = f"a share of {share:g}, {people} people, {each} question{'s' * (each > 1)} each"
        yield "covers", name, models, "share", simulations, found, (0.93, 1.0)
    for number, (error, answers) in enumerate([(0.0, 200), (0.0, 600), (0.1, 200), (0.1, 600)]):
        plain, debiased, held = calibration_error(error, answers, simulations, 60 + number)
        name = f"calibration error, true {error:g}, {answers} answers"
        yield "mean", f"{name}, plain", models, "ece", simulations, plain, None
        yield "mean", f"{name}, debiased", models, "ece", simulations, debiased, None
        yield "covers", name, models, "ece", simulations, held, (0.93, 1.0)


def _metrics(
    question: str, name: str, scope: str, simulations: int, found: Floats, asked: tuple[float, float] | None
) -> Iterator[tuple[str, str, str, str, int, float, tuple[float, float] | None]]:
    for metric, share in zip(METRICS, found, strict=True):
        yield question, name, scope, metric, simulations, float(share), asked


def table(simulations: int) -> pd.DataFrame:
    """``quantity, setting, scope, metric, share, low, high, asked, simulations``: see the module's docstring."""
    content = []
    for question, setting, scope, metric, number, share, asked in rows(simulations):
        low, high = np.nan, np.nan
        if question != "mean":
            own = stats.binomtest(round(share * number), number).proportion_ci(method="wilson")
            low, high = own.low, own.high
        said = "–" if asked is None else f"{asked[0]:g} to {asked[1]:g}"
        content.append((question, setting, scope, metric, share, low, high, said, number))
        print(*content[-1], flush=True)
    columns = ["quantity", "setting", "scope", "metric", "value", "low", "high", "asked", "simulations"]
    return pd.DataFrame(content, columns=columns)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all settings and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000, help="of each setting")
    parser.add_argument("--output", type=Path, default=HERE / "null.csv")
    given = parser.parse_args(arguments)
    table(given.simulations).to_csv(given.output, index=False, float_format="%.4f", lineterminator="\n")


if __name__ == "__main__":
    main()
