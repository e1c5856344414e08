"""Write the parts of the documentation that come from the program: its commands, options, types, fields and metrics.

    python tests/documentation/write.py [--screens]

With `--screens` also what the commands on the pages print, to be read as a difference before it is committed.
A part stands between `<!-- NAME: written by tests/documentation/write.py -->` and `<!-- end of NAME -->`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from inspect import cleandoc, getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer
from rich.text import Text

import convcost
from convcost.budget import configuration
from convcost.cli.app import COMMANDS, GROUPS, app
from convcost.conventions.single_layers import single_layers
from convcost.layers import REGISTRY
from convcost.metrics import METRICS
from convcost.spec import document, words

ROOT = Path(__file__).parents[2]
MARKS = "<!-- {0}: written by tests/documentation/write.py -->\n", "<!-- end of {0} -->\n"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sentence(text: str) -> str:
    """Return the first sentence of a docstring, without its full stop."""
    return re.split(r"\.(?:\s|$)", cleandoc(text).replace("\n", " "))[0]


# the command line


def _plain(help: str) -> str:
    return Text.from_markup(help).plain


def _commands() -> Mapping[str, Any]:
    return typer.main.get_command(app).commands  # type: ignore[attr-defined,no-any-return]


def commands() -> str:
    """Return the commands by group, each with the first sentence of its help."""
    rows = []
    for group, names in GROUPS.items():
        for name in names:
            rows.append(
                (f"**{group}**" if name == names[0] else "", f"`{name}`", sentence(COMMANDS[name].__doc__ or ""))
            )
    return table(("", "command", "what it does"), rows)


def _option(parameter: Any) -> tuple[str, str]:
    """Return how an option or argument is written, and its help."""
    words = ", ".join(f"`{word}`" for word in parameter.opts) if parameter.param_type_name == "option" else ""
    value = parameter.metavar or "" if words == "" or not parameter.is_flag else ""
    written = f"{words} `{value}`".replace(" ``", "").strip() if value else words
    return written, _plain(getattr(parameter, "help", None) or "")


def options() -> str:
    """Return what each command takes; what many commands take alike stands first."""
    found = {
        name: [_option(each) for each in command.params if not getattr(each, "hidden", False)]
        for name, command in _commands().items()
        if name in COMMANDS.built_in()
    }
    times = Counter(option for taken in found.values() for option in taken)
    common = [option for option in times if times[option] >= 5 and option[0].startswith("`-")]
    parts = ["### Options of many commands\n\n", table(("option", "what it does"), common)]
    for names in GROUPS.values():
        for name in names:
            own = [option for option in found[name] if option not in common]
            shared = [f"`{option[0].split('`')[1]}`" for option in found[name] if option in common]
            parts.append(f"\n### convcost {name}\n\n{cleandoc(COMMANDS[name].__doc__ or '')}\n")
            parts.append(f"\n{table(('option', 'what it does'), own)}" if own else "")
            parts.append(f"\nAnd of the common ones {', '.join(shared)}.\n" if shared else "")
    return "".join(parts)


# numbers


def metrics() -> str:
    """Return the metrics with what they are, and how a network's value comes of its layers'."""
    rows = [
        (f"`{name}`", METRICS[name].unit, METRICS[name].about, METRICS[name].kind)
        for name in METRICS.built_in()
        if not name.startswith("ops_")
    ]
    kinds = [name.removeprefix("ops_") for name in METRICS.built_in() if name.startswith("ops_")]
    last = "Scalar operations of one kind: " + ", ".join(f"`{kind}`" for kind in kinds) + "."
    rows.append(("`ops_…`", "", last, METRICS[f"ops_{kinds[0]}"].kind))
    return table(("name", "unit", "what it is", "the network's"), rows)


# the language


def _keys(about: Mapping[str, str]) -> str:
    return table(("key", "what it is"), [(f"`{key}`", text) for key, text in about.items()])


def keys_of_budgets() -> str:
    """Return the keys of convcost.yaml and of its budgets."""
    file = _keys({key: value.about for key, value in configuration.KEYS.items()})
    return f"{file}\n{_keys({key: value.about for key, value in configuration.BUDGET_KEYS.items()})}"


def foreign_types() -> str:
    """Return what each layer type is called elsewhere."""
    rows = []
    for type, layer in REGISTRY.items():
        if layer.internal or not layer.words:
            continue
        rows.append((f"`{type}`", ", ".join(f"`{word}` ({who})" for word, who in layer.words.items())))
    return table(("in a spec", "elsewhere"), rows)


def foreign_fields() -> str:
    """Return what fields are called elsewhere."""
    rows: dict[str, list[str]] = {}
    for word, (field, who) in words._FIELDS.items():
        rows.setdefault(field, []).append(f"`{word}` ({who})")
    return table(("in a spec", "elsewhere"), [(f"`{field}`", ", ".join(found)) for field, found in rows.items()])


# Python


def functions() -> str:
    """Return the public functions, each with the first sentence about it, or about the method of its name."""
    names = [name for name in convcost.__all__ if name[0].islower()]
    rows = [
        (f"`{name}`", sentence(getdoc(getattr(convcost.Model, name, getattr(convcost, name))) or "")) for name in names
    ]
    return table(("function and method", "what it does"), rows)


# other tools

MEASURED = ROOT / "tests" / "benchmarks" / "other_tools.json"
RECORDED = ROOT / "tests" / "conventions" / "data" / "layers.json"
KINDS = {
    "padding same": '`padding="same"`',
    "transposed": "transposed convolutions",
    "attention": "attention",
    "matrix product": "matrix products",
    "LSTM": "LSTMs",
    "GRU": "GRUs",
    "RNN": "RNNs",
    "biases": "biases",
    "5×5": "biases",
    "tokens": "linear layers on tokens",
}
"""What a single layer stands for, by a part of its name; the first that fits."""


def _kind(layer: str) -> str:
    return next(kind for part, kind in KINDS.items() if part in layer)


def _listed(kinds: Iterable[str]) -> str:
    found = list(dict.fromkeys(kinds))
    if {"LSTMs", "GRUs", "RNNs"} <= set(found):
        place = found.index("LSTMs")
        found = [kind for kind in found if kind not in ("LSTMs", "GRUs", "RNNs")]
        found.insert(place, "recurrent layers")
    return ", ".join(found)


def _errors(recorded: Mapping[str, Any], macs: Mapping[str, int]) -> str:
    """Return for which layers a tool counts nothing, another number, or fails."""
    kinds: dict[str, list[str]] = {"nothing for": [], "other numbers for": [], "fails on": []}
    for name, count in macs.items():
        found = recorded.get(name)
        if not isinstance(found, dict):
            kinds["fails on"].append(_kind(name))
        elif found["count"] != count:
            kinds["other numbers for" if found["count"] else "nothing for"].append(_kind(name))
    return "; ".join(f"{head} {_listed(found)}" for head, found in kinds.items() if found) or "–"


def _taken(each: Mapping[str, Any]) -> str:
    digits = 2 if each["processor_seconds"] < 1 else 1
    return f"{each['processor_seconds']:.{digits}f}\N{NO-BREAK SPACE}s, {each['megabytes']}\N{NO-BREAK SPACE}MB"


def other_tools() -> str:
    """Return what other tools need and what they count, as measured and recorded."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))["tools"]
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))["tools"]
    counted = {layer.name: convcost.analyze(dict(layer.spec)).total.macs for layer in single_layers()}
    macs = {name: count for name, count in counted.items() if count}
    ours = measured["convcost"]
    file = f"of an ONNX file {_taken(measured['convcost FILE'])}"
    rows = [
        (
            "**convcost**",
            f"Python; {ours['installed_megabytes']:.0f} MB",
            f"{_taken(ours)}; {file}",
            f"{int(ours['printed']):,}",
            f"{len(macs)} of {len(macs)}",
            "–",
        )
    ]
    versions = []
    for tool in (tool for tool in measured if tool in recorded):
        each = measured[tool]
        right = sum(_errors(recorded[tool], {name: count}) == "–" for name, count in macs.items())
        needs = "torch, a forward pass" if "torch" in each["versions"] else "onnx, a file"
        size = f"{needs}; {each['installed_megabytes']:.0f} MB"
        count = f"{int(each['printed']):,}"
        rows.append((tool, size, _taken(each), count, f"{right} of {len(macs)}", _errors(recorded[tool], macs)))
        versions.append(f"{tool} {each['versions'][tool].replace('-', '.post')}")
    torch = measured["torch alone"]
    alone = f"Torch {measured['fvcore']['versions']['torch']} alone takes {_taken(torch)} to run the network once."
    heads = ("tool", "needs; installed", "processor time, memory", "macs of MobileNetV2", "right for", "counts")
    return f"{table(heads, rows)}\n{alone} Versions: {', '.join(versions)}.\n"


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"commands": commands, "other tools": other_tools},
    "convcost/README.md": {"functions": functions},
    "convcost/cli/README.md": {"options": options},
    "convcost/cost/README.md": {"metrics": metrics},
    "convcost/budget/README.md": {"keys": keys_of_budgets},
    "specs/README.md": {
        "keys of a spec": lambda: _keys(document.KEYS),
        "keys of an item": lambda: _keys(document.ITEM_KEYS),
        "keys of a repetition": lambda: _keys(document.REPEAT_KEYS),
        "keys of a block": lambda: _keys(document.BLOCK_KEYS),
    },
    "specs/COMING_FROM.md": {"types": foreign_types, "fields": foreign_fields},
}
"""The pages with such parts, and what writes each."""


def fresh(page: str) -> str:
    """Return a page with its parts written anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, content in PAGES[page].items():
        start, end = (mark.format(name) for mark in MARKS)
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{content()}\n{end}{after}"
    return text


# screens

SCREEN = re.compile(r"```console\n\$ convcost ([^\n]*)\n(.*?)```", re.DOTALL)


def screen_pages() -> dict[str, str]:
    """Return the texts of the pages with screens of files that they show; the importers have their own tests."""
    paths = [ROOT / "README.md", ROOT / "FAQ.md", *sorted((ROOT / "specs").glob("*.md"))]
    paths += [path for path in sorted((ROOT / "convcost").glob("**/README.md")) if "importers" not in path.parts]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return {page: text for page, text in texts.items() if SCREEN.search(text)}


def write_files(text: str, folder: Path) -> None:
    """Write the files that a page shows, each a block of YAML that begins with its name, or of CSV below it."""
    for name, content in re.findall(r"```csv\n# (\S+\.csv)\n(.*?)```", text, re.DOTALL):
        (folder / name).write_text(content, encoding="utf-8")
    for name, content in re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", text, re.DOTALL):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"# {name}\n{content}", encoding="utf-8")


def screen(words: str, folder: Path) -> str:
    """Return what a command prints in a folder."""
    command = [sys.executable, "-m", "convcost", *shlex.split(words)]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def with_screens(page: str, text: str) -> str:
    """Return a page with its screens as they are now, each to be read as a difference."""
    with TemporaryDirectory() as folder:
        write_files(text, Path(folder))
        return SCREEN.sub(lambda found: f"```console\n$ convcost {found[1]}\n{screen(found[1], Path(folder))}```", text)


if __name__ == "__main__":
    for page in PAGES:
        (ROOT / page).write_text(fresh(page), encoding="utf-8")
    if "--screens" in sys.argv:
        for page, text in screen_pages().items():
            (ROOT / page).write_text(with_screens(page, text), encoding="utf-8")
