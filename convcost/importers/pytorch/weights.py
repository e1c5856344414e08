"""Files that hold weights and no network: pickles, which are never loaded, and safetensors.

Source of the latter: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, Annotated

import msgspec

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.pytorch import is_safetensors

if TYPE_CHECKING:
    from convcost.importers.onnx.wire import Data

_HELP = "give the module to convcost.from_torch(module, inputs), or torch.export.save it to a .pt2 file"
_WIDTHS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8", "F8_E5M2": "float8",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32",
    "U64": "uint64", "BOOL": "bool",
}  # fmt: skip


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]


def refusal(data: Data, file: str) -> SpecError:
    """Return the error that a file holds weights and no network."""
    head = bytes(data[:16])
    return _safetensors(data, file) if is_safetensors(head) else refused(file, "a pickle")


def refused(file: str, what: str) -> SpecError:
    """Return the error that a file is what no network can be read from."""
    message = f"the file holds {what}: weights, and no network that can be read"
    note = "convcost never loads such a file: that could run a program in it"
    return SpecError(ErrorDetail(message, Place(file), help=_HELP, note=note))


def _safetensors(data: Data, file: str) -> SpecError:
    length = int.from_bytes(data[:8], "little")
    if 8 + length > len(data):
        found = f"its list of tensors has {length:,} bytes, the file {len(data):,}"
        help = "is the file complete? download it again"
        return SpecError(ErrorDetail("the safetensors file is damaged", Place(file), found=found, help=help))
    try:
        listed = msgspec.json.decode(bytes(data[8 : 8 + length]), type=dict[str, msgspec.Raw])
        entries = [msgspec.json.decode(raw, type=_Entry) for name, raw in listed.items() if name != "__metadata__"]
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        found = str(error)
        return SpecError(ErrorDetail("the safetensors file is damaged", Place(file), found=found))
    counts: Counter[str] = Counter()
    for entry in entries:
        counts[_WIDTHS.get(entry.dtype, entry.dtype)] += prod(entry.shape)
    found = ", ".join(f"{count:,} {dtype}" for dtype, count in counts.most_common()) or "no numbers"
    tensors = f"{len(entries):,} tensor{'s' if len(entries) != 1 else ''}"
    return SpecError(
        ErrorDetail(
            "a safetensors file holds weights and no network", Place(file), found=f"{tensors}: {found}", help=_HELP
        )
    )
