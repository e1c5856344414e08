"""What an output sees of the input: how far, at which stride and padding, and which positions are used at all."""
