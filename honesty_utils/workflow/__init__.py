"""What a run does, in which order: params file, checks across sections, sweeps, preflight, estimate, execution."""
