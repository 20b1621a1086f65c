"""Names: how they are read, and where they lead."""

import pytest

from ugrpy.core.errors import BadRequest
from ugrpy.core.urls import encode_path
from ugrpy.namespace.paths import (
    MAX_RAW_PATH,
    Above,
    Inside,
    Mount,
    MountTable,
    Outside,
    PrefixMap,
    SyntheticTree,
    can_be_asked_for,
    is_within,
    join,
    name_of,
    next_component,
    normalise,
    parse_path,
    rebase,
)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/b.root", "/a/b.root"),
        ("/.hidden/..more/...", "/.hidden/..more/..."),
        # doubled and trailing slashes, and '.' (K10)
        ("//", "/"),
        ("///a//b///", "/a/b"),
        ("/a/", "/a"),
        ("/./a/./b/.", "/a/b"),
        ("/%2e/a", "/a"),
        ("/a/.", "/a"),
        # escapes in either case, needless ones, and the literal plus (K6)
        ("/%61%62", "/ab"),
        ("/caf%c3%a9", "/café"),
        ("/caf%C3%A9", "/café"),
        ("/café", "/café"),
        ("/a+b%20c", "/a+b c"),
        ("/a%2Bb", "/a+b"),
        ("/100%25", "/100%"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
        ("/%252F", "/%2F"),
        ("/%252e%252e/x", "/%2e%2e/x"),
        ("/a%3Fb%23c%5B%5D", "/a?b#c[]"),
        ("/a\\..\\b", "/a\\..\\b"),
        ("/a;b=c,d:e@f", "/a;b=c,d:e@f"),
        ("/%F0%9F%90%8D", "/\U0001f40d"),
        # bytes that are no UTF-8 survive (PEP 383), written raw or escaped
        ("/%ff%FE", "/\udcff\udcfe"),
        ("/\udcff", "/\udcff"),
        ("/%ed%a0%80", "/\udced\udca0\udc80"),
    ],
)
def test_paths_are_read(raw: str, path: str):
    assert parse_path(raw) == path


def test_one_name_has_one_form_however_its_bytes_are_written():
    """Half raw, half escaped: the halves of one character belong together."""
    assert parse_path("/\udcc3%A9") == parse_path("/%C3\udca9") == parse_path("/%c3%a9") == "/é"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        # '..' in any spelling (K9)
        ("/..", r"'\.\.'"),
        ("/../etc/passwd", r"'\.\.'"),
        ("/a/..", r"'\.\.'"),
        ("/a/../b", r"'\.\.'"),
        ("/a/%2e%2e/b", r"'\.\.'"),
        ("/a/%2E./b", r"'\.\.'"),
        ("/a/.%2e", r"'\.\.'"),
        ("/a/..//b", r"'\.\.'"),
        ("/a/.././..", r"'\.\.'"),
        # control characters, raw and escaped
        ("/a%00b", "control"),
        ("/a%0d%0aSet-Cookie:x", "control"),
        ("/a%0A", "control"),
        ("/a\n", "control"),
        ("/a\tb", "control"),
        ("/%7f", "control"),
        ("/..\n", "control"),
        # a slash that is no separator
        ("/a%2Fb", "encoded slash"),
        ("/a%2fb", "encoded slash"),
        ("/..%2fetc", "encoded slash"),
        # no path at all
        ("", "absolute"),
        ("*", "absolute"),
        ("a/b", "absolute"),
        ("..", "absolute"),
        ("%2Fa", "absolute"),
        ("http://host/a", "absolute"),
    ],
)
def test_what_can_name_nothing_is_refused(raw: str, why: str):
    with pytest.raises(BadRequest, match=why) as refused:
        parse_path(raw)
    assert refused.value.status == 400


def test_long_paths_are_read_up_to_a_bound_whether_plain_or_not():
    """Far more than 250 bytes, and more than any storage takes (K11)."""
    longest = "/" + "a" * (MAX_RAW_PATH - 1)
    assert parse_path(longest) == longest
    assert parse_path("/" + "%61" * 4096) == "/" + "a" * 4096
    for raw in (longest + "a", longest + "/", "/" + "%61" * MAX_RAW_PATH):
        with pytest.raises(BadRequest, match="longer"):
            parse_path(raw)


def test_normalise_takes_decoded_paths_as_they_are():
    assert normalise("/100%25/./x/") == "/100%25/x"
    assert normalise("a//b") == "/a/b"
    with pytest.raises(BadRequest):
        normalise("/a/../b")
    with pytest.raises(BadRequest):
        normalise("/a\x00")


@pytest.mark.parametrize(
    ("path", "prefix", "inside"),
    [
        ("/fed/a", "/", True),
        ("/", "/", True),
        ("/fed/a", "/fed/a", True),
        ("/fed/a/x", "/fed/a", True),
        ("/fed/ab", "/fed/a", False),
        ("/fed", "/fed/a", False),
        ("/", "/fed", False),
        ("/FED/a", "/fed", False),
    ],
)
def test_prefixes_cover_whole_components(path: str, prefix: str, inside: bool):
    assert is_within(path, prefix) is inside


@pytest.mark.parametrize(
    ("path", "prefix", "target", "moved"),
    [
        ("/", "/", "/", "/"),
        ("/a/b", "/", "/", "/a/b"),
        ("/a/b", "/a", "/", "/b"),
        ("/a", "/a", "/", "/"),
        ("/a", "/a", "/t/u", "/t/u"),
        ("/a/b", "/a", "/t/u", "/t/u/b"),
        ("/", "/", "/t", "/t"),
        ("/b", "/", "/t", "/t/b"),
    ],
)
def test_a_path_is_moved_from_one_place_to_another(path, prefix, target, moved):
    assert rebase(path, prefix, target) == moved


def test_names_and_children():
    assert name_of("/a/b c") == "b c"
    assert name_of("/") == ""
    assert join("/", "a") == "/a"
    assert join("/a", "b") == "/a/b"
    assert next_component("/", "/a/b") == "a"
    assert next_component("/a", "/a/b/c") == "b"
    assert next_component("/a", "/a") == ""


# -- mounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/atlas", "/data/atlas"),
        ("/atlas/f", "/data/atlas/f"),
        ("/atlas/tape", "/tape"),
        ("/atlas/tape/f", "/tape/f"),
        ("/atlas/tapes", "/data/atlas/tapes"),
        ("/atlas2", None),
        ("/atl", None),
        ("/", None),
        ("/copy/f", "/data/atlas/f"),
        ("/bucket/f", "/f"),
        ("/bucket", "/"),
    ],
)
def test_the_longest_mount_that_covers_decides(path: str, remote: str | None):
    """Rows D7 to D10: by components, several prefixes for one directory, its root where it is mounted."""
    table = MountTable(
        [
            Mount("/atlas", "/data/atlas"),
            Mount("/atlas/tape", "/tape"),
            Mount("/copy", "/data/atlas"),
            Mount("/bucket"),
        ]
    )
    assert table.translate(path) == remote


def test_a_mount_at_the_root_covers_what_no_other_does():
    table = MountTable([Mount("/"), Mount("/a", "/x")])
    assert [table.translate(path) for path in ("/", "/a", "/b")] == ["/", "/x", "/b"]


def test_an_endpoint_mounted_nowhere_covers_nothing():
    assert MountTable([]).translate("/") is None


def test_mounts_are_shown_longest_first_and_may_not_clash():
    table = MountTable([Mount("/b"), Mount("/a"), Mount("/a/c", "/z")])
    assert table.prefixes == ("/a/c", "/a", "/b")
    assert repr(table) == "MountTable(/a/c = /z, /a = /, /b = /)"
    with pytest.raises(ValueError, match="two mounts at /a"):
        MountTable([Mount("/a"), Mount("/b"), Mount("/a", "/x")])


# -- what exists because something is mounted there ------------------------------------------------


@pytest.mark.parametrize(
    ("path", "holds", "children"),
    [
        ("/", True, ("atlas", "belle")),
        ("/atlas", True, ("disk", "tape")),
        ("/atlas/disk", True, ()),
        ("/atlas/disk/x", False, ()),
        ("/atla", False, ()),
        ("/belle", True, ("mc",)),
        ("/other", False, ()),
    ],
)
def test_ancestors_of_mount_points_are_collections(path, holds, children):
    tree = SyntheticTree(("/atlas/disk", "/atlas/tape", "/belle", "/belle/mc/run1"))
    assert tree.holds(path) is holds
    assert tree.children(path) == children


def test_the_root_exists_without_any_mount():
    assert SyntheticTree(()).holds("/")
    assert SyntheticTree(()).children("/") == ()
    assert SyntheticTree(("/",)).children("/") == ()
    assert not SyntheticTree(("/",)).holds("/a")


# -- external prefixes -----------------------------------------------------------------------------


def test_without_prefixes_external_and_federated_paths_are_the_same():
    prefixes = PrefixMap()
    assert prefixes.transparent
    assert prefixes.translate("/a/b") == Inside("/a/b")
    assert prefixes.translate("/") == Inside("/")
    assert repr(prefixes) == "PrefixMap(/ -> /)"


@pytest.mark.parametrize(
    ("external", "leads_to"),
    [
        ("/myfed", Inside("/data")),
        ("/myfed/a", Inside("/data/a")),
        ("/myfed2/a", Inside("/data/a")),
        ("/myfed3/a", Outside()),
        ("/deep/er/a", Inside("/data/a")),
        ("/deep/er/still/a", Inside("/data/a")),
        ("/deep", Above(("er",))),
        ("/deep/other", Outside()),
        ("/", Above(("deep", "myfed", "myfed2"))),
    ],
)
def test_prefixes_are_replaced_and_their_ancestors_lead_to_them(external, leads_to):
    """Rows D5 and D6."""
    prefixes = PrefixMap(["/myfed", "/myfed2", "/deep/er", "/deep/er/still", "/myfed"], "/data")
    assert not prefixes.transparent
    assert prefixes.translate(external) == leads_to


def test_a_new_prefix_alone_puts_everything_below_it():
    prefixes = PrefixMap(new_prefix="/data")
    assert prefixes.translate("/") == Inside("/data")
    assert prefixes.translate("/a") == Inside("/data/a")
    assert repr(prefixes) == "PrefixMap(/ -> /data)"


def test_a_prefix_alone_is_cut_off():
    prefixes = PrefixMap(["/fed"])
    assert prefixes.translate("/fed") == Inside("/")
    assert prefixes.translate("/fed/a") == Inside("/a")
    assert prefixes.translate("/") == Above(("fed",))


def test_what_was_read_is_written_without_loss():
    for raw in ("/a%20b", "/%FF", "/caf%C3%A9", "/100%25", "/a+b"):
        assert encode_path(parse_path(raw)) == raw


@pytest.mark.parametrize("name", ["a\nb", "\0", "\x1f", "\x7f", "plain", "é\x85", "100%", "\udce9"])
def test_a_name_can_be_asked_for_when_its_path_can_be_read(name):
    try:
        parsed = parse_path(encode_path(f"/d/{name}"))
    except BadRequest:
        assert not can_be_asked_for(name)
    else:
        assert (parsed, can_be_asked_for(name)) == (f"/d/{name}", True)
