"""What a run does, in which order: params file, sweeps, plan, preflight, estimate, execution, command line."""

from honesty_utils.workflow.opened import open_params

__all__ = ["open_params"]
