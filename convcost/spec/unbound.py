"""Symbols that stay symbols: the network's sizes become formulas, and what is decided on the way is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from typing import Any

from msgspec.structs import replace

from convcost.errors import ErrorDetail, FormulaError, OptionError, SpecError
from convcost.layers import LayerType
from convcost.layers.fields import is_size
from convcost.network import Free, Network, Tensor
from convcost.ops import is_symbolic
from convcost.spec.arithmetic import shown
from convcost.spec.collector import ErrorCollector, Positioned, TooManyErrors
from convcost.spec.document import Document, Given, Item
from convcost.spec.evaluate import Value
from convcost.spec.expand import Expander, expand
from convcost.spec.expressions import Missing, Unknown
from convcost.spec.placing import Values
from convcost.spec.scope import Path, Scope
from convcost.spec.source import Source
from convcost.symbolic import Assumptions, Formula, NeedsValueError, assuming, bounded, symbol


class FreeSymbols:
    """The symbols that stay symbols.

    One that is a multiple of a number has such values only; one that stands alone where a whole number must, such as a
    size of the input, has whole values only; all others have any above zero.

    Args:
        names: The symbols to keep, those without a value apart.
        given: What is known of a symbol instead.
        whole: The symbols that have whole values only.
    """

    def __init__(self, names: Collection[str], given: Mapping[str, Formula], whole: Collection[str]) -> None:
        self.names = names
        self.given = given
        self.whole = whole
        self.formulas: dict[str, Formula] = {}
        self.witness: dict[str, Any] = {}

    def stand_in(self, name: str, value: Any, multiple: Any) -> Any:
        """Return the symbol in the place of its value, or the value of one that is not kept.

        Raises:
            OptionError: It is no number.
        """
        unbound = isinstance(value, Missing) and value.symbol == name
        if not unbound and name not in self.names:
            return value
        if not unbound:
            value = value.evaluate(self.witness) if is_symbolic(value) else value
            if type(value) not in (int, Fraction):
                raise OptionError(ErrorDetail(f"only a number can stay free or be solved for, and {name!r} is none"))
            self.witness[name] = value
        known = {"whole": name in self.whole, "positive": unbound or value > 0, "multiple_of": multiple}
        self.formulas[name] = self.given.get(name) or symbol(name, **known)
        return self.formulas[name]

    def remedy(self, names: Collection[str]) -> str:
        """Return the options that give symbols values."""
        return " ".join(dict.fromkeys(f"--set {name}=…" for name in names if name not in self.witness)) or " ".join(
            dict.fromkeys(f"{name} cannot stay free here" for name in names)
        )


def expand_free(
    document: Document,
    source: Source,
    symbols: Callable[[ErrorCollector, FreeSymbols], dict[str, Any]],
    free: Collection[str] | Mapping[str, Formula],
    max_layers: int,
) -> Network:
    """Return the network that a document describes, some of its symbols kept.

    Args:
        document: The document.
        source: Its text.
        symbols: Gives the values of its symbols, formulas in the place of those that are kept.
        free: The symbols to keep, as a mapping what is known of them; all without a value are kept too.
        max_layers: How many layers it may have.

    Raises:
        SpecError: The spec has errors, at the default values too, or needs a number where a symbol stands.
        OptionError: A setting or a symbol to keep cannot be used.
        FormulaError: A formula is too large, or all of them are too much work.
    """
    with bounded():
        return _expand(document, source, symbols, free, max_layers)


def _expand(
    document: Document,
    source: Source,
    symbols: Callable[[ErrorCollector, FreeSymbols], dict[str, Any]],
    free: Collection[str] | Mapping[str, Formula],
    max_layers: int,
) -> Network:
    given = free if isinstance(free, Mapping) else {}
    whole: set[str] = set()
    while True:
        free_symbols = FreeSymbols(free, given, whole)
        errors = _ErrorCollector(source, free_symbols)
        with assuming(free_symbols.witness) as conditions:
            values = symbols(errors, free_symbols)
            conditions.witness.update(free_symbols.witness)
            with suppress(TooManyErrors):
                make = partial(_FreeExpander, free_symbols, conditions)
                network = expand(document, values, errors, make, max_layers)
        bare = {name for name, formula in free_symbols.formulas.items() if _asked_whole(formula, conditions)}
        if bare <= whole or errors:
            break
        whole |= bare  # what is known from the start decides more than what is assumed on the way
    try:
        errors.tell()
    except SpecError as error:
        error.assumed = tuple(conditions)
        raise
    if not free_symbols.formulas:
        return network
    return replace(
        network,
        symbols={name: value for name, value in network.symbols.items() if name not in free_symbols.formulas},
        free=Free(free_symbols.formulas, dict(free_symbols.witness), conditions),
    )


def _asked_whole(formula: Formula, conditions: Assumptions) -> bool:
    return any(each.relation == "whole" and each.formula.key == formula.key for each in conditions)


class _ErrorCollector(ErrorCollector):
    """Errors that say at which values a decision was made."""

    def __init__(self, source: Source, free_symbols: FreeSymbols) -> None:
        super().__init__(source)
        self._free = free_symbols

    def add(
        self, message: str, at: Positioned, *, path: str = "", found: str = "", help: str = "", note: str = ""
    ) -> None:
        free_symbols = self._free
        names = [name for name in re.findall(r"\w+", found) if name in free_symbols.formulas]
        if names and not note:
            values = [
                f"{name} = {shown(free_symbols.witness.get(name, 'any large number'))}" for name in dict.fromkeys(names)
            ]
            note = f"with {', '.join(values)}"
            help = help or free_symbols.remedy(names)
        super().add(message, at, path=path, found=found, help=help, note=note)


class _FreeExpander(Expander):
    """Unrolls a document in which sizes may be formulas."""

    def __init__(self, free_symbols: FreeSymbols, conditions: Assumptions, *given: Any) -> None:
        super().__init__(*given)
        self.free = free_symbols
        self.conditions = conditions
        self._bounded: set[int] = set()  # the sizes that are checked; the tensors keep them

    def is_input_size(self, size: Any) -> bool:
        return is_size(size, 1) or super().is_input_size(size)

    def add_layer(self, item: Item, definition: LayerType, inputs: tuple[Tensor, ...], path: Path) -> Values:
        values = super().add_layer(item, definition, inputs, path)
        for value in values:
            for size in value.shape:
                if is_symbolic(size) and id(size) not in self._bounded:  # layers pass on most sizes as they are
                    self._bounded.add(id(size))
                    size.check_bounds()  # type: ignore[attr-defined]  # it takes the place of an int
        return values

    def _holds(self, item: Item, env: dict[str, Any]) -> bool:
        """Return whether an item runs; that is never decided for a symbol without a value."""
        before = len(self.conditions)
        holds = super()._holds(item, env)
        self._check_decided(item, item.condition, before)
        return holds

    def _times(self, item: Item, env: dict[str, Any]) -> int:
        """Return how often an item runs; that is never decided for a symbol without a value."""
        assert item.repeat is not None
        with suppress(Unknown):
            times = self.evaluate.value(item.repeat.times, env, item.where, item)
            if is_symbolic(times):
                self._needs(item, item.repeat.at, f"{times} repetitions", times.symbols)
                return 1
        before = len(self.conditions)
        times = super()._times(item, env)
        self._check_decided(item, item.repeat.times, before)
        return times

    def _check_decided(self, item: Item, given: Given | None, before: int) -> None:
        """Report what was decided of symbols without values since there were so many conditions."""
        for condition in list(self.conditions)[before:]:
            for name in condition.symbols:
                if name not in self.free.witness:
                    self._needs(item, given.at if given else item, f"whether {condition} is open", [name])

    def _once(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Values:
        try:
            return super()._once(item, scope, env, feeds, path)
        except NeedsValueError as need:
            self._needs(item, item, need.question, need.symbols)
            return (feeds[0],)
        except FormulaError as error:
            raise self.errors.placed(error, item, item.where, self.evaluate.note()) from None

    def _needs(self, item: Item, at: Positioned, question: str, names: Collection[str]) -> None:
        message = f"this needs {'a value' if len(names) == 1 else 'values'} for {' and '.join(names)}"
        help, note = self.free.remedy(names), self.evaluate.note()
        ErrorCollector.add(self.errors, message, at, path=item.where, found=question, help=help, note=note)
