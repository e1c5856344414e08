"""What networks cost, layer by layer and in all, as numbers and as formulas."""
