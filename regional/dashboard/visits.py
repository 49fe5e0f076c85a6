"""Who is looking: the session's cookie, the form's token, the language; and what every answer says to the browser."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import Depends, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config.texts import LANGUAGES, Language, say
from domain.world import World
from regional import staff
from regional.database import Pool
from regional.staff import Right, Staff

HOME, SIGN_IN = "/dashboard", "/dashboard/sign-in"
COOKIE, LANGUAGE_COOKIE = "__Host-vaxdesk", "__Host-vaxdesk-lang"
_MOST_FORM = 16 * 1024
_A_YEAR_S = 365 * 24 * 3600
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class SignInFirst(Exception):
    """There is no session, or it is over."""


class NotAllowed(Exception):
    """The grade does not go so far, or the form did not come from our page. `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, at most 16 KiB; {} of a GET."""
    body = bytearray()
    if request.method == "POST":
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_FORM:
                raise NotAllowed("page.bad_form")
    fields = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


Form = Annotated[dict[str, str], Depends(_form)]


@dataclass(frozen=True)
class Visit:
    """One request of a browser. `token` is its cookie's value, or a new one when it has none yet."""

    request: Request
    pool: Pool
    world: World
    form: dict[str, str]
    token: str
    language: Language
    who: Staff | None = None

    @property
    def csrf(self) -> str:
        """What a form of ours carries: only who holds the cookie can know it."""
        return sha256(b"vaxdesk form\0" + self.token.encode(errors="replace")).hexdigest()

    def check_form(self) -> None:
        """Raises NotAllowed for a form that is not of our page for this browser."""
        if not hmac.compare_digest(self.form.get("csrf", "").encode(), self.csrf.encode()):
            raise NotAllowed("page.bad_form")

    def say(self, code: str, /, **params: Any) -> str:
        return say(self.language, code, **params)

    def here(self, language: Language) -> str:
        """This page in the other language; what a form brought is not in any address."""
        query = {k: v for k, v in self.request.query_params.items() if k != "lang"}
        return f"{self.request.url.path}?{urlencode({**query, 'lang': language})}"

    def page(self, template: str, status: int = 200, **more: Any) -> Response:
        """A page as HTML, with the language and the browser's token remembered."""
        text = _pages.get_template(f"{template}.html").render(
            visit=self, who=self.who, t=self.say, languages=LANGUAGES, words=say, **more
        )
        answer = Response(text, status, dict(_HEADERS), media_type="text/html; charset=utf-8")
        self.keep_language(answer)
        if self.request.cookies.get(COOKIE) != self.token:
            keep_token(answer, self.token)
        return answer

    def keep_language(self, answer: Response) -> None:
        if "lang" in self.request.query_params:
            answer.set_cookie(
                LANGUAGE_COOKIE, self.language, max_age=_A_YEAR_S, path="/", secure=True, httponly=True, samesite="lax"
            )


def visit(request: Request, form: Form) -> Visit:
    """The visit, with who is signed in."""
    pool, world = request.app.state.pages
    token, who = request.cookies.get(COOKIE, ""), None
    if token:
        with pool.transaction() as connection:
            who = staff.in_session(connection, token, world.now())
    return Visit(request, pool, world, form, token or world.random(32).hex(), _language(request), who)


Seen = Annotated[Visit, Depends(visit)]


def signed_in(seen: Visit, right: Right) -> Staff:
    """Who it is. Raises SignInFirst, NotAllowed."""
    if seen.who is None:
        raise SignInFirst
    if not seen.who.may(right):
        raise NotAllowed("page.not_allowed")
    return seen.who


def redirect(to: str) -> Response:
    return Response(status_code=303, headers={**_HEADERS, "Location": to})


def keep_token(answer: Response, token: str) -> None:
    """For this browser's session; the region forgets it by itself."""
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")


def _language(request: Request) -> Language:
    """Asked for now, chosen before, or the browser's."""
    for said in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if said == language:
                return language
    return "zh_CN" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
