"""`convcost sweep --stream`: the rows of a sweep of any size, written part by part."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

import convcost
from convcost import arguments
from convcost.cli import progress, streams
from convcost.cli.part_files import PartFiles
from convcost.design_space.part_texts import FORMATS, TextOptions, TextWork, check_format, header
from convcost.design_space.parts import PART_SIZE, GridPlan, make_plan
from convcost.errors import ClusterError, ErrorDetail, OptionError, OutputError
from convcost.parallel.completion import completed
from convcost.reports.table import counted, safe
from convcost.spec.origin import Origin

if TYPE_CHECKING:
    from concurrent.futures import Executor

INTERRUPTED = 130  # the status that shells give a program that Ctrl-C ended
MOST_VALUES = 1_000_000  # of one symbol
_MOST_REASONS = 5


def stream(
    path: str,
    spec: str,
    settings: Mapping[str, Any],
    *,
    where: Sequence[str],
    join: str | None,
    dtype: Sequence[str],
    batch: int,
    fold: bool,
    resume: bool,
    force: bool,
    pool: Executor | None,
    part_size: int = PART_SIZE,
) -> int:
    """Write the rows of a sweep, and return the status: 0, or 130 where it was interrupted.

    Args:
        path: The file, whose suffix is the format.
        spec: The spec.
        settings: The values of symbols.
        where: What points that have a row satisfy.
        join: A CSV with columns of the user's own.
        dtype: The types of the numbers.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold.
        resume: Whether to go on with the parts of an earlier run.
        force: Whether to write over the file, and over parts of an earlier run.
        pool: Any executor of `concurrent.futures`, to work on many parts at once.
        part_size: The points of a part at most.

    Raises:
        OptionError: An argument cannot be used, or no point is valid.
        OutputError: The file exists, or cannot be written.
    """
    format = _format(path, spec)
    origin = Origin.of(spec).typed(dtype)
    table = None if join is None else arguments.measured_table(origin, join)
    limits = tuple([arguments.limit(text, table) for text in where])
    metrics = [limit.metric for limit in limits]
    task = arguments.sweep_task(origin, settings, metrics, table=table, batch=batch, fold=fold, most=MOST_VALUES)
    options = TextOptions(format, limits)
    plan = make_plan(task)
    size = part_size if plan.regions else min(part_size, next(plan.parts()).end)
    run = {"version of convcost": convcost.__version__, "types": [*dtype], "format": format}
    files = PartFiles(path, arguments.manifest(origin, task, limits, size) | run)
    with files.opened(resume=resume, force=force):
        try:
            _work(files, plan, TextWork(options), size, spec, pool)
        except KeyboardInterrupt:
            done, *_ = files.counts()
            kept = f"{done:,} of {counted(len(task), 'point')} are in {files.shown_folder}"
            streams.show_error(f"interrupted: {safe(kept)}; the same command with --resume goes on")
            return INTERRUPTED
        lines = _joined(files, path, header(options, task), parquet=format == "parquet")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _joined(files: PartFiles, path: str, head: bytes, *, parquet: bool) -> list[str]:
    """Put all parts into one file, and return what is said of it.

    Raises:
        OptionError: No point is valid.
    """
    points, rows, invalid = files.counts()
    reasons = [f"{count:,}: {reason}" for reason, count in invalid.most_common(_MOST_REASONS)]
    if invalid.total() == points:
        files.discard()
        message = f"none of {counted(points, 'point')} is a valid network"
        raise OptionError(ErrorDetail(message, found="; ".join(reasons)))
    files.join(head, parquet=parquet)
    first = f"{path}: {counted(rows, 'row')} of {counted(points, 'point')}"
    return [first, *(f"Not valid: {safe(reason)}" for reason in reasons)]


def _work(files: PartFiles, plan: GridPlan, work: TextWork, size: int, spec: str, pool: Executor | None) -> None:
    """Work on all parts that are not done.

    Raises:
        ClusterError: The cluster is gone.
        OutputError: A part cannot be written, or a process that worked on one is gone.
    """
    from concurrent.futures import BrokenExecutor

    left = [part for part in plan.parts(size) if part not in files.done]
    total = sum(map(len, left))
    with progress.shown(f"sweep of {spec}", "points") as shown:
        try:
            for part, text in completed(work, plan.packed(), left, pool, in_order=False):
                files.add(part, text)
                shown.advance(len(part), total)
        except (BrokenExecutor, ClusterError) as error:
            done, *_ = files.counts()
            found = f"{done:,} of {counted(len(plan.task), 'point')} are in {files.shown_folder}"
            help = "the same command with --resume goes on"
            if isinstance(error, ClusterError):
                raise ClusterError([replace(error.details[0], found=found, help=help)]) from None
            raise OutputError(ErrorDetail("a process that worked on points is gone", found=found, help=help)) from None


def _format(path: str, spec: str) -> str:
    """Return the format that a path's suffix names.

    Raises:
        OptionError: It names none that can be streamed, a package is missing, or the spec would be written over.
    """
    format = path.rpartition(".")[2]
    if format not in FORMATS:
        help = "such as points.csv, points.jsonl or points.parquet"
        raise OptionError(ErrorDetail("--stream takes a file of CSV, JSON lines or Parquet", found=path, help=help))
    if os.path.realpath(path) == os.path.realpath(spec):
        message = f"the output would overwrite {path!r}, which is read"
        raise OptionError(ErrorDetail(message, help="give it another path"))
    check_format(format)
    return format
