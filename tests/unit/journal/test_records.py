"""Records as they stand in the journal: captured text is read, what is not a record is refused."""

import json

import pytest

from ugrpy.core.errors import DataError
from ugrpy.journal.records import parse_operation, parse_removal, parse_upload, render_record
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Removal,
    Upload,
    Why,
)
from ugrpy.namespace.model import Digest, EndpointId, Kind

CERN, UVIC = EndpointId("cern"), EndpointId("uvic")

UPLOAD = Upload(
    path="/a/f",
    number="5f",
    target=CERN,
    since_s=1.5,
    until_s=2.0,
    size_bytes=7,
    before=Fingerprint(7, 1_700_000_000),
    others=((UVIC, Fingerprint(7)),),
    deleted=(UVIC,),
    digests=(Digest("md5", "9001"),),
    earlier_sizes=(6, None),
    outdated=True,
    part=Fingerprint(3, 9),
)
REMOVAL = Removal("/a/\udcff", UVIC, Fingerprint(7, 8), Why.BROKEN, 1.0, 2.0)
OPERATION = Operation(
    number="12.34.5f",
    verb=OperationKind.MOVE,
    path="/a",
    target="/b/ü",
    kind=Kind.COLLECTION,
    steps=((CERN, Fingerprint()), (UVIC, Fingerprint(None, 3))),
    since_s=1.0,
    until_s=2.0,
    away=((EndpointId("nrc"), Fingerprint(1)),),
)
# as they stand in the journals of this format: a change here needs another number of it
CASES = [
    (
        UPLOAD,
        parse_upload,
        '{"path":"/a/f","number":"5f","target":"cern","since_s":1.5,"until_s":2.0,"size_bytes":7,'
        '"before":[7,1700000000],"others":[["uvic",[7,null]]],"deleted":["uvic"],"digests":[["md5","9001"]],'
        '"passage":"redirected","earlier_sizes":[6,null],"outdated":true,"part":[3,9]}',
    ),
    (
        Upload("/f", "1", CERN, 1.0, 2.0),
        parse_upload,
        '{"path":"/f","number":"1","target":"cern","since_s":1.0,"until_s":2.0,"size_bytes":null,'
        '"before":null,"others":[],"deleted":[],"digests":[],"passage":"redirected","earlier_sizes":[],"outdated":false,"part":null}',
    ),
    (
        REMOVAL,
        parse_removal,
        '{"path":"/a/\\udcff","endpoint":"uvic","known":[7,8],"why":"broken","since_s":1.0,"until_s":2.0}',
    ),
    (
        OPERATION,
        parse_operation,
        '{"number":"12.34.5f","verb":"move","path":"/a","target":"/b/\\u00fc","kind":"collection",'
        '"steps":[["cern",[null,null]],["uvic",[null,3]]],"since_s":1.0,"until_s":2.0,"away":[["nrc",[1,null]]]}',
    ),
]


@pytest.mark.parametrize(("record", "parse", "text"), CASES)
def test_a_record_is_written_and_read(record, parse, text):
    assert render_record(record) == text
    assert parse(text) == record


@pytest.mark.parametrize(("record", "parse", "text"), CASES)
def test_a_record_that_is_cut_off_is_refused(record, parse, text):
    for end in range(len(text)):
        with pytest.raises(DataError):
            parse(text[:end])
    with pytest.raises(DataError):
        parse(text + "}")


@pytest.mark.parametrize(("record", "parse", "text"), CASES)
def test_a_record_without_one_of_its_fields_is_refused(record, parse, text):
    values = json.loads(text)
    # those of older journals have not all of them
    optional = {"size_bytes", "passage", "earlier_sizes", "outdated", "part", "away"}
    for name in values.keys() - optional:
        with pytest.raises(DataError, match="cannot be read"):
            parse(json.dumps({key: value for key, value in values.items() if key != name}))


@pytest.mark.parametrize(("record", "parse", "text"), CASES)
@pytest.mark.parametrize("value", [[[[]]], {"a": 1}, True, "/", 3.5, [["uvic"]], [[1, [7, 8]]]])
def test_a_record_with_something_else_in_a_field_is_refused(record, parse, text, value):
    values = json.loads(text)
    # what is a value of that field all the same
    fits = {"since_s", "until_s"} if isinstance(value, (bool, float)) else set()
    fits |= {"size_bytes", "outdated"} if value is True else set()
    fits |= {"path", "number", "target", "endpoint"} if isinstance(value, str) else set()
    for name in values.keys() - fits:
        with pytest.raises(DataError, match="cannot be read"):
            parse(json.dumps(values | {name: value}))


@pytest.mark.parametrize("parse", [parse_upload, parse_removal, parse_operation])
@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{}", '{"path":"/f","colour":1}', "\0"])
def test_what_is_no_record_is_refused(parse, text):
    with pytest.raises(DataError, match="cannot be read") as caught:
        parse(text)
    assert caught.value.seen == text


@pytest.mark.parametrize(
    "broken",
    [
        {"before": ["7", 1]},
        {"before": [7, 1.5]},
        {"deleted": [1]},
        {"digests": [["md5", 1]]},
        {"digests": [["md5"]]},
        {"others": [["uvic", [1]]]},
    ],
)
def test_what_stands_inside_is_read_as_strictly(broken):
    with pytest.raises(DataError):
        parse_upload(json.dumps(json.loads(render_record(UPLOAD)) | broken))
