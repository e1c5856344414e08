"""Charts: how numbers become shapes, and shapes SVG, PNG and PDF; knows no question."""
