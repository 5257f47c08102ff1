"""What a run does, in which order: params file, sweeps, plan, preflight, estimate, execution, command line."""
