"""The ERP's own menus down to Mail Accounts: labels, addresses, and breadcrumbs over them."""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNTS = "/setup/configuration/email/mail-accounts"
#: Below it, and before the addresses of accounts, whose ids begin otherwise.
GENERIC = ACCOUNTS + "/generic"
STATUS = ACCOUNTS + "/status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One page of the menu; `help` is what its link says below the label."""

    label: str
    path: str
    help: str


MENUS = (
    Menu(label="Setup", path="/setup", help="How this ERP works for your company"),
    Menu(
        label="Configuration",
        path="/setup/configuration",
        help="Settings that hold for the whole company",
    ),
    Menu(
        label="Email",
        path="/setup/configuration/email",
        help="How mail is sent and received",
    ),
    Menu(
        label="Mail Accounts",
        path=ACCOUNTS,
        help="The mailboxes that the ERP sends from and reads",
    ),
)


def trail(path: str) -> list[Menu]:
    """Return the menus above and at `path`, outermost first."""
    return [menu for menu in MENUS if path == menu.path or path.startswith(menu.path + "/")]


def account_path(account_id: str, *rest: str) -> str:
    """Return the address of an account's page, or of one below it."""
    return "/".join((ACCOUNTS, account_id, *rest))
