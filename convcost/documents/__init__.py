"""The documents: what each JSON report holds, as typed structures that write it and read it back; no arithmetic."""

VERSION = 2
"""The version of all reports."""
READABLE = (1, VERSION)
"""The versions that are read as baselines; in version 1 `activations` are what `output_values` are now."""
