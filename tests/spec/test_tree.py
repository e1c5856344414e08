"""YAML events to a tree: places, nulls, and what specs leave out of YAML."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convcost.errors import SpecError
from convcost.spec import tree
from convcost.spec.collector import ErrorCollector, TooManyErrors
from convcost.spec.source import Source
from convcost.spec.tree import Mapping, Node, Scalar, Sequence

PARSERS = [yaml.BaseLoader, *([yaml.CBaseLoader] if hasattr(yaml, "CBaseLoader") else [])]


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__)
def parse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Node | None]:
    """Return the parser of trees, once over libyaml's events and once over those of PyYAML's own Python."""
    monkeypatch.setattr(tree, "Parser", request.param)

    def parse(text: str) -> Node | None:
        errors = ErrorCollector(Source("net.yaml", text))
        root = None
        with suppress(TooManyErrors):
            root = tree.parse(errors)
        errors.tell()
        return root

    return parse


def plain(node: Node | None) -> object:
    """Return a tree without its places."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text if node is not None else None


def messages(parse: Callable[[str], Node | None], text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(SpecError) as caught:
        parse(text)
    places = [detail.place for detail in caught.value.details]
    messages = [detail.message for detail in caught.value.details]
    return [(message, place.line, place.column) for message, place in zip(messages, places, strict=True) if place]


def test_all_scalars_are_text_whatever_their_quotes(parse: Callable[[str], Node | None]) -> None:
    texts = ["1", "012", "1:30", "no", "~", "null", "1e6", "2020-01-01", ".inf", "=", "0x1F", "a b"]
    assert plain(parse(f"[{', '.join(texts)}]")) == texts
    assert plain(parse("[" + ", ".join(f"'{text}'" for text in texts) + "]")) == texts
    assert plain(parse("['', \"\", \"\\x41\", 'it''s']")) == ["", "", "A", "it's"]


def test_lines_and_columns_count_characters_from_zero(parse: Callable[[str], Node | None]) -> None:
    root = parse("日本: x\nb:\n  - é\n  - {c: 'd', e: [f]}\n")
    assert isinstance(root, Mapping)
    key, value = root.entries["日本"]
    assert (key.line, key.column, value.line, value.column) == (0, 0, 0, 4)
    _, items = root.entries["b"]
    assert isinstance(items, Sequence)
    assert [(item.line, item.column) for item in items.items] == [(2, 4), (3, 4)]
    second = items.items[1]
    assert isinstance(second, Mapping)
    assert [(key.column, value.column) for key, value in second.entries.values()] == [(5, 8), (13, 16)]


@pytest.mark.parametrize(("text", "null"), [("", True), ("~", True), ("null", True), ("Null", False), ("0", False)])
def test_empty_tilde_and_null_mean_no_value(text: str, null: bool) -> None:
    assert Scalar(text, 0, 0).null is null


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "   "])
def test_a_text_without_a_document_has_no_tree(text: str, parse: Callable[[str], Node | None]) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["%YAML 1.1\n---\na: 1\n", "---\na: 1\n...\n", "a: 1\n...\n", "--- {a: 1}"])
def test_one_document_may_be_marked_as_such(text: str, parse: Callable[[str], Node | None]) -> None:
    assert plain(parse(text)) == {"a": "1"}


def test_several_documents_are_a_fault_at_the_second(parse: Callable[[str], Node | None]) -> None:
    assert messages(parse, "a: 1\n---\nb: [\n") == [("a spec is one document", 2, 1)]


def test_block_texts_keep_what_they_hold(parse: Callable[[str], Node | None]) -> None:
    assert plain(parse("a: |\n  x\n  y\nb: >-\n  x\n  y\n")) == {"a": "x\ny\n", "b": "x y"}


def test_a_duplicate_key_is_told_at_its_second_place_in_each_mapping(parse: Callable[[str], Node | None]) -> None:
    text = "a: {x: 1, \"x\": 2, x: 3}\nb: {x: 1}\n'a': 5\n"
    assert messages(parse, text) == [
        ("the key 'x' stands twice", 1, 11),
        ("the key 'x' stands twice", 1, 19),
        ("the key 'a' stands twice", 3, 1),
    ]


def test_keys_that_yaml_would_unify_are_different_texts(parse: Callable[[str], Node | None]) -> None:
    assert plain(parse("{1: a, 0x1: b, true: c, True: d, '': e, ~: f}")) == {
        "1": "a",
        "0x1": "b",
        "true": "c",
        "True": "d",
        "": "e",
        "~": "f",
    }


def test_anchors_aliases_tags_and_merge_keys_are_told_where_they_stand(parse: Callable[[str], Node | None]) -> None:
    text = "a: &x 1\nb: *x\nc: !!int 3\nd: &y [!z {}]\ne: {<<: {f: 1}}\n? &k g\n: 1\n"
    assert messages(parse, text) == [
        ("a spec has no anchors", 1, 4),
        ("a spec has no aliases", 2, 4),
        ("a spec has no tags", 3, 4),
        ("a spec has no anchors", 4, 4),
        ("a spec has no tags", 4, 8),
        ("a spec has no merge keys", 5, 5),
        ("a spec has no anchors", 6, 3),
    ]


def test_an_alias_bomb_is_refused_without_being_unfolded(parse: Callable[[str], Node | None]) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]  # 9 ** 29 nodes
    told = messages(parse, "\n".join(["l0: &l0 [x]", *levels]))
    assert {message for message, _, _ in told} == {"a spec has no anchors", "a spec has no aliases"}


def test_a_merge_key_bomb_is_refused_without_being_unfolded(parse: Callable[[str], Node | None]) -> None:
    levels = [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 10)]
    messages(parse, "\n".join(["m0: &m0 {a: 1}", *levels]))


@pytest.mark.parametrize("levels", [101, 10_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing", "column"),
    [
        ("[", "]", 101),  # the 101st bracket
        ("[", "", 101),
        ("{a: ", "}", 401),  # 100 · 4 + 1
        ("- ", "", 201),  # 100 · 2 + 1
    ],
)
def test_nesting_beyond_a_hundred_levels_is_told_at_once(
    levels: int, opening: str, closing: str, column: int, parse: Callable[[str], Node | None]
) -> None:
    told = messages(parse, opening * levels + "x" + closing * levels)
    assert told == [("the file nests deeper than 100 levels", 1, column)]


def test_a_hundred_levels_are_read(parse: Callable[[str], Node | None]) -> None:
    node = parse("[" * 100 + "x" + "]" * 100)
    for _ in range(100):
        assert isinstance(node, Sequence)
        (node,) = node.items
    assert plain(node) == "x"


def test_long_block_nesting_is_told_at_once(parse: Callable[[str], Node | None]) -> None:
    text = "".join("  " * level + "- residual:\n" for level in range(2_000))
    # an item opens a list and a mapping: the 101st level is the list of line 51
    assert messages(parse, text) == [("the file nests deeper than 100 levels", 51, 101)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u0085", "\u2028"])
@pytest.mark.parametrize("before", ["", "é", "日本", "🙂"])
@pytest.mark.parametrize("character", ["\x07", "\x00", "\x1b", "\x0b", "\x0c", "\x7f", "\ufffe"])
def test_a_control_character_is_told_where_it_stands(
    end: str, before: str, character: str, parse: Callable[[str], Node | None]
) -> None:
    text = f"a: {before}1{end}b: '{before}{character}'{end}"
    assert messages(parse, text) == [("this is not YAML", 2, 5 + len(before))]


def test_a_control_character_shows_its_own_line(parse: Callable[[str], Node | None]) -> None:
    with pytest.raises(SpecError) as caught:
        parse("a: 1\nb: x\x0cy\nc: 1\n")
    assert str(caught.value) == (
        "error: this is not YAML\n --> net.yaml:2:5\n  |\n2 | b: x\\x0cy\n  |     ^ the control character U+000C\n"
        "  = help: remove it"
    )


def test_a_tab_may_separate_but_not_indent(parse: Callable[[str], Node | None]) -> None:
    if tree.Parser is not yaml.BaseLoader:  # PyYAML's own scanner takes no tab behind a colon, libyaml does
        assert plain(parse("a:\t1\nb: [1,\t2]\t# c\n")) == {"a": "1", "b": ["1", "2"]}
    assert messages(parse, "a:\n\tb: 1\n") == [("this is not YAML", 2, 1)]
    assert messages(parse, "a:\n  - x\n\t- y\n")[0][1] in (2, 3)


@pytest.mark.parametrize("text", ["[1, 2", "{a: 1", "a: b: c", "'x", '"x', "@x", "`x", "a: %b", "%FOO\n---", "]", "}"])
def test_what_is_not_yaml_is_one_fault_inside_the_file(text: str, parse: Callable[[str], Node | None]) -> None:
    try:
        parse(text)
    except SpecError as error:
        (detail,) = error.details
        assert detail.message == "this is not YAML"
        assert detail.place is not None
        assert 1 <= detail.place.line <= text.count("\n") + 2


def test_a_key_must_be_a_word_and_is_told_once(parse: Callable[[str], Node | None]) -> None:
    assert messages(parse, "{[a]: 1, {b: c}: 2, d: 3}") == [("a key is a word", 1, 2), ("a key is a word", 1, 10)]
    assert messages(parse, "? - a\n  - b\n: c\n") == [("a key is a word", 1, 3)]


def test_at_most_a_hundred_faults_are_told(load: Callable[..., object]) -> None:
    text = "input: [3, 8, 8]\nlayers:\n" + "  - relux\n" * 50_000
    with pytest.raises(SpecError) as caught:
        load(text)
    assert len(caught.value.details) in (100, 101)  # a last one may say that there are more


@given(
    st.recursive(
        st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(alphabet="abcäß1~ ", min_size=1, max_size=4), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_what_yaml_writes_is_read_back_as_text(value: object) -> None:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    text = yaml.dump(value, Dumper=Dumper, allow_unicode=True, sort_keys=False)
    errors = ErrorCollector(Source("net.yaml", text))
    assert plain(tree.parse(errors)) == value
    errors.tell()
