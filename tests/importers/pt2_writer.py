"""Writes `.pt2` archives by the schema alone, for the tests of their reader.

Source: https://github.com/pytorch/pytorch/blob/main/torch/_export/serde/schema.py
"""

from __future__ import annotations

import io
import json
import re
import zipfile

DTYPES = {"float32": 7, "int64": 5, "bool": 12, "float16": 6, "int8": 2, "uint8": 1, "complex64": 10}


class Symbol(str):
    """A size that is a value of the program, as an argument."""

    __slots__ = ()


def size(given):
    """Return a size: a number, or a symbol with what it is in the example."""
    if isinstance(given, int):
        return {"as_int": given}
    name, hint = given
    text = re.sub(r"\b([a-z]\d+)", r"Symbol('\1', positive=True, integer=True)", name)
    return {"as_expr": {"expr_str": text, "hint": {"as_int": hint}}}


def meta(shape, dtype="float32", *, frozen=False):
    """Return what is recorded of a tensor."""
    return {
        "dtype": DTYPES[dtype],
        "sizes": [size(each) for each in shape],
        "requires_grad": not frozen,
        "device": {"type": "cpu", "index": None},
        "strides": [],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def argument(value):
    """Return an argument: a text names a tensor."""
    if value is None:
        return {"as_none": True}
    if isinstance(value, bool):
        return {"as_bool": value}
    if isinstance(value, int):
        return {"as_int": value}
    if isinstance(value, float):
        return {"as_float": value}
    if isinstance(value, Symbol):
        return {"as_sym_int": {"as_name": str(value)}}
    if isinstance(value, str):
        return {"as_string": value[1:]} if value.startswith("=") else {"as_tensor": {"name": value}}
    if isinstance(value, dict):
        return value
    if value and any(isinstance(each, Symbol) for each in value):
        each = [{"as_name": str(each)} if isinstance(each, Symbol) else {"as_int": each} for each in value]
        return {"as_sym_ints": each}
    if value and all(isinstance(each, str) for each in value):
        return {"as_tensors": [{"name": each} for each in value]}
    if value and any(each is None for each in value):
        each = [{"as_none": True} if each is None else {"as_tensor": {"name": each}} for each in value]
        return {"as_optional_tensors": each}
    return {"as_floats" if any(isinstance(each, float) for each in value) else "as_ints": list(value)}


def call(target, outputs, scope="", **arguments):
    """Return a call; `outputs` are the names of what it gives, several as one list."""
    given = {"as_tensors": [{"name": each} for each in outputs]} if isinstance(outputs, list) else argument(outputs)
    if isinstance(outputs, Symbol):
        given = {"as_sym_int": {"as_name": str(outputs)}}
    stack = f"L__self__,,net.Net;L__self__{scope},{scope},torch.nn.Module" if scope else "L__self__,,net.Net"
    return {
        "target": f"torch.ops.{target}" if not target.startswith("_operator") else target,
        "inputs": [{"name": name, "arg": argument(value), "kind": 1} for name, value in arguments.items()],
        "outputs": [given] if outputs else [],
        "metadata": {"nn_module_stack": stack},
        "is_hop_single_tensor_return": None,
    }


def program(calls, values, outputs, *, inputs=("x",), parameters=None, buffers=None, frozen=()):
    """Return the JSON of a program.

    Args:
        calls: The calls.
        values: What is recorded of the values: shapes, or pairs of a shape and a type.
        outputs: The names of what it gives.
        inputs: The names of what it takes.
        parameters: The shapes of parameters by their paths, or pairs of a shape and a type; calls read `conv.weight`
            as `p_conv_weight`.
        buffers: The same of buffers, which are `b_…`.
        frozen: The parameters without a gradient.
    """
    tensors = {name: meta(*_typed(given), frozen=True) for name, given in values.items()}
    specs = []
    for kind, held in (("parameter", parameters or {}), ("buffer", buffers or {})):
        for path, shape in held.items():
            name = f"{kind[0]}_{path.replace('.', '_')}"
            tensors[name] = meta(*_typed(shape), frozen=kind == "buffer" or path in frozen)
            specs.append({kind: {"arg": {"name": name}, f"{kind}_name": path}})
    specs += [{"user_input": {"arg": {"as_tensor": {"name": name}}}} for name in inputs]
    graph = {
        "inputs": [],
        "outputs": [{"as_tensor": {"name": name}} for name in outputs],
        "nodes": calls,
        "tensor_values": tensors,
        "sym_int_values": {},
        "sym_bool_values": {},
    }
    given = [{"user_output": {"arg": {"as_tensor": {"name": name}}}} for name in outputs]
    module = {"graph": graph, "signature": {"input_specs": specs, "output_specs": given}, "module_call_graph": []}
    return {
        "graph_module": module,
        "opset_version": {"aten": 10},
        "range_constraints": {},
        "schema_version": {"major": 8, "minor": 20},
        "torch_version": "2.14.1+cpu",
    }


def _typed(given):
    """Return a shape with a type as it is, one without in a tuple of its own."""
    return given if given and isinstance(given[-1], str) else (given,)


def archive(files):
    """Return a zip archive of texts or bytes, by their names."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as to:
        for name, content in files.items():
            to.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def pt2(*given, payloads=None, **more):
    """Return the bytes of a `.pt2` file of a program; `payloads` are the files of the module's tensors in it."""
    config = {
        path: {
            "path_name": name,
            "is_param": True,
            "use_pickle": False,
            "tensor_meta": meta((1,), frozen=path in more.get("frozen", ())),
        }
        for path, name in (payloads or {}).items()
    }
    return archive(
        {
            "net/data/weights/model_weights_config.json": json.dumps({"config": config}),
            "net/models/model.json": json.dumps(program(*given, **more)),
        }
    )
