"""M_t's answers: a plan of requests, drawn in shards that resume."""

from honesty_utils.sampling.requests import draw, models, plan, sample, samples_of, seed_of

__all__ = ["draw", "models", "plan", "sample", "samples_of", "seed_of"]
