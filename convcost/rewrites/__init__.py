"""Network → Network: what a network becomes when its convolutions take another form; one rewrite a file.

A rewrite says once, for a layer of plain data, what it becomes. `application.py` builds the rewritten network from it,
and `convcost.spec.rewriting` the rewritten text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcost.registry import Registry

if TYPE_CHECKING:
    from convcost.rewrites.base import Rewrite

REGISTRY: Registry[type[Rewrite]] = Registry(
    "rewrite",
    "convcost.rewrites",
    {
        "separable": "convcost.rewrites.separable:REWRITE",
        "standard": "convcost.rewrites.standard:REWRITE",
        "grouped": "convcost.rewrites.grouped:REWRITE",
        "stacked": "convcost.rewrites.stacked:REWRITE",
        "asymmetric": "convcost.rewrites.asymmetric:REWRITE",
        "bottleneck": "convcost.rewrites.bottleneck:REWRITE",
        "fire": "convcost.rewrites.fire:REWRITE",
        "dilated": "convcost.rewrites.dilated:REWRITE",
        "fully_convolutional": "convcost.rewrites.fully_convolutional:REWRITE",
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
    from convcost.errors import Fault, OptionError, nearest

    if name not in REGISTRY:
        raise OptionError(Fault(f"there is no rewrite {name!r}", help=nearest(name, REGISTRY)))
    return REGISTRY[name](**options)
