"""Who carries a copy out."""

from pathlib import Path

from ugrpy.copying.deciding import carrier, script_for
from ugrpy.copying.settings import CopySettings
from ugrpy.namespace.model import EndpointId
from ugrpy.webdav.copying import CopyMode

A, B, C = map(EndpointId, "abc")


def test_the_best_of_those_that_copy_by_themselves():
    assert carrier((A, B, C), {B, C}) == B
    assert carrier((A,), {B}) is None
    assert carrier((), {B}) is None


def test_each_direction_has_its_script():
    settings = CopySettings(push_script=Path("/push"), pull_script=Path("/pull"))
    assert script_for(CopyMode.PUSH, settings) == Path("/push")
    assert script_for(CopyMode.PULL, settings) == Path("/pull")
    assert script_for(CopyMode.PUSH, CopySettings()) is None
