"""All workers together keep an endpoint's limit."""

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.config import Configuration, load
from ugrpy.wiring.shares import of_worker, share_of, too_few


@given(st.integers(1, 10_000), st.integers(1, 512))
def test_shares_add_up_to_the_limit_or_are_one_each(limit, workers):
    shares = [share_of(limit, workers, index) for index in range(workers)]
    assert sum(shares) == max(limit, workers)
    assert max(shares) - min(shares) <= 1


def settings(tmp_path) -> Configuration:
    file = tmp_path / "site.toml"
    file.write_text(
        "[service]\nworkers = 3\n"
        '[endpoints.few]\nurl = "http://127.0.0.1:1"\nmax_connections = 2\n'
        '[endpoints.more]\nurl = "http://127.0.0.1:2"\nmax_connections = 7\n'
    )
    return load([file], overrides={}, environ={})


def test_each_worker_has_its_share_of_every_endpoint(tmp_path):
    config = settings(tmp_path)
    shares = [
        [one.max_connections for one in of_worker(config, index).endpoints] for index in range(3)
    ]
    assert shares == [[1, 3], [1, 2], [1, 2]]
    assert too_few(config) == {"few": 2}
