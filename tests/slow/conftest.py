"""A browser for the tests of pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from tests.peers.browser import chromium
from tests.slow.browsing import SIZES, Open, Seen


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def open_page(browser: Browser, seen: Seen) -> Iterator[Open]:
    """A page of its own at this URL; all that goes wrong on it is in ``seen``."""
    contexts: list[BrowserContext] = []

    def dismissed(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    def opened(
        url: str, *, size: str = "desk", scheme: str = "light", scripts: bool = True
    ) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=size != "desk",
            has_touch=size != "desk",
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: seen.console.append(f"{told.text} {told.location['url']}"))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("dialog", dismissed)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
