"""How an upload gets to its target is written down, and read in records from before it was."""

import json

import pytest

from ugrpy.core.errors import DataError
from ugrpy.journal.records import parse_upload, render_record
from ugrpy.namespace.changes import Passage, Upload
from ugrpy.namespace.model import EndpointId


@pytest.mark.parametrize("passage", Passage)
def test_a_passage_is_kept(passage):
    upload = Upload("/f", "1", EndpointId("a"), 0.0, 600.0, passage=passage)
    assert parse_upload(render_record(upload)) == upload


def test_an_upload_written_down_by_an_earlier_version_was_redirected():
    upload = Upload("/f", "1", EndpointId("a"), 0.0, 600.0)
    values = json.loads(render_record(upload))
    del values["passage"]
    assert parse_upload(json.dumps(values)) == upload
    assert upload.passage is Passage.REDIRECTED


def test_an_unknown_passage_cannot_be_read():
    values = json.loads(render_record(Upload("/f", "1", EndpointId("a"), 0.0, 600.0)))
    with pytest.raises(DataError):
        parse_upload(json.dumps(values | {"passage": "by pigeon"}))
