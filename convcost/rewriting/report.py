"""The reports of rewrites: the list of all, and a network before and after one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.cost.footprint import footprint_note
from convcost.documents import rewriting as documents
from convcost.metrics import counts
from convcost.ops import Cost
from convcost.reports import titles
from convcost.reports.table import BAR_CELLS, Column, Row, Table, bar, counted, grouped, percent, safe, signed
from convcost.rewriting.analysis import Rewriting, RewrittenPlace
from convcost.rewriting.rewrites import REGISTRY, named
from convcost.rewriting.savings import LETTERS, saving

COST_ONLY = "Cost is known exactly; what a rewrite does to accuracy is not known here: train and see."

_FORMULAS = f"What is left of the cost without biases, for an output as large as the input: {LETTERS}."
_BAR = "The bar: dark what both forms multiply, light what is saved, ▒ what is added."

_CATALOGUE = (
    Column("Rewrite", role="name"),
    Column("What becomes what"),
    Column("Left of the cost", drop=1, footnote=_FORMULAS),
    Column("Options", drop=3),
    Column("What it cannot keep", drop=5),
    Column("Source", drop=4),
)

_PLACES = (
    Column("Layer", role="name"),
    Column("Becomes", drop=3),
    Column("Params before", right=True, drop=4, role="number"),
    Column("Params after", right=True, drop=4, role="number"),
    Column("Mults before", right=True, role="number"),
    Column("Mults after", right=True, role="number"),
    Column("Mults ±", right=True, drop=5, role="number"),
    Column("Saving", drop=2, role="bar", footnote=_BAR),
    Column("Left", right=True, drop=1, role="number"),
)


class CatalogueReport(Struct, frozen=True):
    """The list of all rewrites."""

    def data(self) -> Struct:
        """Return the rewrites as a document."""
        return documents.Catalogue(
            letters=LETTERS, rewrites=[documents.RewriteDocument(**record) for record in self.records()]
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each rewrite."""
        records = []
        for name in REGISTRY:
            rewrite, left = named(name), saving(name)
            options = " ".join(f"{option}={_value(value)}" for option, value in rewrite.defaults.items())
            example = ", ".join(f"{letter} = {value}" for letter, value in rewrite.example.items())
            records.append(
                {
                    "name": name,
                    "summary": rewrite.summary,
                    "mults_left": str(left.mults) + (f" ({example})" if example else ""),
                    "params_left": str(left.params) + (f" ({example})" if example else ""),
                    "options": options,
                    "loses": rewrite.loses,
                    "source": rewrite.source,
                }
            )
        return records

    def table(self) -> Table:
        """Return the rewrites with the share of the cost that is left, as formulas."""
        rows = []
        for record in self.records():
            mults, params = record["mults_left"], record["params_left"]
            left = mults if mults == params else f"{mults}; of the params {params}"
            rest = (record[key] for key in ("options", "loses", "source"))
            rows.append(Row((record["name"], record["summary"], left, *rest)))
        return Table(
            title="Rewrites",
            subtitle=("convcost rewrite SPEC --to NAME -o new.yaml writes the spec that one makes of another",),
            columns=_CATALOGUE,
            rows=rows,
            total=(counted(len(rows), "rewrite"), *[""] * 5),
            footer=(COST_ONLY,),
        )


class RewritingReport(Struct, frozen=True):
    """A network before and after a rewrite.

    Attributes:
        rewriting: The rewriting.
        notes: Lines below the table.
    """

    rewriting: Rewriting
    notes: tuple[str, ...] = ()

    def data(self) -> Struct:
        """Return the rewriting as a document."""
        return self.rewriting.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each place, and one for all other layers."""
        rewriting = self.rewriting
        network = rewriting.before.network.name
        rest = RewrittenPlace(("other layers",), "", "", *rewriting.others)
        return [_record(network, place) for place in (*rewriting.places, rest)]

    def table(self) -> Table:
        """Return the table: each place before and after, and the totals."""
        rewriting = self.rewriting
        network = rewriting.before.network
        places = rewriting.places
        largest = max([max(place.before.mults, place.after.mults) for place in places], default=0)
        rows = [
            Row((safe(place.name), place.becomes, *numbers(place.before, place.after, largest))) for place in places
        ]
        before, after = rewriting.before.total, rewriting.after.total
        if any(cost != Cost() for cost in rewriting.others):
            rows.append(Row(("other layers", "", *numbers(*rewriting.others, 0)), "quiet"))
        names = ", ".join(dict.fromkeys(place.rewrite for place in places))
        return Table(
            title=f"{titles.title(network)}: {names}",
            subtitle=(titles.facts(network),),
            columns=_PLACES,
            rows=rows,
            total=("Total", counted(len(places), "place"), *numbers(before, after, max(before.mults, after.mults))),
            footer=(
                *_apart(before, after),
                footprint_note(rewriting.before, rewriting.after),
                COST_ONLY,
                *self.notes,
            ),
        )


def numbers(before: Cost, after: Cost, largest: int) -> tuple[str, ...]:
    """Return the cells of a cost before and after: parameters, multiplications, the change, a bar, the share left."""
    old, new = before.mults, after.mults
    drawn = ""
    if largest:
        drawn = bar(min(old, new) / largest)
        drawn += ("░" if old >= new else "▒") * (round(max(old, new) / largest * BAR_CELLS) - len(drawn))
    return (
        grouped(before.params),
        grouped(after.params),
        grouped(old),
        grouped(new),
        signed(new - old),
        drawn,
        percent(Fraction(new, old)) if old and largest else "",
    )


def _apart(before: Cost, after: Cost) -> tuple[str, ...]:
    """Return the footnote where parameters fall and multiplications grow, or the reverse."""
    params, mults = after.params - before.params, after.mults - before.mults
    if (params < 0 < mults) or (mults < 0 < params):
        return (f"Parameters and multiplications move apart: {signed(params)} params, {signed(mults)} mults.",)
    return ()


def _value(value: Any) -> str:
    """Return an option's value as the command line takes it."""
    return str(value).lower()


def _record(network: str, place: RewrittenPlace) -> dict[str, Any]:
    return {
        "network": network,
        "name": place.name,
        "rewrite": place.rewrite,
        "becomes": place.becomes,
        **before_after(place.before, place.after),
    }


def before_after(before: Cost, after: Cost, **more: Cost) -> dict[str, Any]:
    """Return a flat mapping of costs before and after, metric by metric."""
    sides = {side: counts(cost) for side, cost in {"before": before, "after": after, **more}.items()}
    return {f"{name}_{side}": values[name] for name in sides["before"] for side, values in sides.items()}
