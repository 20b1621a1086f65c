"""Percent-coding and origins."""

import pytest

from ugrpy.core.urls import decode_path, encode_path, join_url, origin_of


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/", "/"),
        ("/a b", "/a%20b"),
        ("/a+b", "/a+b"),
        ("/a%2Fb", "/a%252Fb"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/[x]<y>\"'", "/%5Bx%5D%3Cy%3E%22%27"),
        ("/!$&()*+,;=:@-._~", "/!$&()*+,;=:@-._~"),
        ("/back\\slash|^`{}", "/back%5Cslash%7C%5E%60%7B%7D"),
        ("/é", "/%C3%A9"),
        ("/\udcff", "/%FF"),
        ("/a\nb", "/a%0Ab"),
    ],
)
def test_paths_are_encoded_and_decoded(path: str, raw: str):
    assert encode_path(path) == raw
    assert decode_path(raw) == path


@pytest.mark.parametrize(
    ("raw", "path"), [("/a+b", "/a+b"), ("/%e9", "/\udce9"), ("/%", "/%"), ("/%4", "/%4")]
)
def test_decoding_takes_what_comes(raw: str, path: str):
    assert decode_path(raw) == path


@pytest.mark.parametrize("base", ["https://se.example/dav", "https://se.example/dav/"])
def test_a_url_is_joined_with_one_slash(base: str):
    assert join_url(base, "/a b") == "https://se.example/dav/a%20b"
    assert join_url(base, "a") == "https://se.example/dav/a"
    assert join_url(base, "/") == "https://se.example/dav/"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://SE.Example/a/b?c", "https://se.example:443"),
        ("HTTP://se.example:8080", "http://se.example:8080"),
        ("http://se.example/", "http://se.example:80"),
        ("https://user:word@se.example:444/", "https://se.example:444"),
        ("https://[2001:DB8::1]/a", "https://[2001:db8::1]:443"),
        ("root://se.example/a", "root://se.example:0"),
    ],
)
def test_origins_are_compared_in_one_form(url: str, origin: str):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "why"),
    [("/a/b", "no host"), ("https:///a", "no host"), ("https://se.example:99999/", "[Pp]ort")],
)
def test_a_url_without_a_usable_origin_is_refused(url: str, why: str):
    with pytest.raises(ValueError, match=why):
        origin_of(url)
