"""What a browser complains about while a test runs: everything but what the test expects is a failure."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, WebError

# Chromium's console does not name every policy violation; the event does.
REPORT_POLICY_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  reportPolicyViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass
class Watch:
    """Collects console errors and warnings, uncaught errors, dialogs and CSP violations of contexts."""

    complaints: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def put_on(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("dialog", self._on_dialog)
        context.expose_binding("reportPolicyViolation", lambda _, text: self.complaints.append(f"CSP: {text}"))
        context.add_init_script(REPORT_POLICY_VIOLATIONS)

    def allow(self, *patterns: str) -> None:
        """Expect complaints that one of the regular expressions is found in."""
        self._allowed += [re.compile(pattern) for pattern in patterns]

    def allow_status(self, status: int, path: str) -> None:
        """Expect Chromium's own line about an answer with this status of this path (any origin, any query)."""
        self.allow(rf"Failed to load resource: .* status of {status} .*at https?://[^/]+{re.escape(path)}(\?.*)?$")

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(pattern.search(text) for pattern in self._allowed)]

    def check(self) -> None:
        assert not self.unexpected, "the browser complained:\n" + "\n".join(self.unexpected)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"console: {message.text} at {message.location['url']}")

    def _on_error(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()
