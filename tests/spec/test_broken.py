"""Each broken spec of the folder `broken` is met with the whole message that stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import convcost
from convcost.spec import tree

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_spec_is_told_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)  # so that the message shows the file's name alone
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(f"{name}.yaml")
    assert caught.value.text() + "\n" == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("yaml_")])
def test_it_is_told_the_same_where_libyaml_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "Parser", yaml.BaseLoader)
    test_a_broken_spec_is_told_whole(name, monkeypatch)


def test_each_broken_spec_has_its_message_and_each_message_its_spec() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == NAMES
    assert len(NAMES) > 80
