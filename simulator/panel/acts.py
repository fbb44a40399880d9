"""What panel and API do to the tenant and its servers, one method for each act."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..identity.faults import Faults
from ..mail.smtp.faults import SmtpFaults, read_fault
from ..tenant import headers
from ..tenant.people import Person
from ..tenant.reports import Outcome, read_outcome
from ..tenant.tenant import Tenant
from .values import PanelError, Values, mailbox, message, optional, text

Act = Callable[[Values], Awaitable[dict[str, Any]]]
_MOST_PEOPLE = 10_000


class Acts:
    """The acts by name. Each takes plain values and returns plain JSON. Raises PanelError."""

    def __init__(
        self,
        tenant: Tenant,
        token_faults: Faults,
        smtp_faults: SmtpFaults,
        reset: Callable[[], Awaitable[None]],
    ) -> None:
        self.tenant = tenant
        self.smtp_faults = smtp_faults
        self._token_faults = token_faults
        self._reset_all = reset
        self.by_name: dict[str, Act] = {
            "policies": self._policies,
            "reset": self._reset,
            "revoke": self._revoke,
            "withdraw": self._withdraw,
            "people": self._people,
            "folders/create": self._create,
            "folders/rename": self._rename,
            "folders/delete": self._delete,
            "folders/renew": self._renew,
            "deliver": self._deliver,
            "reply": self._reply,
            "report": self._report,
            "faults/smtp": self._script,
            "faults/clear": self._clear,
        }

    async def _policies(self, values: Values) -> dict[str, Any]:
        try:
            self.tenant.policies.change(dict(values))
        except ValueError as err:
            raise PanelError(str(err)) from err
        # What waits for a server outside goes on where the switch no longer holds it.
        self.tenant.transport.retry()
        return self.tenant.policies.to_json()

    async def _reset(self, _values: Values) -> dict[str, Any]:
        await self._reset_all()
        return {"reset": True}

    async def _revoke(self, values: Values) -> dict[str, Any]:
        user = mailbox(self.tenant, values, "user")
        self.tenant.revoke_grants(user)
        return {"revoked": user}

    async def _withdraw(self, values: Values) -> dict[str, Any]:
        user = mailbox(self.tenant, values, "user") if values.get("user") else None
        self.tenant.withdraw_consent(user)
        return {"withdrawn": user}

    async def _people(self, values: Values) -> dict[str, Any]:
        """Add so many people with mailboxes `box0001@…`, for fleets."""
        count = values.get("count")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST_PEOPLE:
            raise PanelError(f"'count' must be a number up to {_MOST_PEOPLE}")
        domain = self.tenant.domain
        names = [f"box{number:04}" for number in range(1, count + 1)]
        self.tenant.add_people(Person(f"{name}@{domain}", name.capitalize()) for name in names)
        return {"people": len(self.tenant.people)}

    async def _create(self, values: Values) -> dict[str, Any]:
        whose, path = mailbox(self.tenant, values, "mailbox"), text(values, "path")
        return await self._folders(whose, self.tenant.mailboxes.create_folder(whose, path))

    async def _delete(self, values: Values) -> dict[str, Any]:
        whose, path = mailbox(self.tenant, values, "mailbox"), text(values, "path")
        return await self._folders(whose, self.tenant.mailboxes.delete_folder(whose, path))

    async def _rename(self, values: Values) -> dict[str, Any]:
        whose, path = mailbox(self.tenant, values, "mailbox"), text(values, "path")
        rename = self.tenant.mailboxes.rename_folder(whose, path, text(values, "new"))
        return await self._folders(whose, rename)

    async def _renew(self, values: Values) -> dict[str, Any]:
        whose, path = mailbox(self.tenant, values, "mailbox"), text(values, "path")
        return await self._folders(whose, self.tenant.mailboxes.renew_uid_validity(whose, path))

    async def _folders(self, whose: str, change: Awaitable[None]) -> dict[str, Any]:
        try:
            await change
        except KeyError as err:
            raise PanelError(f"There is no folder {err.args[0]!r} to change in {whose}") from err
        except ValueError as err:
            raise PanelError(f"The folder {err.args[0]!r} exists already in {whose}") from err
        return {"folders": await self.tenant.mailboxes.folders(whose)}

    async def _deliver(self, values: Values) -> dict[str, Any]:
        """Put a message into a folder as it is, or let it arrive in the inbox."""
        whose = mailbox(self.tenant, values, "mailbox")
        content = headers.completed(message(values, whose))
        folder = optional(values, "folder")
        try:
            if folder is None:
                sender = next(iter(headers.addresses(content, "From")), "")
                await self.tenant.transport.arrive(whose, content, sender)
            else:
                await self.tenant.mailboxes.deliver(whose, content, folder)
        except KeyError as err:
            raise PanelError(f"There is no folder {folder!r} in {whose}") from err
        return {"message_id": headers.value(content, "Message-ID")}

    async def _reply(self, values: Values) -> dict[str, Any]:
        message_id = text(values, "message_id")
        try:
            said = await self.tenant.customers.reply(
                message_id,
                text(values, "text"),
                sender=optional(values, "sender"),
                automatic=bool(values.get("automatic")),
            )
        except KeyError as err:
            raise PanelError(f"Nobody outside got the message {message_id}") from err
        return {"message_id": headers.value(said, "Message-ID")}

    async def _report(self, values: Values) -> dict[str, Any]:
        message_id, recipient = text(values, "message_id"), text(values, "recipient")
        try:
            outcome: Outcome = read_outcome(
                values.get("action", "failed"), recipient, text(values, "words")
            )
            await self.tenant.customers.report(message_id, outcome)
        except ValueError as err:
            raise PanelError(str(err)) from err
        except KeyError as err:
            raise PanelError(f"The message {message_id} was not submitted") from err
        return {"reported": message_id}

    async def _script(self, values: Values) -> dict[str, Any]:
        try:
            self.smtp_faults.add(read_fault(dict(values)))
        except ValueError as err:
            raise PanelError(str(err)) from err
        return {"waiting": self.smtp_faults.to_json()}

    async def _clear(self, _values: Values) -> dict[str, Any]:
        self.smtp_faults.clear()
        self._token_faults.clear()
        return {"waiting": []}
