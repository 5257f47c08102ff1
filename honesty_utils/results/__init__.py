"""From all evaluations to tables, figures, verdicts and the report."""
