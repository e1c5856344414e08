"""Draw the README's picture of the first screen, from what the command prints on a terminal.

python tests/screens/picture.py
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

PICTURE = Path(__file__).with_name("first_screen.svg")
COMMAND = "analyze mobilenet_v1"
COLUMNS, LINE, MARGIN, SIZE = 100, 18, 20, 13
STEP = 7.8  # how wide a character is in pixels
BACK, FRONT, DIM, BRIGHT = "#1e2127", "#d7dae0", "#9aa1ad", "#ffffff"
COLOURS = {
    1: "#ff7b72",
    2: "#7ee787",
    3: "#e3b341",
    6: "#56c2d6",
}  # red, green, yellow and cyan, as terminals number them
EIGHTHS = " ▏▎▍▌▋▊▉█"


def printed(command: str) -> str:
    """Return what a command prints on a terminal of so many columns, colours included."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    words = [sys.executable, "-m", "convcost", *command.split()]
    found: list[bytes] = []
    reader = Thread(target=_read, args=(parent, found), daemon=True)
    reader.start()
    subprocess.run(words, stdout=child, stderr=child, env=environment | {"TERM": "xterm"}, check=True, timeout=60)
    os.close(child)
    reader.join()
    os.close(parent)
    return b"".join(found).decode().replace("\r\n", "\n")


def _read(descriptor: int, found: list[bytes]) -> None:
    """Read what is written on a terminal until its other end is closed, which Linux says by an error."""
    with suppress(OSError):
        while part := os.read(descriptor, 65536):
            found.append(part)


def _pieces(segment: Segment, column: int, y: int) -> Iterator[str]:
    """Yield the shapes of a text of one style: bars as rectangles, lines as lines, words as words."""
    text, style = segment.text, segment.style
    colour = COLOURS.get(style.color.number or 0, FRONT) if style and style.color else FRONT
    if style and style.dim:
        colour = DIM
    elif style and style.bold and colour == FRONT:
        colour = BRIGHT
    x = MARGIN + column * STEP
    if text and set(text) <= {"─"}:
        yield f'<path d="M{x:.1f} {y - 4}h{len(text) * STEP:.1f}" stroke="{DIM}"/>'
    elif text.strip() and set(text) <= set(EIGHTHS):
        width = sum(EIGHTHS.index(letter) for letter in text) / 8 * STEP
        yield f'<rect x="{x:.1f}" y="{y - 11}" width="{width:.1f}" height="13" fill="{colour}"/>'
    else:
        weight = ' font-weight="bold"' if style and style.bold else ""
        for cell in re.finditer(r"\S+(?: \S+)*", text):  # cells of a table stand two spaces apart
            at, width = x + cell.start() * STEP, len(cell[0]) * STEP
            yield (
                f'<text x="{at:.1f}" y="{y}" textLength="{width:.1f}" fill="{colour}"{weight}>{escape(cell[0])}</text>'
            )


def picture() -> str:
    """Return the picture."""
    prompt = ("$ ", "dim"), (f"convcost {COMMAND}\n", "bold")
    screen = Text.assemble(*prompt, Text.from_ansi(printed(COMMAND).removesuffix("\n")))
    lines = Console(width=COLUMNS, color_system="standard").render_lines(screen, pad=False)
    width, height = 2 * MARGIN + COLUMNS * STEP, 2 * MARGIN + LINE * len(lines)
    shapes = []
    for number, line in enumerate(lines):
        column = 0
        for segment in line:
            shapes += _pieces(segment, column, MARGIN + LINE * number + SIZE)
            column += len(segment.text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{SIZE}" '
        f'role="img">\n<title>convcost {COMMAND}</title>\n'
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
