"""`convcost verify`: execute networks and compare the counts with the predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

import convcost
from convcost.cli import notices, options, output, progress
from convcost.errors import ClusterError, ConvcostError, ErrorDetail, OptionError, SpecError

if TYPE_CHECKING:
    from convcost.verification import Verification
    from convcost.verification.formulas import FormulaProof

DISAGREES = 1
INTERRUPTED = 130  # the status that shells give a program that Ctrl-C ended


def verify(
    specs: list[str] | None = options.MaybeSpecs,
    set: list[str] = options.Set,
    full: bool = typer.Option(False, "--full", help="Execute the network at its real size, every layer."),
    jobs: int = typer.Option(1, "--jobs", "-j", min=1, help="Execute layers in N processes at once."),
    cluster: str | None = options.Cluster,
    seed: int = typer.Option(0, "--seed", help="Draw inputs and weights from this number."),
    engine: str = typer.Option(
        "auto",
        "--engine",
        help="plain: a Python multiplication a product; lanes: many in one; [bold]auto[/]: the faster.",
    ),
    no_fold: bool = typer.Option(False, "--no-fold", help="Execute batch norms that could fold into the layer before."),
    max_products: str | None = typer.Option(
        None, "--max-products", metavar="N", help="Perform no more products than these: 5G without, such as 20G."
    ),
    max_values: str | None = typer.Option(
        None, "--max-values", metavar="N", help="Let a layer hold no more numbers than these: 100M without."
    ),
    formulas: bool = typer.Option(
        False, "--formulas", help="Prove each layer type's formulas for all sizes, instead of a network."
    ),
    receptive_field: bool = typer.Option(
        False, "--receptive-field", help="Prove receptive fields instead of counts: perturb each position of the input."
    ),
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Prove the counts: execute every layer and compare what is counted with what the formulas predict.

    The exit status is 0 when everything agrees, 1 when something does not, 130 when it was interrupted.
    """
    chosen = output.outputs(format, outputs, specs or [])
    if bool(specs) == formulas:
        raise OptionError(
            ErrorDetail("verify takes one SPEC or more, or --formulas", help="such as: convcost verify mobilenet_v1")
        )
    if receptive_field:
        if formulas or full or no_fold or max_values or cluster or (jobs, engine) != (1, "auto"):
            message = "--receptive-field goes with --set, --seed, --max-products, --format and --output only"
            raise OptionError(ErrorDetail(message))
        _prove_fields(specs or [], options.settings(set), seed, _amount("--max-products", max_products), chosen)
        return
    if formulas:
        if set or full or no_fold or max_products or max_values or cluster or (jobs, seed, engine) != (1, 0, "auto"):
            raise OptionError(ErrorDetail("--formulas goes with --format and --output only", help="it runs no network"))
        _prove(chosen)
        return
    from convcost.parallel.pools import workers
    from convcost.verification import Interrupted
    from convcost.verification.report import VerificationReport

    bounds = {
        "max_products": _amount("--max-products", max_products),
        "max_values": _amount("--max-values", max_values),
    }
    models = _loaded(specs or [], options.settings(set))
    warnings = [each for model in models for each in model.warnings]
    notices.refuse(warnings)
    verifications: list[Verification] = []
    status = 0
    try:
        with workers(jobs, cluster) as pool:
            for model in models:
                with progress.shown(model.network.name or "network", "operations") as shown:
                    watch = progress.Operations(shown)
                    done = model.verify(
                        full=full, fold=not no_fold, seed=seed, engine=engine, pool=pool, watch=watch, **bounds
                    )
                verifications.append(done)
    except Interrupted as interruption:
        verifications.append(interruption.verification)
        status = INTERRUPTED
    except ClusterError as error:
        if error.done is not None:
            output.write([VerificationReport(each) for each in [*verifications, error.done]], chosen, warnings=warnings)
        raise
    output.write([VerificationReport(each) for each in verifications], chosen, warnings=warnings)
    raise typer.Exit(status or (0 if all(each.ok for each in verifications) else DISAGREES))


def _prove_fields(
    specs: list[str], settings: dict[str, str], seed: int, max_products: int | None, chosen: list[output.Output]
) -> None:
    from convcost.verification.receptive_fields_report import FieldVerificationReport

    models = _loaded(specs, settings)
    warnings = [each for model in models for each in model.warnings]
    notices.refuse(warnings)
    found = []
    for model in models:
        with progress.shown(model.network.name or "network", "positions") as shown:
            found.append(model.verify_receptive_field(seed=seed, max_products=max_products, watch=shown.advance))
    output.write([FieldVerificationReport(each) for each in found], chosen, warnings=warnings)
    raise typer.Exit(0 if all(each.ok for each in found) else DISAGREES)


def _prove(chosen: list[output.Output]) -> None:
    from convcost.verification.formulas import prove, types
    from convcost.verification.formulas_report import FormulaProofsReport

    proofs: list[FormulaProof] = []
    status = 0
    try:
        names = list(types())
        with progress.shown("formulas", "layer types") as shown:
            shown.advance(0, len(names))
            for type in names:
                proofs += prove([type])
                shown.advance(1, len(names))
    except KeyboardInterrupt:  # what was proved so far is reported
        status = INTERRUPTED
    output.write([FormulaProofsReport(tuple(proofs))], chosen)
    raise typer.Exit(status or (0 if all(proof.proved for proof in proofs) else DISAGREES))


def _loaded(specs: list[str], settings: dict[str, str]) -> list[convcost.Model]:
    models = []
    errors: list[ErrorDetail] = []
    for spec in specs:
        try:
            models.append(convcost.load(spec, set=settings))
        except ConvcostError as error:  # the errors of all specs at once
            if len(specs) == 1:
                raise
            errors += [detail for detail in error.details if detail not in errors]
    if errors:
        raise SpecError(errors)
    return models


def _amount(option: str, text: str | None) -> int | None:
    """Return the number that an option gives; None where it gives none."""
    if text is None:
        return None
    from convcost.spec.amounts import amount

    value: int | None = amount(text)
    if value is None or value < 1:
        raise OptionError(
            ErrorDetail(f"{option} takes a whole number", found=f"{option} {text}", help="such as 4.3M or 20G")
        )
    return value
