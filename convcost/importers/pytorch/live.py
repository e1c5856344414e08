"""A module in memory to a `Program`, by `torch.export`; the only place that imports torch, when it is called."""

from __future__ import annotations

import copy
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path, PurePath
from traceback import extract_tb
from typing import Any

from convcost.errors import ErrorDetail, OptionError, SpecError
from convcost.importers.pytorch.exported import exported
from convcost.importers.pytorch.program import Program

OLDEST = (2, 4)
"""The first version of torch whose exported programs are read."""
_INSTALL = "pip install torch"


def program_of(
    module: Any,
    example_inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
) -> Program:
    """Return the program of a module.

    Args:
        module: A `torch.nn.Module`, on any device, `meta` too; or an exported program.
        example_inputs: What it is called with: a tensor, or a tuple of what its `forward` takes; sizes such as
            `(1, 3, 224, 224)` stand for a tensor of them, several in a tuple for several.
        kwargs: What it is called with by name.
        dynamic_shapes: The axes that stay open, as `torch.export.export` takes them.

    Raises:
        OptionError: There is no torch, it is too old, or these are no module and inputs.
        SpecError: The module cannot be exported.
    """
    torch = _torch()
    if isinstance(module, torch.export.ExportedProgram):
        return exported(torch, module)
    module = _unwrapped(torch, module)
    _check_sizes_known(module)
    device, module = _copied(torch, module)
    arguments = _arguments(torch, module, example_inputs, are_optional=bool(kwargs))
    arguments, named = _moved(torch, device, (arguments, dict(kwargs or {})))
    with _as_at_inference(torch, module):
        try:
            with _without_graphs():
                program = torch.export.export(module, arguments, named, dynamic_shapes=dynamic_shapes, strict=False)
        except Exception as error:
            raise SpecError(_refusal(torch, module, error)) from error
    return exported(torch, program, _named(dynamic_shapes), type(module).__name__)


def _named(given: Any) -> list[str]:
    """Return the names of open axes, in the order in which they are given."""
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, (list, tuple)):
        return [name for each in given for name in _named(each)]
    name = getattr(given, "__name__", None)  # of a Dim
    return [name] if isinstance(name, str) else []


def _torch() -> Any:
    """Return torch.

    Raises:
        OptionError: There is none, or it is too old.
    """
    try:
        torch = import_module("torch")
        import_module("torch.export")
    except ImportError:
        message = "from_torch needs torch, which is not installed here"
        raise OptionError(ErrorDetail(message, help=f"{_INSTALL}; a .pt2 file is read without it")) from None
    found = tuple([int(part) for part in re.findall(r"\d+", torch.__version__)[:2]])
    if found < OLDEST:
        message = "from_torch needs torch {}.{} or newer".format(*OLDEST)
        raise OptionError(ErrorDetail(message, found=f"torch {torch.__version__}", help=f"{_INSTALL} --upgrade"))
    return torch


def _unwrapped(torch: Any, module: Any) -> Any:
    """Return a module without what torch wraps around it.

    Raises:
        OptionError: It is none that can be exported.
    """
    if isinstance(module, torch.jit.ScriptModule):
        message = "a TorchScript module has no operators that can be exported"
        raise OptionError(ErrorDetail(message, help="pass the nn.Module that it was made from"))
    if not isinstance(module, torch.nn.Module):
        found = f"found {type(module).__name__}"
        help = _instead(torch, module)
        raise OptionError(ErrorDetail("from_torch takes a torch.nn.Module", found=found, help=help))
    inner = getattr(module, "_orig_mod", None)  # of torch.compile
    if inner is None and isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        inner = module.module
    return module if inner is None else _unwrapped(torch, inner)


def _instead(torch: Any, given: Any) -> str:
    """Return what to pass instead of what is no module."""
    if isinstance(given, Mapping):
        return "the module itself: a state_dict holds its weights and no network"
    if isinstance(given, type) and issubclass(given, torch.nn.Module):
        return f"an instance, such as {given.__name__}(…)"
    if isinstance(given, (str, PurePath)):
        return "convcost.load reads files"
    return "for a function, an nn.Module whose forward calls it"


def _check_sizes_known(module: Any) -> None:
    """Check that no layer waits for its first input to have its sizes.

    Raises:
        OptionError: Some do.
    """
    lazy = [
        f"{name} ({type(part).__name__})" if name else type(part).__name__
        for name, part in module.named_modules()
        if getattr(part, "has_uninitialized_params", bool)()
    ]
    if lazy:
        help = "call the module once with its inputs before"
        raise OptionError(ErrorDetail("layers have no sizes before they have run", found=_few(lazy), help=help))


def _few(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    return ", ".join(names[:3]) + (f", {len(names) - 3} more" if len(names) > 3 else "")


def _copied(torch: Any, module: Any) -> tuple[Any, Any]:
    """Return the device of a module's tensors, and a copy with these, so that nothing that `forward` keeps stays in it.

    Tensors without numbers, on the device `meta`, are in the copy on the device of the others, or on the CPU, where
    `forward` makes its own: they take no memory there either. A module that cannot be copied is returned itself.
    """
    tensors = [*module.parameters(), *module.buffers()]
    empty = [tensor for tensor in tensors if tensor.device.type == "meta"]
    device = next((tensor.device for tensor in tensors if tensor.device.type != "meta"), torch.device("cpu"))
    memo = {id(tensor): tensor for tensor in tensors}
    if empty:
        held = [each for part in module.modules() for each in vars(part).values() if isinstance(each, torch.Tensor)]
        empty += [each for each in held if each.device.type == "meta"]
        with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True):
            memo |= {id(tensor): _faked(torch, tensor, device) for tensor in empty}
    try:
        return device, copy.deepcopy(module, memo)
    except Exception:  # noqa: BLE001 -- whatever the module's own attributes raise
        return (torch.device("meta") if len(empty) >= len(tensors) > 0 else device), module


def _faked(torch: Any, tensor: Any, device: Any) -> Any:
    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(made, requires_grad=tensor.requires_grad)
    return made


_INPUTS = "a tensor, a tuple of them, or sizes such as (1, 3, 224, 224)"


def _arguments(torch: Any, module: Any, given: Any, *, are_optional: bool) -> tuple[Any, ...]:
    """Return the inputs as a tuple.

    Args:
        torch: The package.
        module: The module.
        given: What the user gave.
        are_optional: Whether there are others, by name.

    Raises:
        OptionError: These are no inputs.
    """
    if isinstance(given, torch.Tensor):
        given = (given,)
    if are_optional and (given is None or given == ()):
        return ()
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)) or not given:
        help = "(inputs,) where forward takes a dict, kwargs=inputs where it takes what is in it by name"
        help = help if isinstance(given, Mapping) else _INPUTS
        raise OptionError(ErrorDetail("these are no example inputs", found=f"found {_short(given)}", help=help))
    dtype = next((each.dtype for each in module.parameters() if each.is_floating_point()), None)
    sizes = [given] if _are_sizes(given) else given
    if all(map(_are_sizes, sizes)):
        given = tuple([torch.empty(tuple(each), dtype=dtype, device="meta") for each in sizes])
    for value in given:
        if isinstance(value, torch.Tensor) and 0 in value.shape[:1]:
            found = f"found the sizes {tuple(value.shape)}"
            raise OptionError(ErrorDetail("an example input has a batch of 0", found=found, help="a batch of 1"))
    return tuple(given)


def _short(given: Any) -> str:
    """Return a value as text; its type where that is long."""
    text = repr(given)
    return text if len(text) <= 40 else f"a {type(given).__name__}"


def _moved(torch: Any, device: Any, value: Any) -> Any:
    """Return inputs on the device of a module: those without numbers, and all where it has none itself."""
    if isinstance(value, torch.Tensor):
        is_apart = value.device != device and "meta" in (value.device.type, device.type)
        return torch.empty_like(value, device=device) if is_apart else value
    if type(value) is dict:
        return {key: _moved(torch, device, each) for key, each in value.items()}
    return type(value)(_moved(torch, device, each) for each in value) if type(value) in (list, tuple) else value


def _are_sizes(given: Any) -> bool:
    """Return whether inputs are the sizes of a tensor.

    Raises:
        OptionError: A size is none.
    """
    if not isinstance(given, (list, tuple)) or not given or any(type(size) is not int for size in given):
        return False
    if min(given) < 1:
        message = "the sizes of an example input are at least 1"
        raise OptionError(ErrorDetail(message, found=f"found {given!r}", help=_INPUTS))
    return True


@contextmanager
def _as_at_inference(torch: Any, module: Any) -> Iterator[None]:
    """Set a module to inference, and everything as it was afterwards."""
    modes = [(each, each.training) for each in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        for each, _ in modes:
            each.training = False
        torch.backends.mha.set_fastpath_enabled(False)  # one operator for a whole layer otherwise
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about itself
            yield
    finally:
        for each, was in modes:
            each.training = was
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _without_graphs() -> Iterator[None]:
    """Keep away from the terminal what torch prints of a graph that it cannot finish: thousands of lines."""
    printed = StringIO()
    graph = ""
    try:
        with redirect_stderr(printed):
            yield
    except Exception as error:
        graph = str(getattr(error, "partial_fx_graph", ""))
        raise
    finally:
        if left := printed.getvalue().replace(f"{graph}\n", "") if graph else printed.getvalue():
            sys.stderr.write(left)


def _refusal(torch: Any, module: Any, error: Exception) -> ErrorDetail:
    """Return why a module cannot be exported, and what can be instead."""
    title = type(module).__name__
    message = f"torch.export cannot export the {title}"
    if packed := _packed(module):
        help = "pass it as it was before it was quantised; a program that PT2E quantised is read with its widths"
        return ErrorDetail(f"{message}: its layers are quantised, their weights packed", found=_few(packed), help=help)
    if scripted := [name for name, part in module.named_modules() if isinstance(part, torch.jit.ScriptModule)]:
        help = "pass the module with the nn.Modules that these were made from"
        return ErrorDetail(f"{message}: parts of it are TorchScript modules", found=_few(scripted), help=help)
    if not _depends_on_values(error):
        help = "torch.export.export(module, inputs, strict=False) shows where; a program of it is taken too"
        return ErrorDetail(f"{message}: {_first_line(error)}", help=help)
    at = _deciding(torch, error)
    found = f"{at} decides by values" if at else _first_line(error)
    parts = [name for name, part in module.named_children() if next(iter(part.parameters()), None) is not None]
    help = f"export what stands before that: a module whose forward returns it, or a part of the {title}"
    help += f", such as from_torch(module.{parts[0]}, …): {', '.join(parts)}" if parts else ""
    return ErrorDetail(f"{message}: which of its operators run depends on values", found=found, help=help)


def _packed(module: Any) -> list[str]:
    """Return the layers of a module that are quantised one by one, as eager and FX quantisation do."""
    return [f"{name} ({type(part).__name__})" for name, part in module.named_modules() if _is_packed(type(part))]


def _is_packed(kind: type) -> bool:
    return kind.__module__.startswith("torch.ao.nn.") and "quantized" in kind.__module__.split(".")


def _deciding(torch: Any, error: Exception) -> str:
    """Return the line of the model that decides by values: what torch names, else the last that is not in torch."""
    named = re.search(r"Caused by: \((.+)\)", str(error))
    inside = str(PurePath(getattr(torch, "__file__", None) or "torch").parent)
    if named is None or not Path(inside, named[1].partition(":")[0]).is_file():
        return named[1] if named else ""
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith((inside, __file__))]
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _depends_on_values(error: Exception) -> bool:
    """Return whether a module cannot be exported because a choice in it depends on numbers, as that of boxes does."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return "GuardOnDataDependentSymNode" in kinds or "data-dependent" in str(error)[:2000]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"
