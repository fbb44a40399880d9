"""What a check saw: stages, and findings with a remedy and who must act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Actor(StrEnum):
    """Who must act on a finding."""

    WORKER = "worker"
    M365_ADMIN = "m365_administrator"
    ERP_ADMIN = "erp_administrator"
    NOBODY = "nobody"


class StageStatus(StrEnum):
    """How far a stage came. ``running`` is only ever given to `progress`, never in a report.

    ``accepted`` is a yes of the server's that does not prove that it works; `Stage.detail` says
    why, and how to check it.
    """

    RUNNING = "running"
    PASSED = "passed"
    ACCEPTED = "accepted"
    FAILED = "failed"
    NOT_TRIED = "not_tried"


#: Under this label `Finding.links` has the page where the tenant's administrator consents, if that
#: helps. It may be sent to anybody; ``salesorder_consent_begin`` gives the one for this browser.
CONSENT_LABEL = "Consent page for the Microsoft 365 administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An e-mail to the administrator who must act, ready to be sent by the worker. Plain text.

    `mailto` is an address (RFC 6068) that opens it in a mail program, shortened if it is long.
    """

    subject: str
    text: str
    mailto: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check saw. Texts come from the catalogue under `code`; plain text, no HTML.

    `server_words` is what the server said, redacted and cut to one printable line.
    `references` holds ids to quote to Microsoft's support (trace id, correlation id).
    `links` maps a label to an https address. `letter` is there if an administrator must act.
    `step_actors` says who takes each of the `steps`: a page shows its reader's by `steps_of`.
    """

    code: str
    title: str
    what: str
    cause: str
    steps: tuple[str, ...]
    actor: Actor
    retry: bool = False
    server_words: str = ""
    commands: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    letter: Letter | None = None
    step_actors: tuple[Actor, ...] = ()

    def steps_of(self, *actors: Actor) -> tuple[str, ...]:
        """Return the steps that one of `actors` takes; all of them where that is not known."""
        if len(self.step_actors) != len(self.steps):
            return self.steps
        pairs = zip(self.steps, self.step_actors, strict=True)
        return tuple(step for step, actor in pairs if actor in actors)

    def as_text(self) -> str:
        """Return all of it but the letter as plain text: for a terminal, a log, an e-mail."""
        return "\n".join(_finding_lines(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: `protocol` is ``token``, ``imap`` or ``smtp``; `seconds` is None if not tried."""

    protocol: str
    name: str
    label: str
    status: StageStatus
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionReport:
    """The result of Test Connection. `seconds` is wall time; stages are in order.

    `passed` means that no stage failed; what was accepted without a proof is in `unproved`.
    """

    account_id: str
    started_at: datetime
    seconds: float
    passed: bool
    mailbox: str
    signed_in_as: str
    sender: str
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...]

    @property
    def unproved(self) -> tuple[Stage, ...]:
        """The stages that were accepted, not proved: for example to send as a shared mailbox."""
        return tuple(stage for stage in self.stages if stage.status is StageStatus.ACCEPTED)

    def as_text(self) -> str:
        """Return all of it as plain text: one line for each stage, then the findings."""
        who = f"{self.mailbox}, signed in as {self.signed_in_as}, sending as {self.sender}"
        stages = "\n".join(map(_stage_line, self.stages))
        return "\n\n".join((who, stages, *(found.as_text() for found in self.findings)))


def _stage_line(stage: Stage) -> str:
    seconds = "" if stage.seconds is None else f" ({stage.seconds:.1f} s)"
    detail = f" {stage.detail}" if stage.detail else ""
    accepted = stage.status is StageStatus.ACCEPTED
    status = "accepted, not proved" if accepted else stage.status.replace("_", " ")
    return f"{stage.protocol}: {stage.label}: {status}{seconds}{detail}"


def _finding_lines(found: Finding) -> Iterator[str]:
    yield from filter(None, (found.title, found.what, found.cause))
    if found.server_words:
        yield f"The server said: {found.server_words}"
    yield from (f"{number}. {step}" for number, step in enumerate(found.steps, 1))
    yield from found.commands
    yield from (f"{label}: {address}" for label, address in found.links.items())
    yield from (f"{name}: {value}" for name, value in found.references.items())
