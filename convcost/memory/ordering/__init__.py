"""The order of layers with the smallest peak: a search, and a lower bound that knows nothing of it."""
