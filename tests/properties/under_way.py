"""Changes as Hypothesis makes them up: few names, endpoints and facts, so that they meet often."""

from hypothesis import strategies as st

from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Removal,
    Upload,
    Why,
)
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Unknown,
)

# the last one as a name of bytes that are not UTF-8 arrives
NAMES = ["f", "g", "a b", "ü%", "\udcff\udc80"]
NODES = st.sampled_from([EndpointId(name) for name in ("cern", "triumf", "uvic")])
FILES = st.sampled_from([f"{above}/{name}" for above in ("", "/d", "/d/e") for name in NAMES])
SIZES = st.none() | st.sampled_from([0, 7, 8, 2**62])
MTIMES = st.none() | st.sampled_from([0, 1_700_000_000, 1_700_000_001])
FINGERPRINTS = st.builds(Fingerprint, SIZES, MTIMES)
TIMES = st.floats(0, 4e9)
DIGESTS = st.builds(Digest, st.sampled_from(["adler32", "md5"]), st.sampled_from(["0a", "ff"]))
STEPS = st.dictionaries(NODES, FINGERPRINTS).map(lambda steps: tuple(sorted(steps.items())))


def entries(name: str = "f") -> st.SearchStrategy[Entry]:
    """Files and collections of that name."""
    files = st.builds(Entry, st.just(name), st.just(Kind.FILE), SIZES, MTIMES)
    return files | st.just(Entry(name, Kind.COLLECTION))


OBSERVATIONS = (
    entries().map(Found)
    | st.just(Absent())
    | st.just(Denied())
    | st.sampled_from(list(Cause)).map(Unknown)
)


@st.composite
def uploads(draw: st.DrawFn, paths: st.SearchStrategy[str] = FILES) -> Upload:
    """As they are begun: the target is not among the others, and what is deleted is."""
    target, since_s = draw(NODES), draw(TIMES)
    others = tuple(one for one in draw(STEPS) if one[0] != target)
    deleted = [name for name, _ in others if draw(st.booleans())]
    return Upload(
        path=draw(paths),
        number=draw(st.text("0123456789abcdef", min_size=1, max_size=4)),
        target=target,
        since_s=since_s,
        until_s=since_s + draw(st.floats(1, 1e6)),
        size_bytes=draw(SIZES),
        before=draw(st.none() | FINGERPRINTS),
        others=others,
        deleted=tuple(deleted),
        digests=tuple(draw(st.lists(DIGESTS, max_size=2))),
    )


def removals(paths: st.SearchStrategy[str] = FILES) -> st.SearchStrategy[Removal]:
    """Copies that must go."""
    return st.builds(Removal, paths, NODES, FINGERPRINTS, st.sampled_from(list(Why)), TIMES, TIMES)


def operations(paths: st.SearchStrategy[str] = FILES) -> st.SearchStrategy[Operation]:
    """What is done to several storages at once."""
    return st.builds(
        Operation,
        st.sampled_from(["1.2.a", "1.2.b", "7.7.c"]),
        st.sampled_from(list(OperationKind)),
        paths,
        paths | st.just(""),
        st.sampled_from(list(Kind)),
        STEPS,
        TIMES,
        TIMES,
    )
