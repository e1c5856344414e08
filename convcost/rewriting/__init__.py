"""Networks whose layers take another form: the graph, the spec that describes it, and what to rewrite first."""
