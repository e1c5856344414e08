"""What networks cost at many values of their symbols, and the largest values within limits."""
