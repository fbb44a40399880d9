"""The registration and the places: tenant, client, hosts, database, keys. Checked once, as a whole.

`load_settings` takes plain strings under the names below; reading environment and ini file is
`plugin.settings`' job.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

CLOUDS = ("worldwide", "gcc_high", "dod", "china")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
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
    http_timeout: float = 10.0
    mail_timeout: float = 20.0

    @property
    def redirect_uri(self) -> str:
        """The callback's address, as it must be registered in Entra under platform Web."""
        return self.base_url + self.callback_path


class _KeyRing(fields.Field[tuple[Key, ...]]):
    """``id:base64`` pairs, newest first, separated by commas or white space."""

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Any,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[Key, ...]:
        # No part of the value may stand in a message: it is a secret.
        keys = tuple(
            self._key(pair, number)
            for number, pair in enumerate(re.split(r"[,\s]+", str(value).strip()), 1)
        )
        if len({key.id for key in keys}) != len(keys):
            msg = "Two keys have the same id. Give each its own."
            raise ValidationError(msg)
        return keys

    @staticmethod
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


class _Domains(fields.Field[tuple[str, ...]]):
    """Mail domains, separated by commas or white space; case does not matter."""

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Any,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[str, ...]:
        names = [name.removeprefix("@") for name in re.split(r"[,\s]+", str(value)) if name]
        for name in names:
            if "." not in name or not _TENANT.fullmatch(name):
                msg = f"“{name}” is not a domain like contoso.com."
                raise ValidationError(msg)
        return tuple(dict.fromkeys(name.casefold() for name in names))


class _Endpoint(fields.Field[Endpoint]):
    """``host`` or ``host:port``."""

    def __init__(self, *, port: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.port = port

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Any,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Endpoint:
        host, colon, port = str(value).strip().partition(":")
        if not _TENANT.fullmatch(host) or (
            colon and not (port.isdigit() and 0 < int(port) < 65536)
        ):
            msg = "This is not host or host:port."
            raise ValidationError(msg)
        return Endpoint(host=host, port=int(port) if port else self.port)


class _Url(fields.String):
    """An https address without path, query or fragment; http is possible on loopback only."""

    def __init__(self, *, loopback_http: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.loopback_http = loopback_http

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip().rstrip("/")
        try:
            parts = urlsplit(text)
        except ValueError:  # such as https://[::1
            parts = urlsplit("")
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            msg = "This is not an address like https://erp.example.com."
            raise ValidationError(msg)
        plain = self.loopback_http and parts.scheme == "http" and parts.hostname in _LOOPBACK
        if parts.scheme != "https" and not plain:
            msg = "The address must begin with https:// (http:// is possible on localhost only)."
            raise ValidationError(msg)
        return text


def _file_problem(path: str) -> str | None:
    # A pasted key must stand in no message, and is too long for a path (OSError).
    if "-----BEGIN" in path or "\n" in path:
        return "Give the path of a PEM file, not its text."
    try:
        return None if Path(path).is_file() else f"There is no file {path}."
    except OSError as err:
        return f"This file cannot be read: {err.strerror}."


class SettingsSchema(Schema):
    """Checks every setting, so that all wrong ones are named at once."""

    tenant = fields.String(required=True)
    client_id = fields.String(required=True, validate=validate.Length(min=1, max=200))
    client_secret = fields.String(validate=validate.Length(min=1))
    client_secret_expires = fields.Date()
    client_certificate = fields.String(validate=validate.Length(min=1))
    cloud = fields.String(load_default="worldwide", validate=validate.OneOf(CLOUDS))
    base_url = _Url(loopback_http=True, required=True)
    callback_path = fields.String(
        load_default="/mail/m365/callback",
        validate=validate.Regexp(
            r"/[A-Za-z0-9._~/-]*\Z", error="This is not a path like /mail/callback."
        ),
    )
    mail_domains = _Domains()
    database_url = fields.String(required=True, validate=validate.Length(min=1))
    key_ring = _KeyRing(required=True)
    authority = _Url()
    resource = _Url()
    imap = _Endpoint(port=993)
    smtp = _Endpoint(port=587)
    ca_file = fields.String(validate=validate.Length(min=1))
    proxy = fields.String(
        validate=validate.Regexp(
            r"https?://\S+\Z", error="This is not an address like http://proxy:3128."
        )
    )
    http_timeout = fields.Float(load_default=10.0, validate=validate.Range(0.1, 60))
    mail_timeout = fields.Float(load_default=20.0, validate=validate.Range(0.1, 300))

    @validates_schema(skip_on_field_errors=False)
    def _check_together(self, data: dict[str, Any], **_: Any) -> None:
        errors: dict[str, str] = {}
        tenant = data.get("tenant", "organizations")
        if tenant.casefold() in {"common", "consumers"}:
            errors["tenant"] = (
                "This plugin serves corporate accounts: give the tenant's id or domain, or"
                " organizations."
            )
        elif not _TENANT.fullmatch(tenant):
            errors["tenant"] = "This is not a tenant's id or domain."
        if ("client_secret" in data) == ("client_certificate" in data):
            errors["client_secret"] = "Give either client_secret or client_certificate."  # noqa: S105 - a message
        for name in ("client_certificate", "ca_file"):
            if name in data and (problem := _file_problem(data[name])):
                errors[name] = problem
        if errors:
            raise ValidationError({name: [text] for name, text in errors.items()})

    @post_load
    def _to_settings(self, data: dict[str, Any], **_: Any) -> Settings:
        for name in {"client_certificate", "ca_file"} & data.keys():
            data[name] = Path(data[name])
        return Settings(**data)


def load_settings(values: Mapping[str, Any]) -> Settings:
    """Load settings from plain values; raise ``ValidationError`` naming every wrong one."""
    loaded: Settings = SettingsSchema().load(dict(values))
    return loaded
