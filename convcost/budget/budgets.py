"""A budget: what networks, or some of their layers, may cost, as somebody wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from msgspec import Struct, json

from convcost.errors import ErrorDetail, Place
from convcost.network.dtypes import Dtype
from convcost.spec.reading import VERSIONS

SUM, EACH = "sum", "each"
SCOPES = (SUM, EACH)

_PLAIN = re.compile(r"\w[\w./-]*")  # what YAML takes as a text without quotes


class Bound(Struct, frozen=True):
    """A limit as it is written: an amount such as `300M`, or a share such as `95%`.

    Attributes:
        value: The amount, or the share (95 % is 19/20).
        share: Whether it is a share of something else.
        text: What is written.
        place: Where; None where it was given by a program.
        source: The line of the file.
    """

    value: int | Fraction
    share: bool
    text: str
    place: Place | None = None
    source: str = ""

    def of(self, whole: int | Fraction) -> int | Fraction:
        """Return the amount, the share being one of `whole`.

        >>> Bound(Fraction(1, 50), share=True, text="2%").of(300)
        Fraction(6, 1)
        """
        return self.value * whole if self.share else self.value


class Mark(Struct, frozen=True):
    """Where a key of a budget, or its value, is written: the place, and the line of the file."""

    place: Place
    source: str


class AcceptedGrowth(Struct, frozen=True):
    """A growth beyond its limit that was accepted, as long as the baseline is what it grew from.

    Attributes:
        before: What the network, or the layer, cost at the baseline.
        now: What it may cost; growth is measured from there.
        spec: The spec, as `patterns.identity` has it.
        set: The values that the budget sets, as specs write them.
        layer: The layer, where the budget is for each.
    """

    before: Bound
    now: Bound
    spec: str
    set: Mapping[str, str] = {}
    layer: str = ""

    def is_for(self, spec: str, set: Mapping[str, Any], layer: str) -> bool:
        """Return whether it is for a network, or one of its layers, at some values of its symbols."""
        values = {name: spelled(value) for name, value in set.items()}
        return (self.spec, self.layer, dict(self.set)) == (spec, layer, values)


class Budget(Struct, frozen=True):
    """What is allowed of one metric; it has a `max`, a `min`, a `growth`, or several of them.

    Attributes:
        metric: One of `convcost.metrics.METRICS`.
        max: The largest value allowed.
        min: The smallest value allowed.
        warn: From above which value to warn: an amount, or a share of `max`.
        growth: How much more than at the baseline is allowed: an amount, or a share of what it was there.
        accepted: Growths beyond that which were accepted.
        layers: A pattern of the names of the layers that it is for; all layers where it is empty.
        scope: `sum` of the layers, or `each` of them.
        set: The values of the network's symbols at which it holds, each combination of them.
        models: Patterns of the files that it is for; all where there is none.
        dtype: The types of numbers at which it holds; those of the spec, or that are asked, where there is none.
        message: What somebody wants to be said where it is exceeded.
        path: Where it stands in its file, such as `budgets[0]`.
        marks: Where it begins, where its `layers`, its `scope`, the symbols that it sets and the words `growth` and
            `accepted` are written, and the first of the growths that were accepted.
        version: The version of the language that it is written in.
    """

    metric: str
    max: Bound | None = None
    min: Bound | None = None
    warn: Bound | None = None
    growth: Bound | None = None
    accepted: tuple[AcceptedGrowth, ...] = ()
    layers: str = ""
    scope: str = SUM
    set: Mapping[str, tuple[Any, ...]] = {}
    models: tuple[str, ...] = ()
    dtype: tuple[Dtype, ...] = ()
    message: str = ""
    path: str = ""
    marks: Mapping[str, Mark] = {}
    version: int = VERSIONS[-1]

    @property
    def renamed(self) -> bool:
        """Whether its metric had another meaning in the version of the language that it is written in."""
        return self.metric == "activations" and self.version < 2

    @property
    def dtype_text(self) -> str:
        """The types of numbers at which it holds, as `--dtype` takes them."""
        return " ".join(map(str, self.dtype))

    def detail(self, key: str, message: str, help: str, found: str = "", note: str = "") -> ErrorDetail:
        """Return an error that points to where a key of this budget is written, if it was read from a file."""
        mark = self.marks.get(key)
        if mark is None:
            return ErrorDetail(message, found=found, help=help, note=note)
        return ErrorDetail(message, mark.place, self.path, found, help, note, mark.source)


def in_file(place: Place) -> bool:
    """Return whether a place is in a file, not in `<stdin>` or a mapping."""
    return not place.file.startswith("<")


def spelled(value: Any) -> str:
    """Return a symbol's value as a spec writes it.

    >>> spelled(True), spelled(Fraction(1, 2)), spelled("relu")
    ('true', '1/2', 'relu')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """Return a text as YAML, in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) else json.encode(text).decode()
