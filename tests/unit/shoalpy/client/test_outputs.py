"""What is written for CVMFS and Frontier, and what is left alone."""

import os

import pytest

from shoalpy.client.files import replace_text
from shoalpy.client.outputs import (
    CannotWrite,
    NoTool,
    edit_default_local,
    proxies_assigned,
    read_default_local,
    render_dump,
    set_by_talk,
    with_proxies_assigned,
)
from shoalpy.client.state import Memory, recall, remember, store
from shoalpy.model import Upstream
from shoalpy.proxylist import parse_proxy_list

NEW = parse_proxy_list("http://a:1|http://b:2;DIRECT")


def test_a_dump_is_quoted():
    assert render_dump(NEW) == '"http://a:1|http://b:2;DIRECT"'
    assert render_dump(None) == '""'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("CVMFS_HTTP_PROXY=http://a:1\n", "http://a:1"),
        ("CVMFS_HTTP_PROXY='a;b'", "a;b"),
        ('export CVMFS_HTTP_PROXY="a|b"  # why\n', "a|b"),
        ("CVMFS_HTTP_PROXY=a\nCVMFS_HTTP_PROXY=b\n", "b"),
        ("#CVMFS_HTTP_PROXY=a\nMY_CVMFS_HTTP_PROXY=b\nCVMFS_HTTP_PROXY_X=c\n", ""),
    ],
)
def test_the_assignment_that_counts_is_read(text, value):
    assert proxies_assigned(text) == value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'CVMFS_HTTP_PROXY="{NEW}"\n'),
        ("A=1", f'A=1\nCVMFS_HTTP_PROXY="{NEW}"\n'),
        ("CVMFS_HTTP_PROXY=\nA=1\n", f'CVMFS_HTTP_PROXY="{NEW}"\nA=1\n'),
        ("CVMFS_HTTP_PROXY='x' # y\r", f'CVMFS_HTTP_PROXY="{NEW}" # y\r'),
        (
            "CVMFS_HTTP_PROXY=a\nCVMFS_HTTP_PROXY=b\n",
            f'CVMFS_HTTP_PROXY=a\nCVMFS_HTTP_PROXY="{NEW}"\n',
        ),
        ('CVMFS_HTTP_PROXY="a\\\nb"\n', None),
        ("CVMFS_HTTP_PROXY=a; A=2\n", None),
    ],
)
def test_one_value_is_replaced_or_nothing(before, after):
    if after is None:
        with pytest.raises(CannotWrite, match="not on one line"):
            with_proxies_assigned(before, NEW)
    else:
        assert with_proxies_assigned(before, NEW) == after
        assert with_proxies_assigned(after, NEW) == after
        assert proxies_assigned(after) == str(NEW)


def test_a_file_is_replaced_at_once_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "default.local"
    file.write_text("CVMFS_HTTP_PROXY=old\n")
    monkeypatch.setattr(os, "fsync", _no_space)
    with pytest.raises(CannotWrite, match="No space left"):
        edit_default_local(file, NEW)
    assert file.read_text() == "CVMFS_HTTP_PROXY=old\n"
    assert list(tmp_path.iterdir()) == [file]


def _no_space(_number):
    raise OSError(28, os.strerror(28))


def test_a_link_stays_one_and_bytes_of_no_encoding_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "default.local"
    real.write_bytes(b"# caf\xe9\r\nCVMFS_HTTP_PROXY=old\n")
    link.symlink_to(real)
    assert edit_default_local(link, NEW) is True
    assert link.is_symlink()
    assert real.read_bytes() == b'# caf\xe9\r\nCVMFS_HTTP_PROXY="%s"\n' % str(NEW).encode()
    assert edit_default_local(link, NEW) is False


def test_a_file_that_is_not_there_is_made(tmp_path):
    file = tmp_path / "default.local"
    assert read_default_local(file) == ""
    assert edit_default_local(file, NEW) is True
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(CannotWrite, match="cannot read"):
        read_default_local(tmp_path)


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_the_status_of_the_tool_is_passed_on(tmp_path, script, status):
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    assert set_by_talk(str(tool), NEW) == status


def test_a_tool_that_cannot_be_run_is_told(tmp_path):
    tool = tmp_path / "tool"
    with pytest.raises(NoTool, match="there is no"):
        set_by_talk(str(tool), NEW)
    tool.write_text("#!/no/such/interpreter\n")
    tool.chmod(0o755)
    with pytest.raises(NoTool, match="cannot run"):
        set_by_talk(str(tool), NEW)


def test_what_was_found_is_remembered_for_each_upstream(tmp_path):
    file = str(tmp_path / "below" / "state.json")
    assert recall(file, Upstream.CVMFS) == Memory()
    kept = remember(NEW.groups, Memory(wrote="x", before="y"))
    store(file, Upstream.CVMFS, kept)
    store(file, Upstream.FRONTIER, Memory("http://f:1"))
    assert recall(file, Upstream.CVMFS) == kept == Memory(str(NEW), "x", "y")
    assert kept.groups == NEW.groups
    assert recall(file, Upstream.FRONTIER) == Memory("http://f:1")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cvmfs": 1}', '{"cvmfs": {"found": 1}}'])
def test_a_memory_that_cannot_be_read_is_none(tmp_path, text):
    file = tmp_path / "state.json"
    file.write_text(text)
    assert recall(str(file), Upstream.CVMFS) == Memory()
    assert Memory("a b c").groups == ()


def test_no_file_means_no_memory(tmp_path):
    store("", Upstream.CVMFS, Memory("a"))
    assert recall("", Upstream.CVMFS) == Memory()
    replace_text(tmp_path / "new", "text")
    assert (tmp_path / "new").read_text() == "text"
