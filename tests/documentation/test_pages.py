"""What the pages show is what the program does, and what they list is what it has; pytest runs their Python itself."""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import nets
import pytest
import write
import yaml

import convcost

sys.path.insert(0, str(write.ROOT / "tests" / "screens"))
import picture

PAGES = {
    path.relative_to(write.ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(write.ROOT.glob("**/*.md"))
    if not any(
        part.startswith(".") or part in ("build", "dist", "data") for part in path.parts[len(write.ROOT.parts) :]
    )
}
SCREENS = [
    pytest.param(text, words, shown, id=f"{page}: {words}")
    for page, text in write.screen_pages().items()
    for words, shown in write.SCREEN.findall(text)
]
EXAMPLES = re.findall(r"```yaml\n# (\d+) params, (\d+) macs\n(.*?)```", PAGES["specs/README.md"], re.DOTALL)


@pytest.mark.parametrize(("text", "words", "shown"), SCREENS)
def test_a_screen_is_what_the_command_prints(text, words, shown, tmp_path):
    if words.endswith((".png", ".pdf")) and find_spec("matplotlib") is None and not os.environ.get("CI"):
        pytest.skip("matplotlib draws PNG and PDF: pip install 'convcost[plot]'")
    write.write_files(text, tmp_path)
    assert write.screen(words, tmp_path) == shown


def test_every_folder_of_a_question_shows_screens():
    shown = set(write.screen_pages())
    folders = {page for page in PAGES if re.fullmatch(r"convcost/\w+/README\.md", page)}
    assert folders - shown == {
        "convcost/importers/README.md",
        "convcost/symbolic/README.md",
    }  # the one has its own test


@pytest.mark.parametrize("page", write.PAGES)
def test_the_generated_parts_are_fresh(page):
    assert write.fresh(page) == PAGES[page], "python tests/documentation/write.py writes them"


def test_the_picture_is_what_the_command_prints_on_a_terminal():
    drawn = picture.PICTURE.read_text(encoding="utf-8")
    assert picture.picture() == drawn, "python tests/screens/picture.py draws it"
    assert 'textLength="741.0"' in drawn  # a line of 95 characters, 7.8 pixels each


def test_the_readme_is_read_in_two_minutes():
    assert PAGES["README.md"].count("\n") <= 250


def anchor(title):
    """Return what GitHub calls a heading in an address."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, part = target.partition("#")
        file = (write.ROOT / page).parent / path if path else write.ROOT / page
        assert file.exists(), target
        if part:
            other = PAGES[os.path.relpath(file, write.ROOT)]
            titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", other, flags=re.DOTALL), re.MULTILINE)
            assert part in map(anchor, titles), target


@pytest.mark.parametrize("text", [text for _, _, text in EXAMPLES])
def test_an_example_of_the_language_is_executed(text, tmp_path):
    """The numbers that it says are held to `analyze` beside the language's tests; here to what is executed."""
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    assert convcost.verify(path, full=True).ok


COMMANDS = [
    pytest.param(line.partition(" #")[0].strip(), id=f"{page}: {line}")
    for page in ("README.md", "specs/COMING_FROM.md")
    for block in re.findall(r"```sh\n(.*?)```", PAGES[page], re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_line_of_a_shell_runs(line, tmp_path):
    """Lines about model files, with small ones of these names."""
    for name in ("model.onnx", "before.onnx", "after.onnx"):
        (tmp_path / name).write_bytes(nets.resnet(extra=name == "after.onnx"))
    shutil.copy(write.ROOT / "tests/importers/data/small.tflite", tmp_path / "model.tflite")
    program, words = line.split(maxsplit=1)
    shown = write.screen(words, tmp_path)
    assert program == "convcost"
    assert not re.search(r"^(error|warning|Usage)\b", shown, re.MULTILINE), shown


def test_the_items_beside_keras_are_valid():
    rows = re.findall(r"^\| `.*? \| (.*) \|$", PAGES["specs/COMING_FROM.md"], re.MULTILINE)
    items = [yaml.safe_load(code) for row in rows for code in re.findall(r"`(\w+: \{.*?\})`", row)]
    assert [next(iter(item)) for item in items] == ["conv", "depthwise_conv", "separable_conv", "linear"]
    for item in items:
        shape = [16] if "linear" in item else [3, 32, 32]
        convcost.load({"input": shape, "layers": [item]})


@pytest.fixture
def keras_model(tmp_path, monkeypatch):
    """Return a model whose file is recorded, and what Keras says of it: `count_params()`."""
    recorded = json.loads(lzma.decompress((write.ROOT / "tests/importers/data/keras.json.xz").read_bytes()))
    found = recorded["MobileNetV2"]
    config = tmp_path / "model.json"
    config.write_text(json.dumps(found["config"]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(save=lambda path: shutil.copy(config, path), count_params=lambda: found["all"])


def test_the_lines_of_keras_work(keras_model):
    (code,) = re.findall(r"```python\n(model\.save.*?)```", PAGES["specs/COMING_FROM.md"], re.DOTALL)
    exec(code, {"convcost": convcost, "model": keras_model})  # noqa: S102 -- what the page shows


def test_three_lines_show_a_model_of_keras(keras_model, monkeypatch, capsys):
    applications = SimpleNamespace(MobileNetV2=lambda weights: keras_model)
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(applications=applications))
    (code,) = re.findall(r"```python\n(import convcost, keras\n.*?)```", PAGES["README.md"], re.DOTALL)
    assert len([*filter(None, code.splitlines())]) == 3
    exec(code, {})  # noqa: S102 -- what the page shows
    assert capsys.readouterr().out.splitlines()[1].startswith("2,236,682 params")  # as Keras counts them


def test_the_cookbook_has_what_networks_are_made_of():
    recipes = PAGES["specs/README.md"].partition("## Cookbook")[2].partition("\n## ")[0]
    for word in ("skip", "Squeeze and excite", "Two heads", "U-Net", "pyramid", "Shared heads", "Attention"):
        assert word in recipes


def test_a_number_of_the_readme_is_the_recorded_one():
    """The table of other tools, by a row that is written here."""
    row = next(line for line in PAGES["README.md"].splitlines() if line.startswith("| torchinfo"))
    assert (
        f"| {300_774_272 + 2 * 17_056 + 1_000:,} |" in row
    )  # two for each normalised channel, the classifier's biases


# packaging

PROJECT = tomllib.loads((write.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((write.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (convcost.__version__, PROJECT["license"])
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)


def test_the_example_of_python_runs_without_a_checkout(tmp_path):
    """The README's own lines, from another folder."""
    code = "\n".join(re.findall(r"^>>> (.*)$", PAGES["README.md"], re.MULTILINE))
    environment = os.environ | {"PYTHONPATH": str(write.ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_shipped_page_is_in_the_source_distribution():
    included = tomllib.loads((write.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = included["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for page in Path(write.ROOT).glob("*.md"):
        assert f"/{page.name}" in listed or page.name == "README.md"  # that is always in it
