"""Who sits at the browser: password page, picker of accounts, and the cookie between visits.

Pages carry a short-lived signed ticket from one to the next, so the server keeps no sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from starlette.requests import Request
from starlette.responses import Response

from ..pages import page
from ..tenant.people import PASSWORD, Person
from .entra import Entra

COOKIE = "simulator_accounts"
_TICKET_SECONDS = 600
_MESSAGES = {
    50034: "This username may be incorrect. Make sure that you typed it correctly.",
    50057: "Nobody signs in to this mailbox: it is shared. Sign in as one of its delegates.",
    50126: "Your account or password is incorrect.",
}


@dataclass(frozen=True)
class Visitor:
    """Somebody who has signed in, and the ticket that proves it to the next page."""

    person: Person
    ticket: str


class SignIn:
    """Finds out who the visitor is, asking as often as it takes."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    def visitor(
        self, request: Request, form: Mapping[str, str], *, hint: str = "", prompt: str = ""
    ) -> Visitor | Response:
        """Return who signed in, or the page that asks."""
        step = form.get("step", "")
        if "ticket" in form:
            return self._by_ticket(form["ticket"])
        if step == "sign_in":
            return self._by_password(form)
        known = self._known(request)
        if step == "pick":
            return self._picked(form.get("account", ""), known)
        if step == "other" or prompt == "login":
            return self._ask("" if step == "other" else hint, known)
        return self._arriving(known, hint, prompt)

    def _arriving(self, known: list[str], hint: str, prompt: str) -> Visitor | Response:
        if prompt == "select_account" and known:
            return page("pick_account", accounts=[self._entra.tenant.people[a] for a in known])
        if prompt != "select_account" and hint.lower() in known:
            return self._pass(self._entra.tenant.people[hint.lower()])
        if prompt != "select_account" and not hint and len(known) == 1:
            return self._pass(self._entra.tenant.people[known[0]])
        if known and not hint:
            return page("pick_account", accounts=[self._entra.tenant.people[a] for a in known])
        return self._ask(hint, known)

    def signed_in_silently(self, request: Request, hint: str) -> Visitor | None:
        """Return the visitor without any page, for `prompt=none`."""
        found = self._arriving(self._known(request), hint, "")
        return found if isinstance(found, Visitor) else None

    def remember(self, request: Request, response: Response, visitor: Visitor) -> Response:
        """Let this browser's next sign-in offer the account."""
        accounts = list(dict.fromkeys([*self._known(request), visitor.person.address]))
        value = self._entra.issuer.key.sign_internal("accounts", 86400, {"accounts": accounts})
        response.set_cookie(COOKIE, value, httponly=True, samesite="lax")
        return response

    def _known(self, request: Request) -> list[str]:
        try:
            cookie = request.cookies.get(COOKIE, "")
            accounts = self._entra.issuer.key.read_internal("accounts", cookie)["accounts"]
        except jwt.PyJWTError:
            return []
        return [str(account) for account in accounts if account in self._entra.tenant.people]

    def _by_ticket(self, ticket: str) -> Visitor | Response:
        try:
            user = self._entra.issuer.key.read_internal("ticket", ticket)["user"]
        except jwt.PyJWTError:
            return self._ask("", [], "This page was open for too long. Sign in again.")
        return Visitor(self._entra.tenant.people[user], ticket)

    def _by_password(self, form: Mapping[str, str]) -> Visitor | Response:
        username = form.get("username", "")
        found = self._entra.tenant.signs_in(username, form.get("password", ""))
        if isinstance(found, Person):
            return self._pass(found)
        return self._ask(username, [], f"{_MESSAGES[found]} (AADSTS{found})")

    def _picked(self, account: str, known: list[str]) -> Visitor | Response:
        if account in known:
            return self._pass(self._entra.tenant.people[account])
        return self._ask(account, known)

    def _pass(self, person: Person) -> Visitor:
        claims = {"user": person.address}
        key = self._entra.issuer.key
        return Visitor(person, key.sign_internal("ticket", _TICKET_SECONDS, claims))

    def _ask(self, username: str, known: list[str], message: str = "") -> Response:
        people = [p for p in self._entra.tenant.people.values() if p.signs_in]
        return page(
            "sign_in",
            username=username,
            message=message,
            people=people,
            password=PASSWORD,
            picker=bool(known) or bool(username),
        )
