"""Which module a node belongs to, as its exporter says."""

from __future__ import annotations


def scope_of(name: str, operator: str, scopes: str = "") -> str:
    """Return the path of a node's module, such as `layer1.0.conv1`; empty where the file does not say.

    Args:
        name: The node's name.
        operator: What it does.
        scopes: PyTorch's list of the modules around it, outermost first, as the newer exporter writes it.

    >>> scope_of("/layer1/layer1.0/conv1/Conv", "Conv"), scope_of("/Add_1", "Add"), scope_of("Conv_12", "Conv")
    ('layer1.0.conv1', '', '')
    >>> scope_of("/features/features.1/conv/conv.0/conv.0.0/Conv", "Conv")
    'features.1.conv.0.0'
    >>> scope_of("node_conv2d", "Conv", "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']")
    'layer1.0.conv1'
    """
    if scopes:
        import ast  # where the newer exporter wrote the file only

        try:
            listed = ast.literal_eval(scopes) if len(scopes) < 10_000 else []
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            listed = []
        if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
            return listed[-2] if len(listed) > 1 else ""
    if not name.startswith("/"):
        return ""
    path: list[str] = []
    for part in name.split("/")[1:-1]:
        if path and part.startswith(path[-1] + "."):  # a module in a list has the name of the list before its number
            path.pop()
        path.append(part)
    return ".".join(path)
