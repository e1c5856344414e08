"""What must hold before a question is answered: a whole number, a value for every symbol, a spec that declares them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from convcost.errors import ErrorDetail, OptionError
from convcost.network import Network
from convcost.network.completeness import incomplete
from convcost.numbers import plain
from convcost.spec.origin import Origin


def check_valued(*networks: Network, apart: Collection[str] = ()) -> None:
    """Raise `OptionError` where a symbol stayed free, apart from some."""
    for network in networks:
        names = [name for name in network.free.symbols if name not in apart] if network.free is not None else []
        if names:
            message = "this needs a value for every symbol"
            raise OptionError(ErrorDetail(message, found=f"{' and '.join(names)} stayed free"))


def check_complete(*networks: Network) -> None:
    """Raise `OptionError` where the costs of layers are not known: a lower bound keeps no limit and proves nothing."""
    for network in networks:
        if network.unknown:
            raise OptionError(incomplete(network))


def origin_of(network: Network, origin: Origin | None, *, apart: Collection[str] | None = None) -> Origin:
    """Return the spec that a network was read from.

    Args:
        network: The network.
        origin: Its spec; None for a network that was built.
        apart: The symbols that may have stayed free; all without.

    Raises:
        OptionError: It was built, and so has no symbols; or a symbol has no value.
    """
    if origin is None:
        found = "a network that was built or rewritten, not read"
        raise OptionError(
            ErrorDetail("this needs the symbols of a spec", found=found, help="load a spec that declares them")
        )
    if apart is not None:
        check_valued(network, apart=apart)
    return origin


def by_name(name: str, given: Any) -> Mapping[str, Any]:
    """Return an argument that gives values by names; none for None.

    Raises:
        OptionError: It is no mapping, or a name is no text.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in given):
        example = "{'alpha': '1/2', 'r': 160}" if name == "set" else "{'macs': '300M', 'params': 4_000_000}"
        found, help = f"{given!r}", f"such as {name}={example}"
        raise OptionError(ErrorDetail(f"{name} takes values by their names, as a mapping", found=found, help=help))
    return given


def positive(name: str, number: Any) -> int:
    """Return an argument that is a whole number, at least 1.

    Raises:
        OptionError: It is not.
    """
    number = plain(number)
    if type(number) is not int or number < 1:
        raise OptionError(ErrorDetail(f"{name} is a whole number, at least 1", found=f"{number!r}"))
    return number


def size(name: str, number: Any) -> int:
    """Return an argument that is a number of bytes, at least 1.

    Args:
        name: Its name.
        number: A whole number, or a text such as `64Ki`.

    Raises:
        OptionError: It is none.

    >>> size("arena", "64Ki")
    65536
    """
    from convcost.spec.amounts import amount  # for few questions only

    found = amount(str(plain(number)))
    if found is None or found < 1:
        help = "such as 65536, 64Ki or 1.5Mi"
        raise OptionError(
            ErrorDetail(f"{name} is a whole number of bytes, at least 1", found=f"found {number}", help=help)
        )
    return int(found)
