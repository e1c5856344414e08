"""The states of a streaming network, which it keeps between two runs: they become inputs and outputs.

A file names a state by a handle (`VAR_HANDLE`), reads it (`READ_VARIABLE`) and sets it (`ASSIGN_VARIABLE`); another
graph of the file sets it first (`CALL_ONCE`), which is no part of a run.
"""

from __future__ import annotations

from math import prod

from msgspec.structs import replace

from convcost.importers.tflite.model import FileGraph, FileOperator

_MANY = "are inputs and outputs"


def with_states(graph: FileGraph) -> tuple[FileGraph, list[str]]:
    """Return a graph whose states are inputs and outputs, and notes about them.

    A variable that is read and never set is no state: it stays what it is.
    """
    names = {each.outputs[0]: _name(each) for each in graph.operators if each.name == "VAR_HANDLE" and each.outputs}
    kept = {names[each.inputs[0]] for each in graph.operators if _is_of(each, "ASSIGN_VARIABLE", names)}
    handles = {index: name for index, name in names.items() if name in kept}
    tensors, operators = list(graph.tensors), []
    inputs: dict[str, int] = {}
    now: dict[str, int] = {}  # the value of each state
    same: dict[int, int] = {}
    for each in graph.operators:
        if each.name == "VAR_HANDLE" and each.outputs and each.outputs[0] in handles:
            continue
        if _is_of(each, "READ_VARIABLE", handles) and len(each.outputs) == 1 and each.outputs[0] >= 0:
            name, (index,) = handles[each.inputs[0]], each.outputs
            if name not in now:
                now[name] = inputs[name] = index
                handle, value = tensors[each.inputs[0]], tensors[index]
                tensors[handle.index], tensors[index] = (
                    replace(handle, name=value.name),
                    replace(value, name=handle.name),
                )
            same[index] = now[name]
            continue
        read = tuple([same.get(index, index) for index in each.inputs])
        if _is_of(each, "ASSIGN_VARIABLE", handles) and len(read) == 2 and read[1] >= 0:
            now[handles[each.inputs[0]]] = read[1]
            continue
        operators.append(each if read == each.inputs else replace(each, inputs=read))
    outputs = [same.get(index, index) for index in graph.outputs]
    outputs += [index for index in now.values() if index not in outputs]
    numbers = sum(prod(tensors[index].shape) for index in inputs.values())
    what, are = ("1 state", "is an input and an output") if len(inputs) == 1 else (f"{len(inputs):,} states", _MANY)
    notes = [f"{what} that it keeps between two runs, of {numbers:,} numbers, {are}"]
    found = replace(
        graph,
        inputs=(*graph.inputs, *inputs.values()),
        outputs=tuple(outputs),
        tensors=tuple(tensors),
        operators=tuple(operators),
    )
    return found, notes if inputs else []


def _is_of(operator: FileOperator, name: str, handles: dict[int, str]) -> bool:
    """Return whether an operator is one of a name, on a variable with one of some handles."""
    return operator.name == name and bool(operator.inputs) and operator.inputs[0] in handles


def _name(operator: FileOperator) -> str:
    """Return the name of the variable that a handle is of; that of the handle's own tensor where it has none."""
    given = operator.options.text(1, "the name of a variable") if operator.options is not None else ""
    return given or f"variable {operator.outputs[0]}"
