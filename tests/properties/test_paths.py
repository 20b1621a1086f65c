"""Laws of names: nothing is lost between the wire and the storage, and nothing escapes its mount."""

import random
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from ugrpy.core.errors import BadRequest
from ugrpy.core.urls import decode_path, encode_path, join_url
from ugrpy.namespace.paths import (
    MAX_RAW_PATH,
    Inside,
    Mount,
    MountTable,
    PrefixMap,
    SyntheticTree,
    is_within,
    join,
    name_of,
    normalise,
    parse_path,
    rebase,
)

# Any bytes a storage element can hold in a name, as Python shows them.
NAMES = (
    st.binary(min_size=1, max_size=12)
    .filter(lambda name: name not in (b".", b".."))
    .filter(lambda name: not any(byte < 0x20 or byte in (0x2F, 0x7F) for byte in name))
    .map(lambda name: name.decode("utf-8", "surrogateescape"))
)
# Few letters, so that paths often lie within each other or nearly do.
NEAR_NAMES = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))


def paths(names: st.SearchStrategy[str], max_size: int = 5) -> st.SearchStrategy[str]:
    return st.lists(names, max_size=max_size).map(lambda parts: "/" + "/".join(parts))


ANY_PATHS = paths(NAMES)
NEAR_PATHS = paths(NEAR_NAMES, 4)
# What a wire can bring: any bytes, and those that matter more often.
RAW = st.one_of(
    st.lists(st.sampled_from(list(b"/.%2eEfF0aA9cC3\xc3\xa9\x00\n")), max_size=20).map(
        lambda octets: b"/" + bytes(octets)
    ),
    st.binary(max_size=30),
).map(lambda wire: wire.decode("utf-8", "surrogateescape"))


@given(ANY_PATHS)
def test_encoding_loses_nothing(path: str):
    raw = encode_path(path)
    assert raw.isascii()
    assert parse_path(raw) == path
    assert decode_path(raw) == path


@given(ANY_PATHS, st.randoms(use_true_random=False))
def test_every_byte_may_be_escaped_or_not(path: str, chance: random.Random):
    def spelled(byte: int) -> bytes:
        ways = [f"%{byte:02x}".encode(), f"%{byte:02X}".encode()]
        if byte != ord("%"):
            ways.append(bytes([byte]))
        return chance.choice(ways)

    parts = path.encode("utf-8", "surrogateescape").split(b"/")
    wire = b"/".join(b"".join(map(spelled, part)) for part in parts)
    assert parse_path(wire.decode("utf-8", "surrogateescape")) == path


@given(RAW)
@example("/\udcc3%A9")
def test_what_is_accepted_is_normal_and_stays_so(raw: str):
    try:
        path = parse_path(raw)
    except BadRequest:
        return
    assert path.startswith("/")
    assert path == "/" or not path.endswith("/")
    assert not {"", ".", ".."} & set(path.split("/")[1:] if path != "/" else ())
    assert not any(char < " " or char == "\x7f" for char in path)
    assert normalise(path) == path
    assert parse_path(encode_path(path)) == path
    assert len(raw) <= MAX_RAW_PATH


@given(NEAR_PATHS, NEAR_PATHS)
def test_within_means_the_same_first_components(path: str, prefix: str):
    def components(one: str) -> list[str]:
        return [part for part in one.split("/") if part]

    inner, outer = components(path), components(prefix)
    assert is_within(path, prefix) == (inner[: len(outer)] == outer)


@given(ANY_PATHS, ANY_PATHS, ANY_PATHS)
def test_moving_there_and_back_changes_nothing(rest: str, prefix: str, target: str):
    path = rebase(rest, "/", prefix)
    assert is_within(path, prefix)
    moved = rebase(path, prefix, target)
    assert is_within(moved, target)
    assert rebase(moved, target, prefix) == path
    assert normalise(moved) == moved


@given(ANY_PATHS, NAMES)
def test_a_child_knows_its_name_and_lies_within(path: str, name: str):
    child = join(path, name)
    assert name_of(child) == name
    assert is_within(child, path)
    assert not is_within(path, child)


MOUNTS = st.lists(
    st.builds(Mount, NEAR_PATHS, NEAR_PATHS), max_size=5, unique_by=lambda mount: mount.prefix
)


@given(MOUNTS, NEAR_PATHS)
def test_a_mount_table_is_the_longest_prefix_in_any_order(mounts: list[Mount], path: str):
    table = MountTable(mounts)
    assert MountTable(reversed(mounts)).translate(path) == table.translate(path)
    covering = [mount for mount in mounts if is_within(path, mount.prefix)]
    if not covering:
        assert table.translate(path) is None
        return
    longest = max(covering, key=lambda mount: mount.prefix.count("/") if mount.prefix != "/" else 0)
    assert table.translate(path) == rebase(path, longest.prefix, longest.target)


@given(st.lists(NEAR_PATHS, max_size=4), NEAR_PATHS)
def test_synthetic_collections_lead_to_every_mount(points: list[str], path: str):
    tree = SyntheticTree(tuple(points))
    for name in tree.children(path):
        assert tree.holds(path)
        assert tree.holds(join(path, name))
    for point in points:
        assert tree.holds(point)
        if point != "/":
            parent = point.rpartition("/")[0] or "/"
            assert name_of(point) in tree.children(parent)


@given(ANY_PATHS, ANY_PATHS)
def test_a_url_has_one_slash_between_base_and_path(base: str, path: str):
    url = join_url("https://se.example" + encode_path(base), path)
    assert url.isascii()
    whole = base.rstrip("/") + ("" if path == "/" else path)
    assert parse_path(url.removeprefix("https://se.example")) == (whole or "/")


# -- from the wire to the storage --------------------------------------------------------------------

HARMLESS = st.sampled_from(
    ["a", "b", "%61", "é", "..a", "", ".", "%2e", "a%20b", "%252e%252e", "\\.."]
)
HOSTILE = st.sampled_from(["..", "%2e%2e", "%2E.", "%00", "%2f", "%5c..", "%0d%0a"]) | RAW.map(
    lambda raw: raw.replace("/", "").replace("?", "").replace("#", "")
)
SEGMENTS = st.lists(HARMLESS, max_size=4) | st.lists(HARMLESS | HOSTILE, max_size=6)


@given(
    SEGMENTS,
    st.lists(ANY_PATHS, max_size=2),
    st.lists(
        st.builds(Mount, ANY_PATHS, ANY_PATHS), min_size=1, max_size=3, unique_by=lambda m: m.prefix
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_is_asked_for_lies_below_a_mounts_target(
    segments: list[str], prefixes: list[str], mounts: list[Mount], chance: random.Random
):
    """From a request target through prefixes and mounts to the URL a client is sent to, as its own URL parser sees it."""
    # begin at a mount, or next to nothing would be found
    start = chance.choice(mounts).prefix
    components = start.split("/")
    new_prefix = "/".join(components[: chance.randrange(1, len(components) + 1)]) or "/"
    inside = rebase(start, new_prefix, chance.choice(prefixes)) if prefixes else start
    raw = encode_path(inside).rstrip("/") + "".join(f"/{segment}" for segment in segments)
    if not prefixes:
        new_prefix = "/"
    try:
        place = PrefixMap(prefixes, new_prefix).translate(parse_path(raw or "/"))
    except BadRequest:
        return
    if not isinstance(place, Inside):
        return
    assert is_within(place.path, new_prefix) or not prefixes
    remote = MountTable(mounts).translate(place.path)
    if remote is None:
        return
    covering = max(
        (m for m in mounts if is_within(place.path, m.prefix)), key=lambda m: len(m.prefix)
    )
    assert is_within(remote, covering.target)
    url = join_url("https://se.example/base", remote)
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
        "https",
        "se.example",
        "",
        "",
    )
    # what a client's library makes of it is the same name (yarl spells some characters otherwise)
    assert decode_path(URL(url).raw_path) == decode_path(parts.path)
    assert is_within(
        decode_path(parts.path).rstrip("/") or "/", "/base" + covering.target.rstrip("/")
    )


@given(SEGMENTS)
def test_a_path_has_one_meaning_however_often_it_goes_through_us(segments: list[str]):
    try:
        path = parse_path("/" + "/".join(segments))
    except BadRequest:
        return
    once = encode_path(path)
    assert encode_path(parse_path(once)) == once
    assert parse_path("//" + once.replace("/", "/./") + "//") == path
