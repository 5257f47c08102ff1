"""A short measurement in place of assumptions: the model answers a few questions of the training set."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from honesty_utils import engines, questions, sampling
from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.estimate.shape import EstimateError
from honesty_utils.workflow.params import Params


@dataclass(frozen=True)
class Probe:
    """What was measured: responses, their tokens, generated tokens a second, the device, peak bytes."""

    responses: int
    answer_tokens: float
    tokens_per_second: float
    characters_per_token: float
    device: str
    memory: int

    def applied(self, assumed: Assumptions) -> Assumptions:
        """The assumptions with what was measured in their place."""
        return replace(
            assumed,
            answer_tokens=self.answer_tokens,
            tokens_per_second=self.tokens_per_second,
            characters_per_token=self.characters_per_token,
        )

    def __str__(self) -> str:
        return (
            f"probe on {self.device}: {self.responses} responses of {self.answer_tokens:.1f} tokens, "
            f"{self.tokens_per_second:,.0f} tokens/s, peak memory {self.memory / 2**30:.2f} GiB"
        )


def probe(params: Params, batches: int = 2) -> Probe:
    """Sample some of the training questions with the run's own engine and settings.

    Args:
        params: of the run; the model must exist.
        batches: about as many full batches are drawn, after one question that is not counted.

    Raises:
        EstimateError: a world whose model is not made yet.
        ModelError: a model that cannot be loaded.
        QuestionError: the training questions cannot be read.
    """
    run, settings = Run(params.run), params.sampling
    model = params.model
    if model.name is None:
        if not run.base_model.is_dir():
            raise EstimateError(f"{run.base_model}: the world's model does not exist yet; estimate without a probe")
        model = model.model_copy(update={"name": str(run.base_model)})
    table = questions.load("train", questions.located(run, "train", params.questions["train"]), params.data)
    own = params.questions["train"].samples
    samples = settings.samples if own is None else own
    count = min(len(table), max(8, math.ceil(batches * settings.batch_size / (1 + samples))))
    engine = engines.load(model, settings, params.prompts.style)
    # Spread over the set, so that they are no run of alike questions.
    table = table.iloc[:: max(1, len(table) // count)].head(count)
    requests = [r for shard in sampling.plan(table, params.prompts, settings, samples) for r in shard.requests]
    engine.generate(requests[:1])
    started = time.monotonic()
    responses = engine.generate(requests)
    seconds = time.monotonic() - started
    tokens = sum(response.num_tokens for response in responses)
    characters = sum(len(response.text) + 1 for response in responses)
    memory = manifest.peak_device_memory() or manifest.peak_memory()
    a_token = characters / tokens
    return Probe(len(responses), tokens / len(responses), tokens / seconds, a_token, manifest.device(), memory)
