"""The use cases of one host, put together: what hooks, commands and jobs start from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .accounts.accounts import Accounts
from .connection.checking import ConnectionTests
from .connection.self_test import SelfTest
from .entra.identity import identity_for
from .folders.mapping import Folders
from .generic.replacing import Generics
from .mail.access import Access
from .mail.adopting import Adoption
from .mail.forgetting import Forgetting
from .mail.mail import Mail
from .sign_in.app_access import AppAccess
from .sign_in.sign_in import SignIn
from .sign_in.tickets import Tickets
from .upkeep.health import Health
from .upkeep.jobs import Jobs
from .vault.renewal import Vault

if TYPE_CHECKING:
    from .context import Context
    from .entra.identity import Identity


@dataclass(frozen=True)
class UseCases:
    """One host's accounts. Made per call; what is costly is kept per process elsewhere."""

    context: Context

    @cached_property
    def accounts(self) -> Accounts:
        """What needs no network."""
        return Accounts(self.context)

    @cached_property
    def sign_in(self) -> SignIn:
        """The way to Microsoft's page and back."""
        return SignIn(self.context, self._identity)

    @cached_property
    def tickets(self) -> Tickets:
        """One-shot addresses at which that way begins."""
        return Tickets(self.context, self.sign_in)

    @cached_property
    def app_access(self) -> AppAccess:
        """Mailboxes that no person signs in to."""
        return AppAccess(self.context, self._identity)

    @cached_property
    def vault(self) -> Vault:
        """The tokens."""
        return Vault(self.context, self._identity)

    @cached_property
    def connection_tests(self) -> ConnectionTests:
        """Test Connection."""
        return ConnectionTests(self.context, self.vault)

    @cached_property
    def self_test(self) -> SelfTest:
        """The test mail to oneself."""
        return SelfTest(self.context, self.vault)

    @cached_property
    def folders(self) -> Folders:
        """Default Folder Mappings."""
        return Folders(self.context, self.vault, self.accounts.shown)

    @cached_property
    def mail(self) -> Mail:
        """Mail through the accounts."""
        return Mail(self.context, self.vault)

    @cached_property
    def access(self) -> Access:
        """Access for the host's own mail pipeline."""
        return Access(self.context, self.vault)

    @cached_property
    def adoption(self) -> Adoption:
        """The mail of a database that was moved, copied or restored."""
        return Adoption(self.context)

    @cached_property
    def forgetting(self) -> Forgetting:
        """The personal data of finished mails, deleted."""
        return Forgetting(self.context)

    @cached_property
    def generics(self) -> Generics:
        """The host's Generic accounts, replaced and put back."""
        return Generics(self.context, self.connection_tests)

    @cached_property
    def jobs(self) -> Jobs:
        """What the host's scheduler runs."""
        return Jobs(self.context, self.vault, self.mail)

    @cached_property
    def health(self) -> Health:
        """What the host's status page shows."""
        return Health(self.context)

    def _identity(self) -> Identity:
        return identity_for(self.context.settings)
