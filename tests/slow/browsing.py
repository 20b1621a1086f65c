"""What is looked at on a page in a browser: what it does that it should not, how wide it is, whether its text can be read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

SIZES = {"phone": (390, 844), "small phone": (320, 568), "desk": (1280, 800)}

Open = Callable[..., Page]
"""``open_page`` of the fixtures."""


@dataclass(slots=True)
class Seen:
    """What a page did that it should not: messages on its console, dialogs, errors, requests to others."""

    console: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def nothing_bad(self) -> bool:
        return not (self.console or self.dialogs or self.errors)


def beyond_the_side(page: Page, size: str) -> list[str]:
    """What of the page reaches over the left or right side, so that one has to scroll for it."""
    width = SIZES[size][0]
    found: list[str] = page.evaluate(
        """width => [...document.querySelectorAll('body *')].filter(one => {
            const box = one.getBoundingClientRect();
            return box.width > 1 && (box.right > width + 1 || box.left < -1);
        }).map(one => one.outerHTML.slice(0, 80))""",
        width,
    )
    across = page.evaluate("document.documentElement.scrollWidth")
    return found + ([f"{across} pixels to scroll across"] if across > width else [])


def contrasts(page: Page) -> dict[str, float]:
    """WCAG contrast of each text on the page with what is behind it, the worst of each kind."""
    found: list[tuple[str, float]] = page.evaluate(
        """() => {
        const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
        const light = ([r, g, b]) => {
            const [x, y, z] = [r, g, b].map(c => c / 255).map(
                c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * x + 0.7152 * y + 0.0722 * z;
        };
        const ground = one => {
            for (let at = one; at; at = at.parentElement) {
                const color = parts(getComputedStyle(at).backgroundColor);
                if (color.length === 3 || color[3] === 1) return color;
            }
            return null;
        };
        const found = [];
        for (const one of document.querySelectorAll('body *')) {
            const own = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
            if (!own || !one.checkVisibility()) continue;
            const style = getComputedStyle(one), behind = ground(one);
            const [a, b] = [light(parts(style.color)), behind ? light(behind) : NaN];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            found.push([`${one.tagName}.${one.className}`, ratio]);
        }
        return found; }"""
    )
    worst: dict[str, float] = {}
    for kind, ratio in found:
        worst[kind] = min(worst.get(kind, ratio), ratio)
    return worst
