"""M_t's answers: a plan of requests, drawn in shards that resume."""

from honesty_utils.sampling.requests import plan, sample, seed_of

__all__ = ["plan", "sample", "seed_of"]
