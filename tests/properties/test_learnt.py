"""Laws of what was learnt of replicas: it counts for the very copy it was learnt of, and for no other, whatever else happened."""

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.learnt import Learnt, LearntDigests
from ugrpy.namespace.model import Digest, EndpointId, Entry, Kind

PATHS = st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/ab"])
ENDPOINTS = st.sampled_from([EndpointId("x"), EndpointId("y")])
NUMBERS = st.integers(1, 3)
DIGESTS = st.builds(Digest, st.sampled_from(["md5", "adler32"]), st.sampled_from(["00", "ff"]))
PUTS = st.builds(
    lambda path, endpoint, size, mtime, digest, at_s: Learnt(
        path, endpoint, Fingerprint(size, mtime), (digest,), at_s
    ),
    *(PATHS, ENDPOINTS, NUMBERS, NUMBERS, DIGESTS, st.integers(1, 9)),
)
STEPS = st.lists(
    st.one_of(PUTS, st.tuples(st.sampled_from(["forget", "forget_below"]), PATHS)), max_size=30
)


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


@given(STEPS)
def test_it_is_what_was_last_put_for_that_copy_and_not_forgotten_since(steps):
    known = LearntDigests()
    model: dict[tuple[str, EndpointId], tuple[Fingerprint, dict[str, str]]] = {}
    for step in steps:
        if isinstance(step, Learnt):
            known.put(step)
            if step.certain:
                before, digests = model.get((step.path, step.endpoint), (step.known, {}))
                kept = digests if before == step.known else {}
                new = {digest.algorithm: digest.value for digest in step.digests}
                model[step.path, step.endpoint] = step.known, {**kept, **new}
            continue
        verb, top = step
        (known.forget if verb == "forget" else known.forget_below)(top)
        gone = [
            key for key in model if (key[0] == top if verb == "forget" else _is_below(key[0], top))
        ]
        for key in gone:
            del model[key]
    assert len(known) == len(model)
    for (path, endpoint), (fingerprint, digests) in model.items():
        for size in (1, 2, 3):
            for mtime in (1, 2, 3):
                entry = Entry("f", Kind.FILE, size, mtime)
                expected = digests if Fingerprint(size, mtime) == fingerprint else {}
                told = {one.algorithm: one.value for one in known.of(path, endpoint, entry)}
                assert told == expected
    # what is to be written down brings another to the same state
    other = LearntDigests()
    for one in known.unwritten().learnt:
        other.put(one, written=True)
    assert len(other) == len(known)


@given(st.lists(PUTS, max_size=30), st.integers(1, 5))
def test_it_never_holds_more_than_it_may(puts, most):
    known = LearntDigests(most)
    for one in puts:
        known.put(one)
        assert len(known) <= most
