"""What the tests of the shipped networks share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import convcost
from convcost.spec.source import shipped

collect_ignore = [
    "modules.py",
    "record.py",
    "record_modules.py",
    "record_random.py",
    "record_timm.py",
    "recording.py",
]  # need torch


@pytest.fixture(scope="session")
def analyze() -> Callable[..., convcost.Analysis]:
    """Return a function that analyses a shipped network by name, with values for its symbols."""

    @cache
    def analyze(name: str, **symbols: float) -> convcost.Analysis:
        return convcost.load(name, set=symbols).analyze()

    return analyze


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., convcost.Analysis]:
    """Return a function that analyses a shipped network after replacing text in its spec."""

    def edited(name: str, replacements: dict[str, str], **symbols: float) -> convcost.Analysis:
        text = shipped()[name].read_text(encoding="utf-8")
        for old, new in replacements.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return convcost.load(path, set=symbols).analyze()

    return edited
