"""Colours that people tell apart, on light and on dark paper."""

from __future__ import annotations

from itertools import combinations

import pytest

from convcost.charts.palette import COLORS

# Viénot, Brettel, Mollon 1999, Digital video colourmaps for checking the legibility of displays by dichromats:
# what linear red, green and blue become.
SEEN = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "no green": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
    "no colours": ((0.2126, 0.7152, 0.0722),) * 3,
}


def linear(color):
    """Return linear red, green and blue of `#rrggbb` (IEC 61966-2-1)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(rgb):
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), rgb, strict=True))


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.2."""
    low, high = sorted(luminance(linear(each)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """Return CIE L*a*b* of linear red, green and blue under D65."""
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(weight * part for weight, part in zip(row, rgb, strict=True)) for row in matrix]
    f = [
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in (max(value, 0) / white for value, white in zip(xyz, (0.9505, 1, 1.089), strict=True))
    ]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


@pytest.mark.parametrize("paper", ["light", "dark"])
def test_contrast_to_the_paper(paper):
    colors = {name: getattr(color, paper) for name, color in COLORS.items()}
    for name in ("ink", "muted", "series2"):  # texts
        assert contrast(colors[name], colors["paper"]) >= 4.5
    for name in ("series1", "series2", "series3"):
        assert contrast(colors[name], colors["paper"]) >= 3


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("eyes", ["all colours", "no red", "no green"])
def test_series_are_told_apart(eyes, paper):
    seen = {}
    for name in ("series1", "series2", "series3"):
        rgb = linear(getattr(COLORS[name], paper))
        seen[name] = lab([sum(w * part for w, part in zip(row, rgb, strict=True)) for row in SEEN[eyes]])
    for one, other in combinations(seen.values(), 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 >= 20
