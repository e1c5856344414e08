"""Words of other frameworks: what to write instead."""

from __future__ import annotations

import re

from convcost.layers import REGISTRY


def meant(name: str) -> str:
    """Return the remedy for the word that another framework has for a layer type; nothing for other words.

    >>> meant("Dense"), meant("conv3d")
    ("write `linear`, the 'Dense' of Keras", "write `conv`, the 'Conv2d' of PyTorch")
    """
    plain = _plain(name)
    found = (
        f"write `{type}`, the {word!r} of {who}"
        for type, layer in REGISTRY.items()
        for word, who in layer.words.items()
        if _plain(word) == plain
    )
    return next(found, "")


def _plain(word: str) -> str:
    """Return a word without case, underscores and how many axes it is for."""
    return re.sub("[123]d$", "", word.replace("_", "").lower())
