"""Who is answered at all, and what each answer forbids the browser.

The page is for the browser on this machine. A foreign page in the same browser may try to reach it: by a name that it lets
point to 127.0.0.1 (so the Host must be ours), or from its own address (so the Origin must be ours).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAMES = ("127.0.0.1", "localhost")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self' {sockets}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"  # a file is looked at and heard, it runs nothing
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """The page's doorkeeper; it learns the port once the page listens."""

    def __init__(self) -> None:
        self.port = 0

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers 403 to whatever does not come from the page itself or from the address bar."""
        if request.host not in self._hosts():
            return web.Response(status=403, text="This page answers to 127.0.0.1 only.")
        if not self._same_origin(request):
            return web.Response(status=403, text="Another site's page has no business here.")
        return await handler(request)

    async def dress(self, _: web.Request, response: web.StreamResponse) -> None:
        """Puts the security headers on an answer."""
        sockets = " ".join(f"ws://{host}" for host in sorted(self._hosts()))
        response.headers.setdefault("Content-Security-Policy", POLICY.format(sockets=sockets))
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")
        response.headers.update(HEADERS)

    def _hosts(self) -> set[str]:
        return {f"{name}:{self.port}" for name in NAMES}

    def _same_origin(self, request: web.Request) -> bool:
        navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
        if not navigation and request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return False
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None:
            return origin == f"http://{request.host}"
        return (
            request.method == hdrs.METH_GET and hdrs.UPGRADE not in request.headers
        )  # for others browsers name theirs
