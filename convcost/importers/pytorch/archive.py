"""A `.pt2` archive to a graph.

An archive holds the program as JSON, and the weights beside it. Nothing but the JSON is read: no pickle is loaded, and
no file of weights is opened.

Source: https://github.com/pytorch/pytorch/blob/main/torch/export/pt2_archive/constants.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.archives import Archive, first_member
from convcost.importers.graph import ModelGraph
from convcost.importers.pytorch import weights
from convcost.importers.pytorch.program import Program
from convcost.importers.pytorch.serialized import Payload, Payloads, SerializedProgram, UnreadableProgram, program_of
from convcost.importers.pytorch.translation import translate

if TYPE_CHECKING:
    from convcost.importers.onnx.wire import Data

MOST_JSON = 128 * 2**20
"""How many bytes the JSON of a program may have."""
_PROGRAM = re.compile(r"(?:[^/]+/)?(?:models/[^/]+\.json|serialized_exported_program\.json)")
_PAYLOADS = re.compile(r"(?:[^/]+/)?data/(?:weights|constants)/\w*_config\.json")


def read(data: Data, file: str) -> ModelGraph:
    """Return the graph of a `.pt2` file.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        SpecError: It is damaged, holds weights and no program, or says what cannot be.
    """
    if not first_member(bytes(data[:4096])):
        raise weights.refusal(data, file)
    return translate(_program(Archive(data, file)))


def _program(archive: Archive) -> Program:
    programs = [name for name in archive.names if _PROGRAM.fullmatch(name)]
    if len(programs) != 1:
        raise _without_program(archive, programs)
    payloads: dict[str, Payload] = {}
    try:
        for name in filter(_PAYLOADS.fullmatch, archive.names):
            payloads |= msgspec.json.decode(archive.read(name, MOST_JSON), type=Payloads).config
        read = msgspec.json.decode(archive.read(programs[0], MOST_JSON), type=SerializedProgram)
        return program_of(read, payloads)
    except (msgspec.DecodeError, msgspec.ValidationError, UnreadableProgram, UnicodeDecodeError) as error:
        found = str(error)
    except RecursionError:
        found = "it is nested too deeply"
    message = f"{programs[0]!r} in the archive is no exported program that can be read"
    help = "export it again, with a torch between 2.4 and today's, or give the module to convcost.from_torch"
    raise SpecError(ErrorDetail(message, Place(archive.file), found=found, help=help))


def _without_program(archive: Archive, programs: list[str]) -> SpecError:
    if programs:
        found = ", ".join(map(repr, sorted(programs)[:5]))
        help = "torch.export.save writes one; load the archive and save the program that you want"
        return SpecError(ErrorDetail("the archive has several programs", Place(archive.file), found=found, help=help))
    if any("/data/aotinductor/" in f"/{name}" for name in archive.names):
        message = "the archive holds a compiled model and no program"
        help = "save the exported program: torch.export.save(torch.export.export(module, inputs), 'model.pt2')"
        return SpecError(ErrorDetail(message, Place(archive.file), help=help))
    is_script = any(name.endswith("constants.pkl") for name in archive.names)
    return weights.refused(archive.file, "a TorchScript module" if is_script else "a pickle")
