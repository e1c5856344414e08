"""Standard beside separable forms, and what changed between two networks."""
