"""One look at the page, in one width and theme, that notes what went wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOWN = "main:not([aria-busy]) h1"


class Visit:
    """A page that is open."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        page.set_default_timeout(15_000)
        page.on("console", lambda m: self._note(m.type, m.text))
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))

    def _note(self, kind: str, text: str) -> None:
        # a refused policy is among these; the page itself shows a 401 or 404
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.faults.append(f"{self.page.url}: {kind}: {text}")

    def go(self, view: str = "", **params: Any) -> None:
        """Open a view and wait until it is there."""
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        self.page.goto(f"{self.address}#/{view}{query}")
        self.shown()

    def shown(self) -> None:
        """Wait until the view is there."""
        self.page.wait_for_selector(SHOWN)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        wider: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    def barriers(self, axe: Path) -> list[str]:
        """What axe-core finds serious or critical, in each theme.

        Only colours differ between themes, so that one of them is tried for all else.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe.read_text(encoding="utf-8"))
        found = []
        for theme in THEMES:
            self.page.emulate_media(color_scheme=theme)
            options: dict[str, Any] = {"resultTypes": ["violations"]}
            if theme != THEMES[0]:
                options["runOnly"] = ["color-contrast"]
            found += self.page.evaluate(
                "options => axe.run(document, options).then(r => r.violations.map(v =>"
                " [v.impact, v.id, ...v.nodes.slice(0, 2).map(n => n.html + n.failureSummary)]"
                "))",
                options,
            )
        return [f"{self.page.url}: {one}" for one in found if one[0] in ("serious", "critical")]


@contextmanager
def visit(browser: Browser, address: str, size: str = "desktop") -> Iterator[Visit]:
    """Look at the page of a service; what went wrong fails the test when the look is over."""
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=THEMES[0],
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        looking = Visit(context.new_page(), address)
        yield looking
        assert looking.faults == []
    finally:
        context.close()
