"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no clock", deadline=None, derandomize=True)  # what fails here fails everywhere
settings.load_profile("no clock")
