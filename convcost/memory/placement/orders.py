"""All orders of pieces in which some sets are consecutive, as a PQ-tree.

Source: Booth and Lueker 1976, "Testing for the consecutive ones property, interval graphs, and graph planarity using
PQ-tree algorithms".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

Orders = int | tuple[bool, tuple["Orders", ...]]
"""A piece; or whether parts keep their order, which may be reversed, or have any order, and these parts."""

_NONE, _SOME, _ALL = 0, 1, 2


def any_order(parts: Sequence[Orders]) -> Orders:
    """Return parts in any order."""
    return parts[0] if len(parts) == 1 else (False, tuple(parts))


def pieces_of(orders: Orders) -> Iterator[int]:
    """Return the pieces in one of the orders."""
    if isinstance(orders, int):
        yield orders
        return
    for part in orders[1]:
        yield from pieces_of(part)


def consecutive(orders: Orders, chosen: Collection[int]) -> Orders | None:
    """Return those of the orders in which chosen pieces are consecutive; None where there are none.

    >>> consecutive((False, (1, 2, 3)), {1, 2})
    (False, (3, (False, (1, 2))))
    >>> consecutive((True, (1, 2, 3)), {1, 3}) is None
    True
    """
    if isinstance(orders, int):
        return orders
    is_fixed, parts = orders
    shares = [_share(part, chosen) for part in parts]
    inner = [place for place, share in enumerate(shares) if share == _SOME]
    if len(inner) == 1 and _ALL not in shares:
        part = consecutive(parts[inner[0]], chosen)
        return None if part is None else (is_fixed, (*parts[: inner[0]], part, *parts[inner[0] + 1 :]))
    if not inner and shares.count(_ALL) in (0, len(parts)):
        return orders
    if is_fixed:
        return _consecutive_in_row(parts, shares, chosen)
    if len(inner) > 2:
        return None
    whole = [part for part, share in zip(parts, shares, strict=True) if share == _ALL]
    middle = any_order(whole) if whole else None
    if inner:
        sides = [_rising(parts[place], chosen) for place in inner]
        if None in sides:
            return None
        row = [*(sides[0] or ()), *([] if middle is None else [middle])]
        row += reversed(sides[1] or ()) if len(sides) == 2 else ()
        middle = (True, tuple(row))
    assert middle is not None
    return any_order([*(part for part, share in zip(parts, shares, strict=True) if share == _NONE), middle])


def _consecutive_in_row(parts: Sequence[Orders], shares: Sequence[int], chosen: Collection[int]) -> Orders | None:
    """Return a row in which chosen pieces are consecutive: whole parts, and the inner ends of those beside them."""
    places = [place for place, share in enumerate(shares) if share]
    first, last = places[0], places[-1]
    if any(share != _ALL for share in shares[first + 1 : last]):
        return None
    if first == last:
        return (True, tuple(parts))
    left, right = _rising(parts[first], chosen), _rising(parts[last], chosen)
    if left is None or right is None:
        return None
    return True, (*parts[:first], *left, *parts[first + 1 : last], *reversed(right), *parts[last + 1 :])


def _rising(orders: Orders, chosen: Collection[int]) -> list[Orders] | None:
    """Return the parts of a row with the chosen pieces at its end; None where they cannot be there."""
    if isinstance(orders, int) or _share(orders, chosen) != _SOME:
        return [orders]
    is_fixed, parts = orders
    shares = [_share(part, chosen) for part in parts]
    if is_fixed:
        if shares[0] > shares[-1] or (shares[0] == shares[-1] == _SOME):
            parts, shares = parts[::-1], shares[::-1]
        if shares != sorted(shares):
            return None
    if shares.count(_SOME) > 1:
        return None
    groups = [[part for part, share in zip(parts, shares, strict=True) if share == wanted] for wanted in range(3)]
    inner = _rising(groups[_SOME][0], chosen) if groups[_SOME] else []
    if inner is None:
        return None
    outer, whole = groups[_NONE], groups[_ALL]
    if not is_fixed:
        outer, whole = ([any_order(each)] if each else [] for each in (outer, whole))
    return [*outer, *inner, *whole]


def replaced(orders: Orders, chosen: Collection[int], new: Orders) -> Orders:
    """Return orders with something else in the place of pieces that are consecutive in all of them."""
    if _share(orders, chosen) == _ALL:
        return new
    assert not isinstance(orders, int)
    is_fixed, parts = orders
    found: list[Orders] = []
    for part in parts:
        share = _share(part, chosen)
        if share == _SOME:
            found.append(replaced(part, chosen, new))
        elif share == _NONE:
            found.append(part)
        elif not found or found[-1] is not new:
            found.append(new)
    return is_fixed, tuple(found)


def sorted_by(orders: Orders, place: Mapping[int, int]) -> list[int]:
    """Return the pieces in that of the orders in which their places rise; those of one place stand together."""
    if isinstance(orders, int):
        return [orders]
    is_fixed, parts = orders
    rows = [sorted_by(part, place) for part in parts]
    if not is_fixed:
        rows.sort(key=lambda row: place[row[0]])
    elif place[rows[0][0]] > place[rows[-1][0]]:
        rows.reverse()
    return [piece for row in rows for piece in row]


def _share(orders: Orders, chosen: Collection[int]) -> int:
    """Return whether none, some or all of the pieces are chosen."""
    if isinstance(orders, int):
        return _ALL if orders in chosen else _NONE
    shares = {_share(part, chosen) for part in orders[1]}
    return shares.pop() if len(shares) == 1 else _SOME
