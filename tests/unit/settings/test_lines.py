"""Keys and their lines: a story of every form TOML has, and a law over generated documents."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.settings.lines import key_lines

DOCUMENT = '''\
# [not.a.table]
top = 1  # key = 2
"quoted \\u0041" = "a # no comment"
'lit "eral' = 'x = 1'
dotted . "key" = true

[table]
text = """
[no.table]
no = 1 \\"""
"""
literal = \'\'\'
no = 2\'\'\'\'
list = [
  1, # one
  [2, 3],
  { inline = "x", "in.ner" = [4] },
  "],",
]
date = 1979-05-27 07:32:00
empty = []
bare = {}

[[rules]]
a = 1
[[rules]]
a = 2
[rules.inner]
b = 3
[[rules.deep]]
c = 4
[x.y.z]
'''


def test_every_form():
    tomllib.loads(DOCUMENT)  # what the scanner asks of its input
    assert key_lines(DOCUMENT) == {
        ("top",): 2,
        ("quoted A",): 3,
        ('lit "eral',): 4,
        ("dotted",): 5,
        ("dotted", "key"): 5,
        ("table",): 7,
        ("table", "text"): 8,
        ("table", "literal"): 12,
        ("table", "list"): 14,
        ("table", "list", 0): 15,
        ("table", "list", 1): 16,
        ("table", "list", 1, 0): 16,
        ("table", "list", 1, 1): 16,
        ("table", "list", 2): 17,
        ("table", "list", 2, "inline"): 17,
        ("table", "list", 2, "in.ner"): 17,
        ("table", "list", 2, "in.ner", 0): 17,
        ("table", "list", 3): 18,
        ("table", "date"): 20,
        ("table", "empty"): 21,
        ("table", "bare"): 22,
        ("rules",): 24,
        ("rules", 0): 24,
        ("rules", 0, "a"): 25,
        ("rules", 1): 26,
        ("rules", 1, "a"): 27,
        ("rules", 1, "inner"): 28,
        ("rules", 1, "inner", "b"): 29,
        ("rules", 1, "deep"): 30,
        ("rules", 1, "deep", 0): 30,
        ("rules", 1, "deep", 0, "c"): 31,
        ("x",): 32,
        ("x", "y"): 32,
        ("x", "y", "z"): 32,
    }


def test_windows_line_ends():
    assert key_lines("a = 1\r\n[t]\r\nb = 2\r\n") == {("a",): 1, ("t",): 2, ("t", "b"): 3}


def test_a_text_that_is_no_toml_gives_the_keys_up_to_the_trouble():
    assert key_lines("a = 1\n= 2\nb = 3") == {("a",): 1}
    assert key_lines("a = [1, 2") == {("a",): 1, ("a", 0): 1, ("a", 1): 1}
    assert key_lines("[t}") == {("t",): 1}


words = st.text(max_size=8).filter(lambda s: s.replace("\n", "").isprintable())
scalars = st.one_of(st.integers(-9, 9), st.booleans(), words, st.dates())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(words, values, max_size=4)
documents = st.dictionaries(words, tables, max_size=4)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def written(value: object) -> str:
    """One value as TOML, lists over several lines with comments that look like keys."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return "[" + "".join(f" # x = 1\n{written(one)}," for one in value) + "]"
        case dict():
            return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


def paths(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    found = {path} if path else set()
    for key, one in inner:
        found |= paths(one, (*path, key))
    return found


@given(documents)
def test_exactly_the_keys_of_the_document_have_lines(document):
    text = "".join(
        f"[{quoted(name)}]\n" + "".join(f"{quoted(k)} = {written(v)}\n" for k, v in table.items())
        for name, table in document.items()
    )
    lines = key_lines(text)
    assert lines.keys() == paths(tomllib.loads(text))
    source = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert quoted(path[-1]) in source[line - 1]
