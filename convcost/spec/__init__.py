"""YAML text to a network; the only place that knows YAML."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec.structs import force_setattr, replace

from convcost.errors import ErrorDetail, FormulaError, OptionError, Place, SpecError, nearest
from convcost.network import Network
from convcost.network.completeness import incomplete
from convcost.spec import expand, expressions, limits, reading, tree
from convcost.spec.arithmetic import ExpressionError, shown
from convcost.spec.collector import ErrorCollector, TooManyErrors
from convcost.spec.document import INVALID, Document, Given, Symbol
from convcost.spec.expressions import Expression, Missing
from convcost.spec.source import Source
from convcost.spec.warnings import warnings_of

if TYPE_CHECKING:  # symbolic numbers are imported where symbols stay free
    from convcost.network.dtypes import Dtype
    from convcost.network.dtypes import Given as Dtypes
    from convcost.spec.unbound import FreeSymbols

__all__ = ["Source", "Spec", "load"]


class Spec:
    """A spec's text, read once, and the networks that it describes.

    Args:
        source: The spec's text.
        max_layers: How many layers its networks may have; as many as `limits` says without.
        dtype: The types of their numbers; those that the text gives without.
        lists: The symbols that are lists and whose elements are symbols of their own, such as `widths(0)`.

    Raises:
        OptionError: `max_layers` is no whole number that may be allowed, or there is no such type.
    """

    def __init__(
        self, source: Source, max_layers: int | None = None, dtype: Dtypes = (), lists: Collection[str] = ()
    ) -> None:
        self.source = source
        self.lists = tuple(lists)
        self.dtype = _dtypes(dtype)
        self.allowed = limits.allowed() if max_layers is None else limits.checked(max_layers)
        self._document: Document | None = None

    def __reduce__(self) -> Any:
        source = replace(self.source, imported=None)  # it is compared where it is read
        return Spec, (source, self.allowed, self.dtype, self.lists)

    def typed(self, dtype: Dtypes) -> Spec:
        """Return the same spec with other types of numbers; a later type wins.

        Raises:
            OptionError: There is no such type.
        """
        found = Spec(self.source, self.allowed, (*self.dtype, *_dtypes(dtype)), self.lists)
        found._document = self._document
        return found

    def with_elements(self, lists: Collection[str]) -> Spec:
        """Return the same spec in which elements of some lists, such as `widths(0)`, are symbols of their own."""
        return Spec(self.source, self.allowed, self.dtype, lists) if lists else self

    def network(self, settings: Mapping[str, Any], free: Collection[str] | Mapping[str, Any] | None = None) -> Network:
        """Return the network that the spec describes.

        Args:
            settings: Values for its symbols instead of their defaults: numbers, or expressions as text.
            free: The symbols that stay symbols, as a mapping what is known of each, beside all without a value; None
                where every symbol needs a value.

        Raises:
            SpecError: The spec has errors; all of them are reported.
            OptionError: A setting or a free symbol is unknown, or its value cannot be read or breaks `multiple_of`; or
                no layer matches the pattern of a type.
        """
        network = self._network(settings, free)
        if not self.dtype:
            return network
        from convcost.network.dtypes import with_dtypes  # imported where types are given

        return with_dtypes(network, self.dtype)

    def _network(self, settings: Mapping[str, Any], free: Collection[str] | Mapping[str, Any] | None) -> Network:
        errors = ErrorCollector(self.source)
        with _collector_off():
            try:
                document = self._read(errors)
                if document is not None:
                    if free is not None and not errors and (free or _unbound(document, settings)):
                        return self._free(document, settings, free)
                    stand_in = None if free is None else _unknown
                    symbols = _symbols(document, settings, errors, stand_in)
                    network = expand.expand(document, symbols, errors, max_layers=self.allowed or limits.DEFAULT_LAYERS)
            except TooManyErrors:
                pass
            try:
                errors.tell()
            except SpecError as error:
                raise self._at_modules(error, settings) from None
        assert document is not None
        self._check_imported(network)
        return self._warned(document, network, settings)

    def _check_imported(self, network: Network) -> None:
        """Compare the network with the model file that the text was made of, where it has the sizes of the file.

        Raises:
            SpecError: They differ.
        """
        imported = self.source.imported
        if imported is None or not imported.has_sizes_of(network):
            return
        if different := imported.difference(network):
            message = "the spec that was made of the model file does not give its network"
            help = "please report it: this is a bug in convcost; `convcost import --flat` may write it right"
            raise SpecError(ErrorDetail(message, Place(self.source.file), found=different, help=help))

    def _at_modules(self, error: SpecError, settings: Mapping[str, Any]) -> SpecError:
        """Return an error at the modules of the model file that the text was made of; as it is for another spec."""
        if not self.source.origins:
            return error
        from convcost.spec import modules  # on the way to an error only

        sizes = self.source.imported.sizes if self.source.imported is not None else {}
        found: dict[int, list[str]] = {}
        if settings != sizes:
            with suppress(SpecError, OptionError):
                found = modules.by_line(self.network(sizes).layers)
        return SpecError(modules.at_modules(error.details, found), more=error.more)

    def complete_network(
        self, settings: Mapping[str, Any], free: Collection[str] | Mapping[str, Any] | None = None
    ) -> Network:
        """Return the network that the spec describes, where all of its costs are known; see `network`.

        Raises:
            OptionError: Some are not.
        """
        network = self.network(settings, free)
        if network.unknown:
            raise OptionError(incomplete(network))
        return network

    def _warned(self, document: Document, network: Network, settings: Mapping[str, Any]) -> Network:
        """Return a network with the warnings about its spec, and with the modules of the model file that it is of."""
        imported = self.source.imported
        found = warnings_of(document, network, settings, self.source) + (imported.model.warnings if imported else ())
        origins = self.source.origins
        if len(origins) == len(network.layers):
            called = self.source.functional or (False,) * len(origins)
            for layer, path, functional in zip(network.layers, origins, called, strict=True):
                force_setattr(layer, "origin", path)  # they were just built, and nobody else has them
                force_setattr(layer, "functional", functional)
        if origins and found:
            from convcost.spec import modules  # where there is a warning only

            found = tuple(modules.at_modules(found, modules.by_line(network.layers)))
        return replace(network, warnings=found) if found else network

    def check(self, names: Collection[str], option: str) -> Document:
        """Return the document, if the spec can be read and declares these symbols.

        Raises:
            SpecError: The spec has errors.
            OptionError: There is no such symbol.
        """
        errors = ErrorCollector(self.source)
        with suppress(TooManyErrors):
            document = self._read(errors)
        errors.tell()
        assert document is not None
        unknown = [name for name in names if name not in document.symbols]
        if unknown:
            raise OptionError([_unknown_setting(name, document, self.source, option) for name in unknown])
        return document

    def _read(self, errors: ErrorCollector) -> Document | None:
        if self._document is not None:
            return self._document
        root = tree.parse(errors)
        if root is None:
            errors.tell()
        document = reading.read(root, errors)
        if document is not None and self.lists and not errors:
            from convcost.spec.elements import with_elements  # imported where elements are set

            document = with_elements(document, self.lists)
        if not errors:
            self._document = document
        return document

    def _free(self, document: Document, settings: Mapping[str, Any], free: Collection[str]) -> Network:
        from convcost.spec.unbound import expand_free

        self.check(free, "--free")

        def symbols(errors: ErrorCollector, free_symbols: FreeSymbols) -> dict[str, Any]:
            return _symbols(document, settings, errors, free_symbols.stand_in)

        try:
            network = expand_free(document, self.source, symbols, free, self.allowed or limits.FREE_LAYERS)
        except SpecError as error:
            raise self._at_modules(error, settings) from None
        return self._warned(document, network, settings)


_FIXED = "its layers fix the sizes; --input NAME=SHAPE tries others"


def load(source: Source, settings: Mapping[str, Any]) -> Network:
    """Return the network that a spec describes: `Spec(source).network(settings)`."""
    return Spec(source).network(settings)


def _dtypes(given: Dtypes) -> tuple[Dtype, ...]:
    """Return types of numbers as they are given."""
    if not given and given != "":
        return ()
    from convcost.network import dtypes  # imported where types are given

    return tuple(dtypes.read(given))


def _unknown(name: str, value: Any, multiple: Any) -> Any:
    """Return a value, or what stands for any where a symbol without one is allowed."""
    return Missing() if isinstance(value, Missing) else value


def _unbound(document: Document, settings: Mapping[str, Any]) -> bool:
    return any(symbol.value is None and name not in settings for name, symbol in document.symbols.items())


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the cycle collector from walking the growing tree, which holds no cycles: half of the time of parsing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _symbols(
    read: Document,
    settings: Mapping[str, Any],
    errors: ErrorCollector,
    stand_in: Callable[[str, Any, Any], Any] | None = None,
) -> dict[str, Any]:
    """Return the value of each symbol: what is set, else its default; `Missing` for one without.

    `stand_in` is called with the name, the value and the `multiple_of` of each and returns what takes its place.
    """
    wrong = [_unknown_setting(name, read, errors.source, "--set") for name in settings if name not in read.symbols]
    values: dict[str, Any] = {}
    for name, symbol in read.symbols.items():
        multiple = _constant(symbol.multiple_of, values, errors, name) if symbol.multiple_of else None
        if multiple is not None and (type(multiple) not in (int, Fraction) or multiple <= 0):
            assert symbol.multiple_of is not None
            errors.add(
                "multiple_of is a number greater than 0",
                symbol.multiple_of.at,
                path=f"symbols.{name}",
                found=f"found {shown(multiple)}",
            )
            multiple = None
        if name in settings:
            value = _setting(name, settings[name], symbol.value and symbol.value.value, wrong)
            if detail := _breaks(value, multiple):
                wrong.append(
                    ErrorDetail(f"{name} must be {detail[0]}", found=f"--set {name}={settings[name]}", help=detail[1])
                )
        elif symbol.value is None:
            value = Missing(name)
        else:
            value = _constant(symbol.value, values, errors, name)
            if detail := _breaks(value, multiple):
                found = f"found {shown(value)}"
                errors.add(
                    f"{name} must be {detail[0]}", symbol.value.at, path=f"symbols.{name}", found=found, help=detail[1]
                )
                value = None
            value = Missing() if value is None else value
        values[name] = value if stand_in is None or value is None else stand_in(name, value, multiple)
    if wrong:
        raise OptionError(wrong)
    return values


def _constant(given: Given, values: Mapping[str, Any], errors: ErrorCollector, name: str) -> Any:
    value = given.value
    if isinstance(value, Expression):
        try:
            value = value.value(values)
        except ExpressionError as error:
            errors.add(error.message, given.at, path=f"symbols.{name}", found=error.found, help=error.help)
            return None
        except FormulaError as error:
            raise errors.placed(error, given.at, f"symbols.{name}") from None
        except expressions.Unknown as unknown:
            errors.add(
                f"the default of {name!r} needs {unknown.symbol!r}, which has no value",
                given.at,
                path=f"symbols.{name}",
                help=f"--set {unknown.symbol}=…",
            )
            return None
    if value is INVALID:
        return None
    if isinstance(value, list):
        elements = [_constant(Given(element, given.at), values, errors, name) for element in value]
        if any(isinstance(element, list) for element in elements):
            message = "an element of a symbol is one value"
            errors.add(message, given.at, path=f"symbols.{name}", found="a list in a list")
            return None
        return None if any(element is None for element in elements) else elements
    return value


def _setting(name: str, given: Any, default: Any, wrong: list[ErrorDetail]) -> Any:
    """Return the value that `--set` gives a symbol: a number, or a list of them where the default is one."""
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, str) and text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1].split(",")
    several = isinstance(text, (list, tuple))
    if not isinstance(default, Expression) and default is not None and several != isinstance(default, list):
        is_one, help = ("no list", "one number") if several else ("a list", f"--set {name}=[{text}]")
        wrong.append(ErrorDetail(f"{name} is {is_one}", found=f"--set {name}={given}", help=help))
        return None
    if several:
        found = [_set_number(name, each, given, wrong) for each in text]
        return None if None in found else found
    return _set_number(name, text, given, wrong)


def _set_number(name: str, text: Any, given: Any, wrong: list[ErrorDetail]) -> Any:
    try:
        value = expressions.read(shown(text) if isinstance(text, bool) else str(text).strip())
    except ExpressionError as error:
        wrong.append(ErrorDetail(error.message, found=f"--set {name}={given}", help=error.help))
        return None
    except ValueError:  # an int of more digits than Python prints
        wrong.append(ErrorDetail("a number is astronomically large or small", found=f"--set {name}=…"))
        return None
    if isinstance(value, Expression):
        names = " and ".join(sorted(value.names))
        wrong.append(ErrorDetail(f"the value of {name!r} cannot depend on {names}", found=f"--set {name}={given}"))
        return None
    return value


def _breaks(value: Any, multiple: Any) -> tuple[str, str] | None:
    """Return the demand of `multiple_of` and the remedy where a value breaks it."""
    if multiple is None or value is None or isinstance(value, Missing):
        return None
    demand = f"a multiple of {shown(multiple)}"
    if isinstance(value, list):
        return next((broken for each in value if (broken := _breaks(each, multiple))), None)
    if isinstance(value, (bool, str)):
        return demand, ""
    if value % multiple == 0:
        return None
    below = value // multiple * multiple
    return demand, f"{shown(below)} and {shown(below + multiple)} are the nearest"


def _unknown_setting(name: str, read: Document, source: Source, option: str) -> ErrorDetail:
    symbols: dict[str, Symbol] = read.symbols
    return ErrorDetail(
        f"{option}: {source.file} has no symbol {name!r}",
        help=nearest(name, symbols) if symbols else _FIXED if source.origins else "it declares no symbols",
    )
