"""Whether a network fits: the bytes of its weights and of its activations, and the most that live at a time."""
