"""Network → Network: what a network becomes when its convolutions take another form; one rewrite a file.

A rewrite says once, for a layer of plain data, what it becomes. `application.py` builds the rewritten network from it,
and `convcost.spec.rewriting` the rewritten text.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcost.rewrites.base import Rewrite

NAMES = (
    "separable",
    "standard",
    "grouped",
    "stacked",
    "asymmetric",
    "bottleneck",
    "fire",
    "dilated",
    "fully_convolutional",
)
"""The rewrites, each the name of its file."""


def named(name: str, **options: Any) -> Rewrite:
    """Return a rewrite by its name.

    Raises:
        OptionError: There is no such rewrite, or it has no such option or cannot take its value.

    >>> named("grouped", groups=4).options
    {'groups': 4, 'shuffle': False}
    """
    from convcost.errors import Fault, OptionError, nearest

    if name not in NAMES:
        raise OptionError(Fault(f"there is no rewrite {name!r}", help=nearest(name, NAMES)))
    rewrite: Rewrite = import_module(f"{__name__}.{name}").REWRITE(**options)
    return rewrite
