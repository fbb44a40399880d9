"""The registration and the servers: tenant, client, hosts, database, keys. Checked as a whole.

`load_settings` takes plain strings under the names below. `spelling` and `addresses` check single
values; `plugin.settings` reads environment and ini file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from .addresses import callback_path, database_url, own_address, proxy, server_address
from .mail_settings import ON_UNCERTAIN, MailSettings, MailTimes
from .spelling import (
    client_secret,
    day,
    guid,
    mail_domains,
    one_line,
    seconds,
    server,
    tenant,
    token,
    trimmed,
    whole,
)

CLOUDS = ("worldwide", "gcc_high", "dod", "china")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the ring: 32 bytes for AES-256-GCM; its id stands in each sealed value."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A mail server: `host` is also the name that its certificate must carry."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the plugin must be told. Times are in seconds. The first key writes, all read.

    `imap`, `smtp`, `authority` and `resource` are None where the cloud's own are to be used.
    """

    tenant: str
    client_id: str
    base_url: str
    database_url: str = field(repr=False)
    key_ring: tuple[Key, ...] = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    client_secret_expires: date | None = None
    client_certificate: Path | None = None
    cloud: str = "worldwide"
    callback_path: str = "/mail/m365/callback"
    mail_domains: tuple[str, ...] = ()
    authority: str | None = None
    resource: str | None = None
    imap: Endpoint | None = None
    smtp: Endpoint | None = None
    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    #: Seconds after which an unused database connection is closed.
    database_idle: float = 30.0
    http_timeout: float = 10.0
    mail_timeout: float = 20.0
    mail: MailSettings = field(default_factory=MailSettings)

    @property
    def redirect_uri(self) -> str:
        """The callback's address, as it must be registered in Entra under platform Web."""
        return self.base_url + self.callback_path


def _key_ring(value: Any) -> tuple[Key, ...]:
    """Return the keys of ``id:base64`` pairs, newest first, separated by commas or white space."""
    # No part of the value may stand in a message: it is a secret.
    pairs = re.split(r"[,\s]+", trimmed(value))
    keys = tuple(_key(pair, number) for number, pair in enumerate(pairs, 1))
    if len({key.id for key in keys}) != len(keys):
        raise ValidationError("Two keys have the same id. Give each its own.")
    return keys


def _key(pair: str, number: int) -> Key:
    key_id, colon, encoded = pair.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        msg = f"Key {number} is not of the form id:base64. Make one: salesorder-m365 keys new"
        raise ValidationError(msg)
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        msg = f"Key {number} ({key_id}) is not base64. Copy it again, whole."
        raise ValidationError(msg) from None
    if len(secret) != 32:
        msg = f"Key {number} ({key_id}) has {len(secret)} bytes; AES-256 needs 32."
        raise ValidationError(msg)
    return Key(id=key_id, secret=secret)


def _endpoint(value: Any, default_port: int) -> Endpoint:
    host, port = server(value, default_port)
    return Endpoint(host=host, port=port)


def _cloud(value: Any) -> str:
    text = token(value)
    if text not in CLOUDS:
        raise ValidationError(f"Must be one of: {', '.join(CLOUDS)}.")
    return text


def _file(value: Any) -> Path:
    if isinstance(value, Path):
        value = str(value)
    # A pasted key must stand in no message, and is too long for a path (OSError).
    if "-----BEGIN" in str(value):
        raise ValidationError("Give the path of a PEM file, not its text.")
    path = Path(one_line(value))
    try:
        there = path.is_file()
    except OSError as err:
        raise ValidationError(f"This file cannot be read: {err.strerror}.") from None
    if not there:
        raise ValidationError(f"There is no file {path}.")
    return path


def _on_uncertain(value: Any) -> str:
    text = token(value)
    if text not in ON_UNCERTAIN:
        raise ValidationError(f"Must be one of: {', '.join(ON_UNCERTAIN)}.")
    return text


def _mail_settings(data: dict[str, Any]) -> MailSettings:
    """Take the settings of mail out of `data`."""
    hours, days = data.pop("mail_give_up_hours"), data.pop("mail_hold_days")
    return MailSettings(
        connections=data.pop("mail_connections"),
        messages_per_minute=data.pop("mail_messages_per_minute"),
        recipients_per_day=data.pop("mail_recipients_per_day"),
        recipients_per_message=data.pop("mail_recipients_per_message"),
        max_bytes=data.pop("mail_max_megabytes") * 1024 * 1024,
        on_uncertain=data.pop("on_uncertain"),
        outbox_keep_days=data.pop("outbox_keep_days"),
        default_account=data.pop("default_account", None),
        times=MailTimes(give_up=hours * 3600.0, hold=days * 86400.0),
    )


def _setting(deserialize: Callable[[Any], Any], **kwargs: Any) -> fields.Function:
    return fields.Function(deserialize=deserialize, **kwargs)


class SettingsSchema(Schema):
    """Checks every setting, so that all wrong ones are named at once."""

    tenant = _setting(tenant, required=True)
    client_id = _setting(guid, required=True)
    client_secret = _setting(client_secret)
    client_secret_expires = _setting(day)
    client_certificate = _setting(_file)
    cloud = _setting(_cloud, load_default="worldwide")
    base_url = _setting(own_address, required=True)
    callback_path = _setting(callback_path, load_default="/mail/m365/callback")
    mail_domains = _setting(mail_domains)
    database_url = _setting(database_url, required=True)
    key_ring = _setting(_key_ring, required=True)
    authority = _setting(server_address)
    resource = _setting(server_address)
    imap = _setting(partial(_endpoint, default_port=993))
    smtp = _setting(partial(_endpoint, default_port=587))
    ca_file = _setting(_file)
    proxy = _setting(proxy)
    database_idle = _setting(partial(seconds, least=1, most=86400), load_default=30.0)
    http_timeout = _setting(partial(seconds, least=0.1, most=60), load_default=10.0)
    mail_timeout = _setting(partial(seconds, least=0.1, most=300), load_default=20.0)
    default_account = _setting(one_line)
    mail_connections = _setting(partial(whole, least=1, most=3), load_default=2)
    mail_messages_per_minute = _setting(partial(whole, least=1, most=100_000), load_default=28)
    mail_recipients_per_day = _setting(partial(whole, least=1, most=1_000_000), load_default=10_000)
    mail_recipients_per_message = _setting(partial(whole, least=1, most=1000), load_default=500)
    mail_max_megabytes = _setting(partial(whole, least=1, most=150), load_default=35)
    mail_give_up_hours = _setting(partial(whole, least=1, most=24 * 30), load_default=24)
    mail_hold_days = _setting(partial(whole, least=1, most=30), load_default=3)
    outbox_keep_days = _setting(partial(whole, least=0, most=3650), load_default=0)
    on_uncertain = _setting(_on_uncertain, load_default="by_evidence")

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check_together(
        self,
        data: dict[str, Any],
        given: Mapping[str, Any],
        **_: Any,
    ) -> None:
        if ("client_secret" in given) == ("client_certificate" in given):
            text = "Give either client_secret or client_certificate."
            raise ValidationError({"client_secret": [text]})
        if "tenant" in data and data["tenant"] == data.get("client_id"):
            text = "This is the Application (client) ID. Give the Directory (tenant) ID."
            raise ValidationError({"tenant": [text]})

    @post_load
    def _to_settings(self, data: dict[str, Any], **_: Any) -> Settings:
        return Settings(mail=_mail_settings(data), **data)


def load_settings(values: Mapping[str, Any]) -> Settings:
    """Load settings from plain values; raise ``ValidationError`` naming every wrong one."""
    loaded: Settings = SettingsSchema().load(dict(values))
    return loaded
