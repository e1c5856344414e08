"""`convcost verify`: networks executed, and what is counted compared with what is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Optional

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ConvcostError, Fault, OptionError, SpecError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from convcost.verification import Verification
    from convcost.verification.formulas import FormulaProof

DISAGREES = 1
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended


def verify(
    specs: Optional[list[str]] = options.MaybeSpecs,  # noqa: UP045 -- typer reads the annotation while running
    set: list[str] = options.Set,
    full: bool = typer.Option(False, "--full", help="Execute the network at its real size, every layer."),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Execute layers in so many processes at once."),
    seed: int = typer.Option(0, "--seed", help="Draw inputs and weights from this number."),
    engine: str = typer.Option(
        "auto",
        "--engine",
        help="plain: a Python multiplication a product; lanes: many in one; [bold]auto[/]: the faster.",
    ),
    no_fold: bool = typer.Option(False, "--no-fold", help="Execute batch norms that could fold into the layer before."),
    formulas: bool = typer.Option(
        False, "--formulas", help="Prove each layer type's formulas for all sizes, instead of a network."
    ),
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Prove the counts: execute every layer and compare what is counted with what the formulas predict.

    The exit status is 0 when everything agrees, 1 when something does not, 130 when it was interrupted.
    """
    chosen = output.outputs(format, outputs, specs or [])
    if bool(specs) == formulas:
        raise OptionError(
            Fault("verify takes one SPEC or more, or --formulas", help="such as: convcost verify mobilenet_v1")
        )
    if formulas:
        if set or full or no_fold or (jobs, seed, engine) != (1, 0, "auto"):
            raise OptionError(Fault("--formulas goes with --format and --output only", help="it runs no network"))
        _prove(chosen)
        return
    from convcost.reports.verification import VerificationReport
    from convcost.verification import Interrupted

    models = _loaded(specs or [], options.settings(set))
    verifications: list[Verification] = []
    status = 0
    try:
        with _processes(jobs) as pool:
            for model in models:
                done = _verified(model, full=full, fold=not no_fold, seed=seed, engine=engine, pool=pool)
                verifications.append(done)
    except Interrupted as interruption:
        verifications.append(interruption.verification)
        status = INTERRUPTED
    output.write([VerificationReport(each) for each in verifications], chosen)
    raise typer.Exit(status or (0 if all(each.ok for each in verifications) else DISAGREES))


def _prove(chosen: list[output.Output]) -> None:
    from convcost.reports.formulas import FormulasReport
    from convcost.verification.formulas import prove, types

    proofs: list[FormulaProof] = []
    status = 0
    try:
        for type in types():
            proofs += prove([type])
    except KeyboardInterrupt:  # what was proved so far is told
        status = INTERRUPTED
    output.write([FormulasReport(tuple(proofs))], chosen)
    raise typer.Exit(status or (0 if all(proof.proved for proof in proofs) else DISAGREES))


def _loaded(specs: list[str], settings: dict[str, str]) -> list[convcost.Model]:
    models = []
    faults: list[Fault] = []
    for spec in specs:
        try:
            models.append(convcost.load(spec, set=settings))
        except ConvcostError as error:  # the faults of all specs at once
            if len(specs) == 1:
                raise
            faults += [fault for fault in error.faults if fault not in faults]
    if faults:
        raise SpecError(faults)
    return models


def _verified(
    model: convcost.Model, *, full: bool, fold: bool, seed: int, engine: str, pool: Executor | None
) -> Verification:
    if not full:
        return model.verify(fold=fold, seed=seed, engine=engine, pool=pool)
    from convcost.cli import progress

    with progress.shown(model.network.name or "network", "operations") as shown:
        watch = progress.Operations(shown)
        return model.verify(full=True, fold=fold, seed=seed, engine=engine, pool=pool, watch=watch)


@contextmanager
def _processes(jobs: int) -> Iterator[Executor | None]:
    if jobs == 1:
        yield None
        return
    import multiprocessing
    import signal
    from concurrent.futures import ProcessPoolExecutor

    # Ctrl-C is for this process to answer; the others are told to end
    pool = ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        pool.submit(int).result()  # starts the processes before a progress bar starts a thread
        yield pool
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
