"""The suites' asserts are explained like those of a test file."""

import pytest

pytest.register_assert_rewrite(
    "tests.conformance.changing_suite",
    "tests.conformance.endpoint_suite",
    "tests.conformance.http_suite",
)
