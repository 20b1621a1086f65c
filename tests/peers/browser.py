"""How is a real browser driven: Debian's Chromium, without a window?"""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.parity import peers_used
from tests.peers.programs import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A Chromium that ends with the block. Skips the test (fails it in CI) when it is not installed."""
    from playwright.sync_api import sync_playwright

    installed = require("chromium")
    with sync_playwright() as driver:
        # as root it has no sandbox to offer; what it shows is ours
        browser = driver.chromium.launch(executable_path=installed.path, args=["--no-sandbox"])
        peers_used.record("chromium", installed.version)
        peers_used.record("playwright", importlib.metadata.version("playwright"))
        try:
            yield browser
        finally:
            browser.close()
