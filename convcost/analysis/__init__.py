"""Network → results; one question a file."""
