"""`convcost.yaml`: which networks there are, and what they may cost."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost import metrics
from convcost.budget import patterns
from convcost.budget.budgets import SCOPES, SUM, AcceptedGrowth, Bound, Budget, Mark, spelled
from convcost.errors import ConfigError, ConvcostError, ErrorDetail, OptionError, Place, nearest
from convcost.metrics import METRICS
from convcost.network import dtypes
from convcost.network.dtypes import Dtype
from convcost.spec import expressions, tree
from convcost.spec.amounts import amount
from convcost.spec.arithmetic import ExpressionError
from convcost.spec.collector import ErrorCollector, Language, TooManyErrors
from convcost.spec.expressions import Expression
from convcost.spec.reading import VERSIONS, read_version
from convcost.spec.source import Source
from convcost.spec.source import read as read_source
from convcost.spec.tree import Node, Scalar
from convcost.spec.tree import Sequence as List
from convcost.spec.values import Values, kind_of

FILE = "convcost.yaml"

CONFIGURATION = Language("a configuration", ConfigError, "write it again", "write it again", "it needs five levels")

AMOUNT = "such as 300M, 4.3M, 512Ki, 1e6 or 1_000 (k, M, G, T; Ki, Mi, Gi)"
SHARE = "such as 2% or 5M"
_DTYPE = "such as int8, {weights: int8, activations: int16}, or a list of these with 'head*:float32' for some layers"


class Key(Struct, frozen=True):
    """A key: the kind of its value, and its description."""

    kind: str
    about: str


KEYS = {
    "convcost": Key("version", "The version of the language: 1, or 2; without it 1."),
    "models": Key(
        "patterns", "The specs that are checked: paths from this file's folder, in which * and ** may stand."
    ),
    "budgets": Key("budgets", "What each of them may cost."),
}
BUDGET_KEYS = {
    "metric": Key("metric", "What is limited: one of the totals that `convcost analyze` reports."),
    "max": Key("amount", "The largest value allowed."),
    "min": Key("amount", "The smallest value allowed."),
    "warn": Key("bound", "Above which value to warn: a share of max, such as 95%, or an amount."),
    "growth": Key("bound", "How much more than at the baseline is allowed: a share of that, such as 2%, or an amount."),
    "accepted": Key("accepted", "Growths beyond that which `convcost check --accept` has accepted."),
    "layers": Key("pattern", "The layers that it is for, by name: `stage4/**`; all layers without it."),
    "scope": Key("scope", "Whether the limit is for the sum of the layers or for each of them."),
    "set": Key("set", "The values of the spec's symbols at which it holds: a value or a list of values for each."),
    "models": Key("patterns", "The specs that it is for, of those above; all of them without it."),
    "dtype": Key("dtype", "The types of numbers at which it holds, such as int8; those of the spec without it."),
    "message": Key("text", "What is said where it is exceeded."),
}


ACCEPTED_KEYS = {
    "model": Key("text", "The spec that has grown: its path from this file's folder, or its name."),
    "set": Key("values", "The values of the spec's symbols at which it has, where the budget sets some."),
    "layer": Key("text", "The layer that has grown, where the budget is for each."),
    "from": Key("amount", "What it cost at the baseline. At another baseline the growth is no longer accepted."),
    "to": Key("amount", "What it may cost: growth is measured from there."),
}


class Configuration(Struct, frozen=True):
    """A configuration that was read.

    Attributes:
        file: The path under which it is shown.
        text: What it says.
        models: The specs that it names, as paths from the current folder or names of shipped specs.
        budgets: What they may cost.
        files: The specs that each pattern of its budgets means, as `patterns.identity` has them.
    """

    file: str
    text: str
    models: tuple[str, ...]
    budgets: tuple[Budget, ...]
    files: Mapping[str, frozenset[str]]

    def budgets_for(self, spec: str) -> list[Budget]:
        """Return the budgets that a spec is held to."""
        name = patterns.identity(spec)
        return [
            budget
            for budget in self.budgets
            if not budget.models or any(name in self.files[pattern] for pattern in budget.models)
        ]


def find() -> str | None:
    """Return the path of the nearest configuration: in the current folder, or in the nearest above that has one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / FILE
        if os.path.lexists(path) and not path.is_dir():  # a link that leads nowhere is reported where it is read
            return os.path.relpath(path)
    return None


def read(path: str) -> Configuration:
    """Return a configuration.

    Args:
        path: Its path.

    Raises:
        ConfigError: It cannot be read, or has errors; all of them are reported.
    """
    if not os.path.lexists(path):
        help = f"`convcost init SPEC` writes a {FILE}"
        raise ConfigError(ErrorDetail(f"there is no configuration {path!r}", help=help))
    try:
        source = read_source(Path(path))
    except ConvcostError as error:
        raise ConfigError(error.details) from None
    return parse(source, Path(path).parent)


def parse(source: Source, folder: Path) -> Configuration:
    """Parse the text of a configuration.

    Raises:
        ConfigError: It has errors; all of them are reported.
    """
    errors = ErrorCollector(source, CONFIGURATION)
    reader = _Reader(errors, folder)
    with suppress(TooManyErrors):
        root = tree.parse(errors)
        if root is None:
            errors.tell()
        reader.read(root)
    errors.tell()
    own = patterns.identity(source.file)
    models = tuple(path for path in reader.models if Path(path).name != FILE and patterns.identity(path) != own)
    return Configuration(source.file, source.text, models, tuple(reader.budgets), reader.files)


def given(metric: str, value: Any) -> Budget:
    """Return the budget by which a program allows a total a number, or an amount such as `300M`.

    Raises:
        OptionError: There is no such total, or the value is no whole number.
    """
    whole = not metrics.named(metric).is_ratio
    try:
        text = str(value)
    except ValueError:  # an int of more digits than Python prints
        text = "an astronomically large number"
    number = amount(text, whole=whole)
    if number is None:
        message = f"the limit of {metric} is a {'whole ' if whole else ''}number"
        raise OptionError(ErrorDetail(message, found=text, help=AMOUNT))
    return Budget(metric, max=Bound(number, share=False, text=text))


class _Reader:
    def __init__(self, errors: ErrorCollector, folder: Path) -> None:
        self.errors = errors
        self.folder = folder
        self.values = Values(errors)
        self.models: dict[str, None] = {}
        self.budgets: list[Budget] = []
        self.files: dict[str, frozenset[str]] = {}
        self.version = VERSIONS[-1]

    def read(self, root: Node | None) -> None:
        """Read the tree of a configuration."""
        if root is None or root.null:
            help = "it needs at least `budgets`; `convcost init SPEC` writes one"
            self.errors.add("the configuration is empty", Scalar("", 0, 0), help=help)
            return
        if not isinstance(root, tree.Mapping):
            help = "it starts with keys: models: …, budgets: …"
            self.errors.add("a configuration is a mapping", root, found=kind_of(root), help=help)
            return
        self.values.check_keys(root, KEYS, "", "a configuration")
        self.version = read_version(root.entries, self.values)
        for _, files in self._patterns(root, ""):
            self.models |= dict.fromkeys(files)
        if "budgets" not in root.entries:
            if not root.broken:
                self.errors.add("a configuration needs budgets", root, help="budgets: a list of {metric: …, max: …}")
            return
        node = root.entries["budgets"][1]
        if not isinstance(node, List) or not node.items:
            found = "an empty list" if isinstance(node, List) else kind_of(node)
            self.errors.add("budgets is a list", node, path="budgets", found=found, help="- {metric: mults, max: 300M}")
            return
        self.budgets = [self._budget(child, f"budgets[{index}]") for index, child in enumerate(node.items)]

    def _budget(self, node: Node, path: str) -> Budget:
        if not isinstance(node, tree.Mapping):
            help = "- {metric: mults, max: 300M}"
            self.errors.add("a budget is a mapping", node, path=path, found=kind_of(node), help=help)
            return Budget("")
        self.values.check_keys(node, BUDGET_KEYS, path, "a budget")
        entries = node.entries
        metric = self._metric(node, path)
        whole = not (metric and METRICS[metric].is_ratio)
        bounds = {name: self._bound(name, entries[name][1], path, whole) for name in _BOUNDS if name in entries}
        marks = {"": self._mark(node)}
        marks |= {name: self._mark(entries[name][1]) for name in ("layers", "scope", "dtype") if name in entries}
        marks |= {name: self._mark(entries[name][0]) for name in ("growth", "accepted") if name in entries}
        budget = Budget(
            metric=metric,
            max=bounds.get("max"),
            min=bounds.get("min"),
            warn=bounds.get("warn"),
            growth=bounds.get("growth"),
            accepted=self._accepted(entries["accepted"][1], path, marks, whole) if "accepted" in entries else (),
            layers=self._text(entries, "layers", path),
            scope=self._scope(entries, path),
            set=self._set(entries["set"][1], path, marks) if "set" in entries else {},
            models=self._models(node, path),
            dtype=self._dtype(entries["dtype"][1], path) if "dtype" in entries else (),
            message=self._text(entries, "message", path),
            path=path,
            marks=marks,
            version=self.version,
        )
        if not (node.broken or set(entries) - set(BUDGET_KEYS)):  # else what is meant may stand in what is reported
            self._check_bounds(budget, node, path)
        return budget

    def _metric(self, node: tree.Mapping, path: str) -> str:
        if "metric" not in node.entries:
            if not node.broken:
                self.errors.add("a budget needs a metric", node, path=path, help="metric: mults, params, …")
            return ""
        value = node.entries["metric"][1]
        text = value.text if isinstance(value, Scalar) else ""
        if text not in METRICS:
            message = f"there is no total {text!r}" if text else "a metric is one of the totals"
            help = metrics.suggestion(text)
            self.errors.add(message, value, path=path, found="" if text else kind_of(value), help=help)
            return ""
        return text

    def _bound(
        self, name: str, node: Node, path: str, whole: bool, keys: Mapping[str, Key] = BUDGET_KEYS
    ) -> Bound | None:
        """Return an amount, or a share where that is allowed."""
        may_share = keys[name].kind == "bound"
        text = node.text if isinstance(node, Scalar) else ""
        is_share = text.endswith("%")
        value = share(text) if is_share else amount(text, whole=whole)
        if value is not None and (may_share or not is_share):
            return Bound(value, is_share, text, self._place(node), self.errors.line(node.line))
        message = f"{name} is an amount or a share" if may_share else f"{name} is an amount"
        found = f"found {text}" if text and not node.null else kind_of(node)
        self.errors.add(message, node, path=path, found=found, help=SHARE if may_share else AMOUNT)
        return None

    def _check_bounds(self, budget: Budget, node: tree.Mapping, path: str) -> None:
        entries = node.entries
        if entries.keys().isdisjoint(("max", "min", "growth")):
            help = "max: 300M, or growth: 2%"
            self.errors.add("a budget needs max, min or growth", node, path=path, help=help)
        if "accepted" in entries and "growth" not in entries:
            help = "give growth too; accepted says what `convcost check --accept` has let pass of it"
            self.errors.add("accepted is for a budget with growth", entries["accepted"][0], path=path, help=help)
        warn, most, least = budget.warn, budget.max, budget.min
        if least and most and least.value > most.value:
            found = f"{least.text} is above max {most.text}"
            self.errors.add("min is at most max", entries["min"][1], path=path, found=found)
        if "warn" in entries and "max" not in entries:
            help = "give max too; `warn: 95%` is 95 % of it"
            self.errors.add("warn is for a budget with max", entries["warn"][0], path=path, help=help)
        elif warn and most and warn.of(most.value) > most.value:
            found = f"found {warn.text}, of max {most.text}" if warn.share else f"{warn.text} is above max {most.text}"
            self.errors.add("warn is at most max", entries["warn"][1], path=path, found=found)

    def _accepted(self, node: Node, path: str, marks: dict[str, Mark], whole: bool) -> tuple[AcceptedGrowth, ...]:
        """Return the growths that were accepted, and add where the first stands to `marks`."""
        if not isinstance(node, List) or not node.items:
            found = "an empty list" if isinstance(node, List) else kind_of(node)
            self.errors.add("accepted is a list", node, path=path, found=found, help=_ACCEPTED)
            return ()
        marks["accepted[0]"] = self._mark(node.items[0])
        growths = [self._accepted_growth(child, path, whole) for child in node.items]
        return tuple([growth for growth in growths if growth is not None])

    def _accepted_growth(self, node: Node, path: str, whole: bool) -> AcceptedGrowth | None:
        if not isinstance(node, tree.Mapping):
            self.errors.add("a growth is a mapping", node, path=path, found=kind_of(node), help=_ACCEPTED)
            return None
        self.values.check_keys(node, ACCEPTED_KEYS, path, "a growth")
        entries = node.entries
        missing = [name for name in ("model", "from", "to") if name not in entries]
        if missing:
            if not node.broken:
                self.errors.add(f"a growth needs {missing[0]}", node, path=path, help=_ACCEPTED)
            return None
        before, now = (self._bound(name, entries[name][1], path, whole, ACCEPTED_KEYS) for name in ("from", "to"))
        model = self._text(entries, "model", path)
        if before is None or now is None:
            return None
        if now.value <= before.value:
            found = f"{now.text} is not above from {before.text}"
            self.errors.add("a growth goes up", entries["to"][1], path=path, found=found)
        set = self._set(entries["set"][1], path, {}) if "set" in entries else {}
        if any(len(values) != 1 for values in set.values()):
            self.errors.add("a growth has one value of each symbol", entries["set"][1], path=path, help="{alpha: 0.5}")
            return None
        return AcceptedGrowth(
            before=before,
            now=now,
            spec=patterns.identity_in(self.folder, model),
            set={name: spelled(values[0]) for name, values in set.items()},
            layer=self._text(entries, "layer", path),
        )

    def _scope(self, entries: dict[str, tuple[Scalar, Node]], path: str) -> str:
        scope = self._text(entries, "scope", path)
        if scope and scope not in SCOPES:
            help = nearest(scope, SCOPES)
            self.errors.add("scope is sum or each", entries["scope"][1], path=path, found=f"found {scope}", help=help)
        return scope or SUM

    def _set(self, node: Node, path: str, marks: dict[str, Mark]) -> dict[str, tuple[Any, ...]]:
        """Return the values of each symbol, and add where each stands to `marks`."""
        found: dict[str, tuple[Any, ...]] = {}
        if isinstance(node, tree.Mapping) and not node.entries and not node.broken:
            self.errors.add("set gives values to symbols", node, path=path, found="none", help="{alpha: [0.5, 1]}")
        for name, (key, value) in self.values.entries(node, path, "set is a mapping of symbols to values"):
            children = value.items if isinstance(value, List) else [value]
            if not children:
                self.errors.add(f"set gives {name} no value", value, path=path, found="an empty list")
            values = [self._value(child, path) for child in children]
            found[name] = tuple({spelled(value): value for value in values}.values())  # each once
            marks[f"set.{name}"] = self._mark(key)
        return found

    def _dtype(self, node: Node, path: str) -> tuple[Dtype, ...]:
        """Return types of numbers: what `--dtype` takes, several of these, or types by what has them."""
        if isinstance(node, List):
            return tuple([dtype for child in node.items for dtype in self._dtype(child, path)])
        given: Any = node.text if isinstance(node, Scalar) and not node.null else None
        if isinstance(node, tree.Mapping) and not node.broken:
            given = {key: getattr(value, "text", "") for key, (_, value) in node.entries.items()}
        if not given:
            self.errors.add("dtype is a type of numbers", node, path=path, found=kind_of(node), help=_DTYPE)
            return ()
        try:
            return tuple(dtypes.read(given))
        except OptionError as error:
            (detail,) = error.details
            help = detail.help if "--dtype" not in detail.help else _DTYPE
            self.errors.add(detail.message.removeprefix("--"), node, path=path, help=help)
            return ()

    def _value(self, node: Node, path: str) -> Any:
        if not isinstance(node, Scalar) or node.null:
            self.errors.add("a symbol's value is a number or a word", node, path=path, found=kind_of(node))
            return None
        try:
            value = expressions.read(node.text)
        except ExpressionError as error:
            at = self.errors.inside(node, error.offset)
            self.errors.add(error.message, at, path=path, found=error.found, help=error.help)
            return None
        if isinstance(value, Expression):
            names = " and ".join(sorted(value.names))
            self.errors.add(f"a symbol's value cannot depend on {names}", node, path=path)
        return value

    def _patterns(self, node: tree.Mapping, path: str) -> Iterator[tuple[Scalar, Sequence[str]]]:
        """Yield the patterns of files that stand under `models`, one or a list of them, and what each means."""
        if "models" not in node.entries:
            return
        value = node.entries["models"][1]
        path = path or "models"
        children = value.items if isinstance(value, List) else [value]
        if not children:
            self.errors.add("models names specs", value, path=path, found="an empty list")
        for child in children:
            if not isinstance(child, Scalar) or child.null:
                self.errors.add("models names specs", child, path=path, found=kind_of(child), help="nets/*.yaml")
                continue
            yield child, self._matched(child, path)

    def _matched(self, node: Scalar, path: str) -> Sequence[str]:
        """Return the specs that a pattern means, and report one that matches nothing, or leads out of the folder."""
        text = node.text
        try:
            files = patterns.matched(self.folder, text)
        except patterns.Outside as outside:
            message = f"{outside.args[0]!r} is outside the configuration's folder"
            help = "name what lies in that folder or below, or move the configuration up"
            self.errors.add(message, node, path=path, help=help)
            return ()
        if files:
            return files
        if _has_magic(text):
            message, help = f"no spec matches {text!r}", "patterns are from the configuration's folder"
        else:
            message = f"there is no spec {text!r}"
            near = [name for name in patterns.near(self.folder, text) if not name.endswith(FILE)]
            help = nearest(text, near) or "paths are from the configuration's folder"
        self.errors.add(message, node, path=path, help=help)
        return ()

    def _models(self, node: tree.Mapping, path: str) -> tuple[str, ...]:
        """Return a budget's patterns of files, and keep what each of them means."""
        known = frozenset(map(patterns.identity, self.models))
        found = []
        for child, files in self._patterns(node, path):
            meant = frozenset(map(patterns.identity, files))
            if known and files and known.isdisjoint(meant):
                help = "name it under `models` at the top, too, or leave that out"
                self.errors.add(f"{child.text!r} is none of the models", child, path=path, help=help)
            self.files[child.text] = meant
            found.append(child.text)
        return tuple(found)

    def _text(self, entries: dict[str, tuple[Scalar, Node]], key: str, path: str) -> str:
        if key not in entries:
            return ""
        node = entries[key][1]
        if isinstance(node, Scalar) and not node.null:
            return node.text
        self.errors.add(f"{key} is a text", node, path=path, found=kind_of(node))
        return ""

    def _place(self, node: Node) -> Place:
        return Place(self.errors.source.file, node.line + 1, node.column + 1)

    def _mark(self, node: Node) -> Mark:
        return Mark(self._place(node), self.errors.line(node.line))


_BOUNDS = ("max", "min", "warn", "growth")
_ACCEPTED = "- {model: net.yaml, from: 1_000_000, to: 1_200_000}"


def share(text: str) -> Fraction | None:
    """Return the share that a text such as `95%` means, or None."""
    parts = [part.strip() for part in text.removesuffix("%").split("/")]
    if not text.endswith("%") or len(parts) > 2 or not all(map(expressions.is_number, parts)):
        return None  # a percentage is of a number, not of a sum
    try:
        return Fraction(expressions.read("/".join(parts))) / 100
    except ExpressionError:
        return None


def _has_magic(pattern: str) -> bool:
    return not frozenset("*?[").isdisjoint(pattern)
