"""Network → Network: what a network becomes when its convolutions take another form; one rewrite a file.

A rewrite says once, for a layer of plain data, what it becomes. `application.py` builds the rewritten network from it,
and `convcost.rewriting.text` the rewritten text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcost.registry import Registry

if TYPE_CHECKING:
    from convcost.rewriting.base import Rewrite

REGISTRY: Registry[type[Rewrite]] = Registry(
    "rewrite",
    "convcost.rewriting.rewrites",
    {
        "separable": "convcost.rewriting.rewrites.separable:REWRITE",
        "standard": "convcost.rewriting.rewrites.standard:REWRITE",
        "grouped": "convcost.rewriting.rewrites.grouped:REWRITE",
        "stacked": "convcost.rewriting.rewrites.stacked:REWRITE",
        "asymmetric": "convcost.rewriting.rewrites.asymmetric:REWRITE",
        "bottleneck": "convcost.rewriting.rewrites.bottleneck:REWRITE",
        "fire": "convcost.rewriting.rewrites.fire:REWRITE",
        "dilated": "convcost.rewriting.rewrites.dilated:REWRITE",
        "fully_convolutional": "convcost.rewriting.rewrites.fully_convolutional:REWRITE",
    },
)

NAMES = tuple(REGISTRY.built_in())
"""The rewrites that convcost has itself."""


def named(name: str, **options: Any) -> Rewrite:
    """Return a rewrite by its name.

    Raises:
        OptionError: There is no such rewrite, or it has no such option or cannot take its value.

    >>> named("grouped", groups=4).options
    {'groups': 4, 'shuffle': False}
    """
    from convcost.errors import ErrorDetail, OptionError, nearest

    if name not in REGISTRY:
        raise OptionError(ErrorDetail(f"there is no rewrite {name!r}", help=nearest(name, REGISTRY)))
    return REGISTRY[name](**options)


def with_options(name: str, given: Mapping[str, Any], names: Sequence[str] | Mapping[str, Any]) -> Rewrite:
    """Return a rewrite with those of the given options that it has.

    Raises:
        OptionError: There is no such rewrite, or none of those that are named has an option.
    """
    known = {option for each in names for option in named(each).defaults}
    own = named(name).defaults
    return named(name, **{option: value for option, value in given.items() if option in own or option not in known})
