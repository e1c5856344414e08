"""What the README shows is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convcost.cli.app import app

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SPEC = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
CONFIG = re.search(r"```yaml\n(# convcost\.yaml\n.*?)```", README, re.DOTALL)
SCREENS = re.findall(r"```console\n\$ convcost (.*?)\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("arguments", "screen"), SCREENS, ids=[arguments for arguments, _ in SCREENS])
def test_a_screen_is_what_the_command_prints(
    arguments: str, screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SPEC is not None
    assert CONFIG is not None
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SPEC[1], encoding="utf-8")
    Path("convcost.yaml").write_text(CONFIG[1], encoding="utf-8")
    result = CliRunner().invoke(app, shlex.split(arguments))
    assert result.exit_code == 0
    assert result.stdout == screen


def test_the_readme_shows_screens() -> None:
    assert len(SCREENS) >= 2
