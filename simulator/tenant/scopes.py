"""The scopes that the simulator knows, and whose API each belongs to."""

OUTLOOK = "https://outlook.office.com"
#: Exchange Online accepts tokens for either name of the resource
OUTLOOK_AUDIENCES = (OUTLOOK, "https://outlook.office365.com")
GRAPH = "https://graph.microsoft.com"
MAIL_SCOPES = (f"{OUTLOOK}/IMAP.AccessAsUser.All", f"{OUTLOOK}/SMTP.Send")
#: asked for along with any resource; never echoed in the granted scopes
OPENID = frozenset({"openid", "profile", "email", "offline_access"})
_NAMES = {
    OUTLOOK: {"IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send"},
    GRAPH: {"User.Read", "Mail.Send", "Mail.Send.Shared", "Mail.Read", "Mail.ReadWrite"},
}
#: what the consent page says, in the order in which it says it
MEANINGS = {
    MAIL_SCOPES[0]: ("Read and write your mail over IMAP", "IMAP.AccessAsUser.All"),
    MAIL_SCOPES[1]: ("Send mail over SMTP AUTH", "SMTP.Send"),
    "offline_access": ("Maintain access to what you have given it access to", "offline_access"),
    "openid": ("View your basic profile", "openid, profile"),
}


class UnknownScopeError(ValueError):
    """A scope that no API of the simulator has (AADSTS70011)."""


class MixedResourcesError(ValueError):
    """Scopes of two APIs in one token request (AADSTS28003)."""


def resource_scopes(scope: str) -> list[str]:
    """Return the full names of the scopes asked for, without OpenID Connect's own.

    `…/.default` stands for the mail permissions of the registration. Raises UnknownScopeError.
    """
    full: list[str] = []
    for name in scope.split():
        if name not in OPENID:
            full.extend(_expanded(name))
    return list(dict.fromkeys(full))


def _expanded(name: str) -> list[str]:
    resource, _, short = name.rpartition("/")
    resource = OUTLOOK if resource in OUTLOOK_AUDIENCES else resource or GRAPH
    if resource == OUTLOOK and short == ".default":
        return list(MAIL_SCOPES)
    if short not in _NAMES.get(resource, ()):
        raise UnknownScopeError(name)
    return [f"{resource}/{short}"]


def audience_of(scopes: list[str]) -> str:
    """Return the one resource that a token for these scopes is for.

    Raises MixedResourcesError; without any scope the token is for Graph, as at Entra.
    """
    resources = {scope.rpartition("/")[0] for scope in scopes}
    if len(resources) > 1:
        raise MixedResourcesError(" ".join(sorted(resources)))
    return resources.pop() if resources else GRAPH


def meanings(scope: str) -> list[tuple[str, str]]:
    """Return what a consent page lists for a scope parameter: a sentence and a name each."""
    asked = [*resource_scopes(scope), *(name for name in scope.split() if name in OPENID)]
    known = [MEANINGS[name] for name in MEANINGS if name in asked]
    other = [name for name in asked if name not in MEANINGS and name not in OPENID]
    return [*((name, name) for name in other), *known]
