"""The report of a check: each limit with what is used of it, and of those that are exceeded why and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.budget.budgets import EACH, in_file
from convcost.budget.verdicts import EXCEEDED, GROWTH, MAX, MIN, SKIPPED, WARNING, WITHIN, Cause, Check, Value, Verdict
from convcost.errors import ErrorDetail
from convcost.metrics import METRICS
from convcost.reports import titles
from convcost.reports.table import Column, Finding, Row, Table, bar, counted, figure, safe, signed

_FEW = 3  # layers that are named in a sentence
_LEVELS = {WITHIN: "pass", WARNING: "warning", EXCEEDED: "error", SKIPPED: "skipped"}
_WEIGHTS = {WITHIN: "ordinary", WARNING: "warned", EXCEEDED: "wrong", SKIPPED: "quiet"}

_ABOUT = {
    MAX: "The {} are within their limit.",
    MIN: "The {} are no fewer than allowed.",
    GROWTH: "The {} grow no more than allowed.",
}
_MARKS = {WITHIN: "✓", WARNING: "!", EXCEEDED: "✗", SKIPPED: "–"}

_COLUMNS = (
    Column("Budget", role="name"),
    Column("Limit", right=True, role="number"),
    Column("Actual", right=True, role="number"),
    Column("Left", right=True, drop=3, role="number"),
    Column("Used", drop=1, role="bar"),
    Column("%", right=True, role="number"),
    Column("Verdict"),
)
_MOST_LAYERS = 20  # of those that are not within a limit for each
_LONGEST_COMMAND = 1_000  # characters; a longer one is shown in JSON only
_BASELINE = Column("Baseline", right=True, drop=2, role="number")


class CheckReport(Struct, frozen=True):
    """A check for every format.

    Attributes:
        check: The check.
        ends_with_verdict: Whether its verdict is the last line, too.
    """

    check: Check
    ends_with_verdict: bool = True

    marker: ClassVar[str] = "convcost check"

    def data(self) -> Struct:
        """Return the check as a document; `networks` makes it a baseline for a later one."""
        from convcost.budget.documents import check_document

        return check_document(self.check)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each limit."""
        from convcost.budget.documents import record

        return [record(verdict) for verdict in self.check.verdicts]

    def table(self) -> Table:
        """Return the table: each limit of each network, then the layers behind those that are exceeded."""
        check = self.check
        based = any(verdict.base is not None for verdict in check.verdicts)
        columns = (*_COLUMNS[:2], *([_BASELINE] if based else []), *_COLUMNS[2:])
        blank = [""] * (len(columns) - 1)
        rows = []
        for spec, verdicts in groupby(check.verdicts, key=lambda verdict: verdict.spec):
            rows.append(Row((safe(spec), *blank), "heading"))
            for _, group in groupby(verdicts, key=_group):
                rows += _rows(list(group), based=based)
        explained = [_causes(verdict) for verdict in _explained(check)]
        last = _headline(check) if self.ends_with_verdict else ""
        base = check.base
        counted_for = {titles.batched(verdict.analysis.batch) for verdict in check.verdicts}
        counted_for |= {
            titles.types(verdict.analysis.network, (verdict.budget.metric,))
            for verdict in check.verdicts
            if METRICS[verdict.budget.metric].depends_on_types and not verdict.budget.dtype
        }
        facts = [
            check.config and f"budgets of {check.config}",
            base and f"growth against {base.name}",
            *sorted(counted_for),
        ]
        subtitle = " · ".join(safe(fact) for fact in facts if fact)
        return Table(
            title=_headline(check),
            subtitle=(subtitle,) if subtitle else (),
            columns=columns,
            rows=rows,
            total=(_counts(check), *blank),
            footer=tuple(map(safe, (*_skipped(check), *check.notes))),
            more=(*explained[:-1], *(replace(table, last=last) for table in explained[-1:])),
            last="" if explained else last,
        )

    def findings(self) -> Sequence[Finding]:
        """Return a finding for each verdict."""
        known: dict[str, int] = {}
        return [_finding(verdict, known, strict=self.check.strict) for verdict in self.check.verdicts]

    def summary(self) -> str:
        """Return the check in one line: how many limits are kept, and which are not."""
        bad = [_whose(verdict) for verdict in self.check.verdicts if verdict.status in (EXCEEDED, WARNING)]
        return "; ".join([_headline(self.check), *bad])


def _headline(check: Check) -> str:
    exceeded, warned, skipped = (_count(check, status) for status in (EXCEEDED, WARNING, SKIPPED))
    limits = counted(len(check.verdicts), "limit")
    if exceeded:
        return f"Exceeded: {exceeded:,} of {limits}"
    if warned and check.strict:
        return f"Warnings, which fail: {warned:,} of {limits}"
    if skipped == len(check.verdicts):
        return f"Nothing could be compared: {limits} skipped"
    found = f"Within budget, with {counted(warned, 'warning')}" if warned else "Within budget"
    return f"{found}: {counted(len(check.verdicts) - skipped, 'limit')}" + (f"; {skipped:,} skipped" if skipped else "")


def _count(check: Check, status: str) -> int:
    return sum(verdict.status == status for verdict in check.verdicts)


def _counts(check: Check) -> str:
    counts = [(status, _count(check, status)) for status in (EXCEEDED, WARNING, WITHIN, SKIPPED)]
    return ", ".join(f"{count:,} {status}" for status, count in counts if count)


def _skipped(check: Check) -> list[str]:
    """Return why limits were skipped, each reason once."""
    reasons = dict.fromkeys(verdict.reason for verdict in check.verdicts if verdict.status == SKIPPED)
    return [f"Skipped: {reason}." for reason in reasons]


def _explained(check: Check) -> Iterator[Verdict]:
    """Yield the verdicts whose causes are shown: of those on the layers of one limit the worst."""
    for _, group in groupby(check.verdicts, key=lambda verdict: (verdict.spec, _group(verdict))):
        explained = [verdict for verdict in group if verdict.causes]
        if explained:
            yield max(explained, key=lambda verdict: verdict.delta or 0)


def _group(verdict: Verdict) -> tuple[Any, ...]:
    """Return the key that the verdicts on the layers of one network by one budget share."""
    return verdict.budget.path, verdict.budget.metric, verdict.kind, id(verdict.analysis)


def _rows(group: Sequence[Verdict], *, based: bool) -> Iterator[Row]:
    """Yield the rows of a limit; of one for each layer those that are not within it, and the fullest of the rest."""
    first = group[0]
    if first.layer is None:
        yield _row(first, f"  {_label(first)}", based=based)
        return
    within = [verdict for verdict in group if verdict.status == WITHIN]
    beyond = [verdict for verdict in group if verdict.status != WITHIN]
    blank = [""] * (len(_COLUMNS) - 1 + based)
    yield Row((f"  {safe(_label(first))}", *blank), "heading")
    for verdict in beyond if len(beyond) <= _MOST_LAYERS else sorted(beyond, key=_excess, reverse=True)[:_MOST_LAYERS]:
        if verdict.layer:
            yield _row(verdict, f"    {verdict.layer.name}", based=based)
    if len(beyond) > _MOST_LAYERS:
        yield Row((f"    … {len(beyond) - _MOST_LAYERS:,} more that are not within it", *blank), "quiet")
    if within:
        fullest = max(
            within, key=lambda verdict: (verdict.used or 0, verdict.delta if verdict.kind == MIN else verdict.actual)
        )
        assert fullest.layer is not None
        more = f" and {counted(len(within) - 1, 'other')}" if len(within) > 1 else ""
        yield _row(fullest, f"    {fullest.layer.name}{more}", based=based)


def _excess(verdict: Verdict) -> Value:
    return -1 if verdict.delta is None else max(0, verdict.delta)


def _row(verdict: Verdict, label: str, *, based: bool) -> Row:
    used = verdict.used
    delta = verdict.delta
    return Row(
        (
            safe(label),
            figure(verdict.limit),
            *([figure(verdict.base)] if based else []),
            figure(verdict.actual),
            "" if delta is None else (figure(-delta) if delta <= 0 else signed(-delta)),
            "" if used is None else bar(max(0.0, min(1.0, float(used)))),
            "" if used is None else _grown(verdict) if verdict.kind == GROWTH else _used(verdict),
            f"{_MARKS[verdict.status]} {verdict.status}",
        ),
        _WEIGHTS[verdict.status],
    )


def _label(verdict: Verdict) -> str:
    """Return the description of a limit."""
    budget = verdict.budget
    text = metrics.words(budget.metric)
    if budget.scope == EACH:
        text += f" of each layer of {budget.layers}" if budget.layers else " of each layer"
    elif budget.layers:
        text += f" of {budget.layers}"
    if verdict.kind == MIN:
        text += ", at least"
    if verdict.kind == GROWTH:
        accepted = "" if verdict.accepted is None else f" over the accepted {figure(verdict.accepted)}"
        text += f", growth {verdict.bound.text}{accepted}"
    text += f", {verdict.budget.dtype_text}" if verdict.budget.dtype else ""
    return text + (f", {verdict.point}" if verdict.symbols else "")


def _used(verdict: Verdict) -> str:
    """Return the share of the limit that is used, in percent.

    It has as many decimals as it takes to tell it from the whole, and from the share from which there is a warning.
    """
    used, limit = verdict.used, verdict.limit
    assert used is not None
    assert limit is not None
    marks = [Fraction(1), *([Fraction(verdict.warn) / limit] if verdict.warn is not None else [])]
    decimals = 1
    while any(_percent(used, decimals) == _percent(mark, decimals) for mark in marks if mark != used):
        decimals += 1
    return _percent(used, decimals)


def _grown(verdict: Verdict) -> str:
    """Return by how much it has grown, in percent with its sign; nothing where it has grown from nothing.

    It has as many decimals as it takes to tell it from what is allowed.
    """
    limit, grown = verdict.limit, verdict.growth
    assert limit is not None
    if grown is None:
        return ""
    allowed = Fraction(limit - verdict.before) / Fraction(verdict.before)
    decimals = 1
    while grown != allowed and _percent(grown, decimals) == _percent(allowed, decimals):
        decimals += 1
    return f"{'+' if grown > 0 else ''}{_percent(grown, decimals)}"


def _percent(share: Fraction, decimals: int) -> str:
    """Return a share in percent, rounded.

    >>> _percent(Fraction(1085, 1000), 1), _percent(Fraction(1_000_001, 1_000_000), 4), _percent(Fraction(-1, 20), 1)
    ('108.5', '100.0001', '−5.0')
    """
    digits = f"{round(abs(share) * 100 * 10**decimals):0{decimals + 1}d}"
    return f"{'−' if share < 0 else ''}{int(digits[:-decimals]):,}.{digits[-decimals:]}"


def _title(verdict: Verdict) -> str:
    """Return the finding in a few words."""
    return safe(f"{_label(verdict)}: {_outcome(verdict)}")


def _outcome(verdict: Verdict) -> str:
    """Return the used share of a limit."""
    limit = verdict.limit
    if limit is None:
        return verdict.reason
    if verdict.kind == GROWTH:
        return _growth(verdict, limit)
    actual = verdict.actual or 0
    if verdict.kind == MIN:
        below = f"which is {figure(verdict.delta)} below" if verdict.status == EXCEEDED else "which keeps"
        return f"{figure(actual)}, {below} the smallest allowed, {figure(limit)}"
    share = f" ({_used(verdict)} %)" if verdict.used is not None else ""
    if verdict.status == EXCEEDED:
        return f"{figure(actual)}, which is {figure(verdict.delta)} above the limit of {figure(limit)}{share}"
    return f"{figure(actual)} of {figure(limit)}{share}{_warning(verdict)}"


def _growth(verdict: Verdict, limit: Value) -> str:
    """Return by how much it has grown, as a share and as an amount, and how much is allowed."""
    actual, before = verdict.actual or 0, verdict.before
    grown = actual - before
    share = "" if verdict.growth is None or not grown else f" by {_grown(verdict).lstrip('+−')} %"
    start = figure(before) if verdict.accepted is None else f"the accepted {figure(before)}"
    allowed = f"where {figure(limit - before)} is allowed"
    if not grown:
        return f"{figure(actual)}, as before, {allowed}"
    if grown < 0:
        return f"{figure(actual)}, shrunk{share} from {start}, by {figure(-grown)}"
    return f"{figure(actual)}, grown{share} from {start}, by {figure(grown)} {allowed}"


def _warning(verdict: Verdict) -> str:
    """Return from where on there is a warning, if there is one."""
    warn = verdict.budget.warn
    return f", above warn: {warn.text}" if verdict.status == WARNING and warn is not None else ""


def _whose(verdict: Verdict) -> str:
    """Return the descriptions of a limit and of what it limits."""
    named = f", {verdict.layer.name}" if verdict.layer is not None else ""
    return safe(f"{verdict.spec}{named}: {_title(verdict)}")


def _causes(verdict: Verdict) -> Table:
    """Return the place of a limit, the costliest layers, and the remedy."""
    bound = verdict.bound
    frame = ErrorDetail("", bound.place, verdict.budget.path, _frame_found(verdict), source=bound.source)
    causes = verdict.causes
    based = any(cause.base is not None for cause in causes)
    metric = METRICS[verdict.budget.metric]
    columns = (
        Column("Grew most" if _grew(verdict) else "Costs most", role="name"),
        Column("Type", drop=3),
        Column(metrics.heading(metric.name), right=True, role="number"),
        Column("%", right=True, drop=1, role="number"),
        *([Column("Since the baseline", right=True, role="number")] if based else []),
        Column("Where", drop=2),
    )
    total = [""] * 3  # the largest of the layers, or a ratio, is no sum of theirs
    if metric.adds_up:
        spent = sum(cause.value for cause in causes)
        grown = sum(cause.value - (cause.base or 0) for cause in causes)
        total = [figure(spent), _share(spent, verdict), signed(grown) or "0"]
    return Table(
        title=f"{verdict.status.capitalize()}: {_whose(verdict)}",
        subtitle=(),
        columns=columns,
        rows=[_cause(cause, verdict) for cause in causes],
        total=(
            counted(len(causes), "layer"),
            "",
            *total[: 3 if based else 2],
            "",
        ),
        footer=tuple(_advice(verdict)),
        commands=_commands(verdict),
        code=tuple(str(frame).split("\n")[1:]) if bound.place else (),
        fold="Layers and remedy",
    )


def _grew(verdict: Verdict) -> bool:
    """Return whether its causes are the layers that grew most, not those that cost most."""
    return verdict.kind == GROWTH and any(cause.base is not None for cause in verdict.causes)


def _share(value: Value, verdict: Verdict) -> str:
    """Return in percent how much of what is limited a layer is; nothing where that is a ratio."""
    if METRICS[verdict.budget.metric].is_ratio or not verdict.actual:
        return ""
    return _percent(Fraction(value) / verdict.actual, 1)


def _cause(cause: Cause, verdict: Verdict) -> Row:
    change = [] if cause.base is None else [signed(cause.value - cause.base) or "0"]
    return Row(
        (
            safe(cause.layer.name),
            cause.layer.type,
            figure(cause.value),
            _share(cause.value, verdict),
            *change,
            str(cause.place),
        )
    )


def _frame_found(verdict: Verdict) -> str:
    if verdict.kind == GROWTH:
        grown = (verdict.actual or 0) - verdict.before
        share = f", {_grown(verdict)} %" if verdict.growth is not None else ""
        return f"what it may grow by; it has grown by {figure(grown)}{share}"
    if verdict.kind == MIN:
        return f"the smallest allowed; it is {figure(verdict.actual)}"
    if verdict.used is None:
        return "the limit"
    return f"the limit; {figure(verdict.actual)} is {_used(verdict)} %{_warning(verdict)}"


def _advice(verdict: Verdict) -> Iterator[str]:
    """Yield the budget's own message, and the remedy."""
    yield from (safe(line) for line in verdict.budget.message.splitlines() if line.strip())
    if verdict.status != EXCEEDED:
        return
    remedy = verdict.remedy
    if verdict.kind == MIN:
        return
    if remedy is None:
        metric = METRICS[verdict.budget.metric]
        if not metric.adds_up:
            yield f"{metrics.words(metric.name).capitalize()} is {metric.kind}: no rewrite is looked for."
        elif verdict.layer is None:
            yield "No rewrite that convcost tries makes this less; the first and the last layer are spared."
        return
    names = " and ".join(remedy.rewrites)
    few = ", ".join(remedy.layers[:_FEW])
    layers = f"{few} and {len(remedy.layers) - _FEW:,} more" if len(remedy.layers) > _FEW else few
    left = verdict.limit or 0
    found = "What helps" if remedy.reached else "What helps most"
    where = "within the limit" if remedy.reached else f"still {figure(remedy.value - left)} above the limit"
    if remedy.layers:
        yield safe(f"{found}: {names} for {layers} brings it to {figure(remedy.value)}, {where}.")
    if remedy.reached_with_ends and not remedy.reached:
        yield "The first and the last layer with weights are spared; with them rewritten the limit can be kept."
    if remedy.renamed:
        yield safe(f"Layers get other names by that: {verdict.budget.layers!r} must follow them.")
    if len(remedy.command) > _LONGEST_COMMAND:
        yield "The command is long: -o json tells it."


def _commands(verdict: Verdict) -> tuple[str, ...]:
    """Return the commands that do and suggest what helps, where they are short enough to be read."""
    remedy = verdict.remedy
    commands = (remedy.command, remedy.suggestion) if remedy else ()
    return tuple(safe(command) for command in commands if command and len(command) <= _LONGEST_COMMAND)


def _finding(verdict: Verdict, known: dict[str, int], *, strict: bool) -> Finding:
    """Return a finding; `known` counts those that only their order tells apart, `strict` makes errors of warnings."""
    from hashlib import sha256  # for these formats only

    bound = verdict.bound
    budget = verdict.budget
    layer = verdict.layer.name if verdict.layer else ""
    symbols = verdict.point
    subject = [verdict.spec, symbols, budget.layers, layer]
    rule = f"{budget.metric.replace('_', '-')}-{verdict.kind}"
    identity = "\0".join([rule, *subject, budget.scope, bound.place.file if bound.place else ""])
    known[identity] = known.get(identity, 0) + 1
    spent = [(cause.place, f"{cause.layer.name}: {figure(cause.value)}") for cause in verdict.causes]
    places = [(place, text) for place, text in spent if in_file(place)]
    limit = [(bound.place, f"{verdict.kind}: {bound.text}")] if bound.place and in_file(bound.place) else []
    return Finding(
        level="error" if strict and verdict.status == WARNING else _LEVELS[verdict.status],
        rule=rule,
        about=_ABOUT[verdict.kind].format(metrics.words(budget.metric)),
        subject=safe(", ".join(part for part in subject if part)),
        title=_title(verdict),
        message=_message(verdict),
        place=places[0][0] if places else None,
        related=tuple((place, safe(text)) for place, text in (*limit, *places[1:])),
        fingerprint=sha256(f"{identity}\0{known[identity]}".encode()).hexdigest(),
        weight=verdict.used if verdict.used is not None else Fraction(verdict.actual or 0),
    )


def _message(verdict: Verdict) -> str:
    """Return the finding in one paragraph."""
    parts = [f"{_whose(verdict)}."]
    bound = verdict.bound
    if bound.place is not None:
        parts.append(safe(f"The limit, {verdict.kind}: {bound.text}, stands in {bound.place}."))
    if verdict.base is not None and verdict.kind != GROWTH:
        parts.append(f"At the baseline it was {figure(verdict.base)}.")
    if verdict.causes:
        most = "Grew most" if _grew(verdict) else "Most of it"
        parts.append(f"{most}: {', '.join(_spent(cause) for cause in verdict.causes)}.")
    parts += [text if text.endswith((".", "!", "?")) else f"{text}." for text in _advice(verdict)]
    return " ".join([*parts, *_commands(verdict)])


def _spent(cause: Cause) -> str:
    grown = "" if cause.base is None else f" ({signed(cause.value - cause.base) or '±0'})"
    name, module = cause.layer.name, cause.place.module
    which = f" ({module})" if module not in ("", name) else ""
    return safe(f"{name}{which} {figure(cause.value)}{grown}")
