"""However requests are cut into segments, each has one answer, in order; and bytes that are none never get more than one."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.service.test_connection import HOST, connected

PATHS = st.from_regex(r"/[a-z0-9]{1,8}", fullmatch=True)
# Content that looks like the end of a head, or like a request
CONTENT = st.sampled_from(
    [b"", b"x", b"\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n" * 5]
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, str]:
    """A request and the body of its answer."""
    path, content = draw(PATHS), draw(CONTENT)
    head = path.encode() + b" HTTP/1.1\r\n" + HOST
    told = path + content.decode()
    match draw(st.sampled_from(["bare", "length", "chunks"])):
        case "bare":
            return b"GET " + head + b"\r\n", path
        case "length":
            return b"PUT " + head + b"Content-Length: %d\r\n\r\n%s" % (len(content), content), told
        case _:
            chunk = b"%x;e=1\r\n%s\r\n" % (len(content), content) if content else b""
            coded = b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
            return b"PUT " + head + coded, told


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


async def answers_to(pieces: list[bytes], *, rests: set[int]) -> list[str]:
    """What a connection answers to these segments; after those in ``rests`` everybody has time to work."""
    async with connected() as connection:
        for number, piece in enumerate(pieces):
            connection.feed(piece)
            if number in rests:
                await connection.settle()
        answers: list[str] = await connection.settle()
        return answers


@given(
    st.lists(requests(), min_size=1, max_size=6),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sets(st.integers(0, 12)),
)
async def test_each_request_has_one_answer_however_it_is_cut(asked, places, rests):
    data = b"".join(request for request, _answer in asked)
    assert await answers_to(cut(data, places), rests=rests) == [
        answer for _request, answer in asked
    ]


@given(
    st.lists(requests(), max_size=3),
    st.sampled_from(
        [
            b"NONSENSE\r\n\r\n",
            b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
            b"\x00",
            b"GET / HTTP/2.0\r\n\r\n",
        ]
    ),
    st.lists(requests(), max_size=2),
    st.lists(st.integers(0, 10_000), max_size=8),
)
async def test_nonsense_is_answered_once_and_ends_it(before, nonsense, after, places):
    good = [request for request, _answer in before]
    pieces = [piece for request in good for piece in cut(request, places)]
    data = nonsense + b"".join(request for request, _answer in after)
    answers = await answers_to([*pieces, *cut(data, places)], rests=set())
    assert answers[:-1] == [answer for _request, answer in before]
    assert answers[-1] in ("400", "501", "505")


@given(st.lists(st.binary(max_size=60), max_size=6), st.sets(st.integers(0, 6)))
@example([b"\r\n\r\n\r\n\r\n"], set())
@example([b"GET /\r\n\r\n", b"\r\n\r\n"], set())
async def test_arbitrary_bytes_get_at_most_a_refusal(pieces, rests):
    answers = await answers_to(pieces, rests=rests)
    assert answers in ([], ["400"], ["501"], ["505"])


@given(
    st.lists(requests(), min_size=1, max_size=4),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=20),
    st.lists(st.integers(0, 10_000), max_size=6),
)
async def test_damaged_bytes_never_make_more_answers_than_requests(asked, at, damage, places):
    """Damage may merge or break requests, or change what they ask; it adds no request that was not written."""
    data = b"".join(request for request, _answer in asked)
    at %= len(data)
    damaged = data[:at] + damage + data[at + len(damage) :]
    answers = await answers_to(cut(damaged, places), rests=set())
    heads = damaged.count(b" HTTP/1.1\r\n") + damaged.count(b" HTTP/1.0\r\n")
    assert len(answers) <= heads + 1
