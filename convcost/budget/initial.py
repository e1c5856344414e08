"""A first `convcost.yaml`, and more models in one that exists: today's numbers plus headroom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from glob import escape
from math import ceil
from pathlib import Path

from convcost.budget import patterns
from convcost.budget.budgets import quoted
from convcost.budget.configuration import FILE, Configuration
from convcost.cost.analysis import Analysis
from convcost.errors import ConfigError, ErrorDetail, OptionError, Place
from convcost.spec import tree
from convcost.spec.collector import ErrorCollector, line_ends
from convcost.spec.reading import VERSIONS
from convcost.spec.source import Source, shipped

_LIMITED = ("params", "mults")


def initial(
    analyses: Mapping[str, Analysis],
    headroom: Fraction,
    text: str,
    settings: Mapping[str, str],
    models: Sequence[str] = (),
) -> str:
    """Return the text of a configuration with limits somewhat above the costs of networks.

    Args:
        analyses: What each spec costs, by its path or shipped name.
        headroom: What is allowed beside, as a share of that; limits are rounded up to whole numbers.
        text: The headroom as somebody wrote it.
        settings: The values of symbols at which the networks cost that, as somebody wrote them.
        models: Patterns that name the specs, where they are those of folders: each later file has limits then, too.

    Raises:
        OptionError: A spec is no file in the current folder or below, nor a shipped one, or its name is not Unicode.
    """
    named = {_named(spec): analysis for spec, analysis in analyses.items()}
    lines = [
        "# What the networks may cost. `convcost check` holds them to it.",
        f"# Each limit is what the network cost when this was written, given behind it, and {text}.",
        f"convcost: {VERSIONS[-1]}",
        "models:",
        *(f"  - {name}" for name in ([quoted(model) for model in models] or named)),
        "",
        "budgets:",
    ]
    for name, analysis in named.items():
        lines += _budgets("" if models and len(named) == 1 else name, analysis, headroom, settings, "  - ")
    if models and len(named) > 1 and not settings:
        lines.append("  # every model, also one that is put there later: as much as the largest")
        for metric in _LIMITED:
            most = max(analysis.value(metric) for analysis in named.values())
            lines += [f"  - metric: {metric}", f"    {_max(most, headroom)}"]
    return "\n".join(lines) + "\n"


def _budgets(
    model: str, analysis: Analysis, headroom: Fraction, settings: Mapping[str, str], dash: str
) -> Iterator[str]:
    """Yield the lines of a network's budgets."""
    indent = " " * len(dash)
    values = ", ".join(f"{name}: {quoted(value)}" for name, value in settings.items())
    for metric in _LIMITED:
        yield f"{dash}metric: {metric}"
        if model:
            yield f"{indent}models: {model}"
        if values:
            yield f"{indent}set: {{{values}}}"
        yield f"{indent}{_max(analysis.value(metric), headroom)}"


def _max(actual: int, headroom: Fraction) -> str:
    return f"max: {ceil(actual * (1 + headroom)):_}   # {actual:_}"


def extended(
    configuration: Configuration, analyses: Mapping[str, Analysis], headroom: Fraction, settings: Mapping[str, str]
) -> str:
    """Return the text of a configuration with more models and their budgets; all else stays as it is.

    Args:
        configuration: The configuration.
        analyses: What each spec costs, by its path or shipped name.
        headroom: What is allowed beside, as a share of that.
        settings: The values of symbols at which the networks cost that, as somebody wrote them.

    Raises:
        OptionError: A spec is outside the configuration's folder, or has budgets of its own there already.
        ConfigError: The file is laid out so that nothing can be added.
    """
    folder = Path(configuration.file).parent
    known = {patterns.identity(model) for model in configuration.models}
    guarded = {name for names in configuration.files.values() for name in names}
    double = [spec for spec in analyses if patterns.identity(spec) in guarded]
    if double:
        help = "change its limits there, or `convcost check --accept` those that are exceeded"
        raise OptionError(ErrorDetail(f"{configuration.file} has budgets for this model", found=double[0], help=help))
    names = {_named(spec, folder): analysis for spec, analysis in analyses.items()}
    new = [name for name, spec in zip(names, analyses, strict=True) if patterns.identity(spec) not in known]
    text = _Layout(configuration)
    if new and configuration.models:
        text.add("models", [[name] for name in new])
    elif new:
        text.add_models(new)
    budgets = [line for name, analysis in names.items() for line in _budgets(name, analysis, headroom, settings, "")]
    starts = [index for index, line in enumerate(budgets) if line.startswith("metric: ")]
    text.add("budgets", [budgets[start:end] for start, end in zip(starts, [*starts[1:], len(budgets)], strict=True)])
    return text.edited()


class _Layout:
    """The text of a configuration, to which entries are added."""

    def __init__(self, configuration: Configuration) -> None:
        source = Source(configuration.file, configuration.text)
        self.file = configuration.file
        root = tree.parse(ErrorCollector(source))
        assert isinstance(root, tree.Mapping)  # it was read before
        self.entries = root.entries
        ends = [match.end() for match in line_ends(source.text)]
        text = source.text
        self.lines = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
        self.newline = "\r\n" if self.lines[0].endswith("\r\n") else "\n"
        self.inserts: list[tuple[int, int, str]] = []  # line, column and text

    def add(self, key: str, items: Sequence[Sequence[str]]) -> None:
        """Add items to the list under a key: each the lines of one.

        Raises:
            ConfigError: They have no place there.
        """
        name, node = self.entries[key]
        if isinstance(node, tree.Scalar):  # one pattern alone
            line, column = node.line, node.column
            quotes = 2 if self.lines[line][column : column + 1] in ("'", '"') else 0
            if not self.lines[line].startswith(node.text, column + quotes // 2):
                raise ConfigError(self._no_place(name))
            self.inserts.append((line, column, "["))
            more = ", ".join(_in_braces(item) for item in items)
            self.inserts.append((line, column + quotes + len(node.text), f", {more}]"))
            return
        assert isinstance(node, tree.Sequence)
        first = node.items[0]
        before = self.lines[first.line][: first.column]
        if before.strip() == "-":
            end = self._end(name.line, first.line)
            new = [f"{before}{item[0]}" for item in items]
            rest = [[f"{' ' * len(before)}{line}" for line in item[1:]] for item in items]
            lines = [line for head, more in zip(new, rest, strict=True) for line in (head, *more)]
            self._insert_lines(end, lines)
        elif before.rstrip().endswith(("[", ",")):
            self.inserts.append((first.line, first.column, "".join(f"{_in_braces(item)}, " for item in items)))
        else:
            raise ConfigError(self._no_place(name))

    def add_models(self, names: Sequence[str]) -> None:
        """Add a list of models above everything.

        Raises:
            ConfigError: The file is written in braces.
        """
        first = min((key for key, _ in self.entries.values()), key=lambda key: key.line)
        if self.lines[first.line][: first.column].strip():
            raise ConfigError(self._no_place(first))
        self._insert_lines(first.line, ["models:", *(f"  - {name}" for name in names)])

    def edited(self) -> str:
        """Return the text with what was added."""
        lines = list(self.lines)
        for line, column, text in sorted(self.inserts, reverse=True):
            lines[line] = lines[line][:column] + text + lines[line][column:]
        return "".join(lines)

    def _insert_lines(self, at: int, new: Sequence[str]) -> None:
        text = "".join(f"{line}{self.newline}" for line in new)
        last = self.lines[at - 1] if at else self.newline
        if last.endswith(("\n", "\r")):
            self.inserts.append((at, 0, text))
        else:  # the file ends without a line end
            self.inserts.append((at - 1, len(last), f"{self.newline}{text.removesuffix(self.newline)}"))

    def _end(self, key: int, first: int) -> int:
        """Return the line behind the list that begins below a key, without empty lines and comments at its end."""
        tops = sorted(other.line for other, _ in self.entries.values() if other.line > key)
        end = tops[0] if tops else len(self.lines)
        while end > first + 1 and self.lines[end - 1].strip()[:1] in ("", "#"):
            end -= 1
        return end

    def _no_place(self, key: tree.Scalar) -> ErrorDetail:
        return ErrorDetail(
            f"nothing can be added to {key.text} as it is written",
            Place(self.file, key.line + 1, key.column + 1),
            help="write it as a list with a line for each, or add the model by hand",
            source=self.lines[key.line].rstrip("\r\n"),
        )


def _in_braces(lines: Sequence[str]) -> str:
    """Return an item as it stands in a list in brackets."""
    if len(lines) == 1:
        return lines[0]
    return "{" + ", ".join(line.partition("   #")[0] for line in lines) + "}"


def _named(spec: str, folder: Path | None = None) -> str:
    """Return the path of a spec as a configuration in a folder, by default the current one, writes it."""
    folder = folder or Path()
    if not os.path.lexists(spec) and spec in shipped():
        return spec
    try:
        pattern = escape(Path(os.path.relpath(spec, folder)).as_posix())
    except ValueError:  # on another drive of Windows
        pattern = Path(spec).as_posix()
    if spec == "-":
        found = "standard input"
    elif _is_outside(folder, pattern):
        found = f"{spec!r} is outside"
    elif pattern.encode(errors="replace").decode() != pattern:
        found = f"{spec!r} is not Unicode"
    else:
        return quoted(pattern)
    help = f"{FILE} names files in its folder and below"
    raise OptionError(ErrorDetail(f"{FILE} cannot name this spec", found=found, help=help))


def _is_outside(folder: Path, pattern: str) -> bool:
    try:
        patterns.matched(folder, pattern)
    except patterns.Outside:
        return True
    return False
