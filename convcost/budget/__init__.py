"""What a network may cost: limits, baselines, verdicts."""
