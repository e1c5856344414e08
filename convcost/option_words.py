"""Texts that name options of the command line, in the words of the Python API."""

from __future__ import annotations

import re
from collections.abc import Callable

_COMMAND = re.compile(r"\b(?:convcost|git|dask|pip) [a-z-]+ ")
_OTHER = " in Python"
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?: ('[^']*'|[^\s;()]*[^\s;(),:.]))?")
_SHOWING = re.compile(
    r"(?:--layers(?: or --depth N)?|--columns \S+|COLUMNS=\d+) shows? (it|them|each|all|the)\b(?:, --[^.]*)?"
)
"""What a line says of the options that show what a table leaves out; of a terminal's width, too."""
_WHOLE = re.compile(r"--set ([^\s=]+)=((?:(?! --).)+?)(: [\d,]+)?", re.DOTALL)
_END = "\0"  # of an argument, while another may follow
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?|…|[A-Z]+")
_SIZES = re.compile(r"(?:\d+|…)(?:x(?:\d+|…))+")


def in_python(text: str) -> str:
    """Return a text with arguments where it names options; that of a command of the shell as it is.

    >>> in_python("it leaves two open: --set H=… --set W=…, or --input x=1x3x8x8")
    "it leaves two open: set={'H': …, 'W': …}, or inputs={'x': (1, 3, 8, 8)}"
    >>> in_python("--max-layers N allows more, --allow-unknown counts the rest only")
    'max_layers=N allows more, allow_unknown=True counts the rest only'
    >>> in_python("--dtype: there is no type of numbers 'int9'"), in_python("such as --max params=4M")
    ("dtype: there is no type of numbers 'int9'", "such as max={'params': '4M'}")
    >>> in_python("convcost check --base HEAD")
    'convcost check --base HEAD'
    """
    if "--" not in text or _OTHER in text or _COMMAND.search(text):
        return text
    if whole := _WHOLE.fullmatch(text):
        return f"set={{{whole[1]!r}: {_number(whole[2])}}}{whole[3] or ''}"
    found = _OPTION.sub(_argument, text).replace(f"}}{_END} set={{", ", ").replace(f"}}{_END} inputs={{", ", ")
    return re.sub(rf"{_END} (?=\w+=)", ", ", found).replace(_END, "")


def of_result(line: str) -> str:
    """Return a line below the table of a result with its methods, and with arguments, where it names options.

    >>> of_result("1 column hidden: Notes; --columns notes shows it.")
    '1 column hidden: Notes; to_dict() has it.'
    """
    return in_python(_SHOWING.sub(r"to_dict() has \1", line)) if "--" in line or "COLUMNS=" in line else line


def _argument(match: re.Match[str]) -> str:
    """Return the argument for an option and the word behind it, which may be its value or the next of a sentence."""
    option, word = match[1], match[2]
    if option in _FLAGS:
        return _FLAGS[option] + (f" {word}" if word else "")
    if option not in _VALUES:
        return match[0]
    name, value = _VALUES[option]
    found = value(word.strip("'")) if word else ""
    return f"{name}={found}{_END}" if found else f"{name} {word}" if word else name


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else repr(text)


def _count(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else ""


def _text(text: str) -> str:
    """Return a value that is no word of a sentence; a word in capitals stands for one."""
    return "" if re.fullmatch(r"[a-z]+", text) else _number(text)


def _list(text: str) -> str:
    return repr(text.split(",")) if "," in text else ""


def _pair(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{{{name!r}: {_number(value)}}}" if equals else ""


def _sizes(text: str) -> str:
    return f"({', '.join(text.split('x'))})" if _SIZES.fullmatch(text) else ""


def _shape(text: str) -> str:
    name, equals, sizes = text.rpartition("=")
    found = _sizes(sizes) or _count(sizes)
    return f"{{{name!r}: {found}}}" if equals and found else found


def _costs(text: str) -> str:
    operator, equals, costs = text.partition("=")
    pairs = [cost.partition(":") for cost in costs.split(",")]
    found = ", ".join([f"{name!r}: {_sizes(value) or _number(value)}" for name, _, value in pairs])
    return f"{{{operator!r}: {{{found}}}}}" if equals else ""


_COUNTS = ("index_bits", "max_layers", "max_points", "max_products", "max_values", "top", "weight_bits")
_TEXTS = (
    *(
        "allow",
        "arena",
        "base",
        "baseline",
        "best",
        "chart",
        "density",
        "device",
        "dtype",
        "free",
        "functional",
        "join",
    ),
    *("layers", "order", "over", "signature", "weights"),
)
_FLAGS = {
    "allow-unknown": "allow_unknown=True",
    "deployed": "deployed=True",
    "ends": "ends=True",
    "full": "full=True",
    "no-in-place": "in_place=False",
}
_VALUES: dict[str, tuple[str, Callable[[str], str]]] = {
    "declare": ("declare", _costs),
    "expect": ("number", _text),
    "for": ("symbol", _text),
    "input": ("inputs", _shape),
    "max": ("max", _pair),
    "pareto": ("pareto", _list),
    "set": ("set", _pair),
    **{name.replace("_", "-"): (name, _count) for name in _COUNTS},
    **{name: (name, _text) for name in _TEXTS},
}
