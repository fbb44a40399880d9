"""Dovecot 2.3 on loopback: IMAP, submission, and the sign-in (SASL) that Postfix asks.

XOAUTH2 tokens are verified by their signature alone, with the simulator's public key.
"""

import getpass
import grp
import os
import pwd
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from servers.processes import ServerProcess, free_port, is_root

BINARY = Path("/usr/sbin/dovecot")
SUBMISSION = Path("/usr/lib/dovecot/submission")

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {log}
protocols = imap submission
listen = 127.0.0.1
hostname = localhost
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = required
ssl_cert = <{directory}/server.pem
ssl_key = <{directory}/server.pem
auth_mechanisms = xoauth2
auth_failure_delay = 0
mail_max_userip_connections = 100
mail_location = maildir:~/Maildir
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {directory}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={directory}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Sent Items" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox "Deleted Items" {{
    special_use = \\Trash
    auto = create
  }}
  mailbox "Junk Email" {{
    special_use = \\Junk
    auto = create
  }}
  mailbox Archive {{
    special_use = \\Archive
    auto = create
  }}
}}
# A failed sign-in would delay the next ones from this address by 15 seconds in the end.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {directory}/sasl {{
    mode = 0666
  }}
}}
service imap-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap_port}
    ssl = yes
  }}
}}
service submission-login {{
  service_count = 0
  inet_listener submission {{
    port = {submission_port}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
submission_relay_trusted = yes
"""
#: Without root nobody may change the root directory.
_UNPRIVILEGED = "".join(
    f"service {service} {{\n  chroot =\n}}\n"
    for service in ("anvil", "imap-login", "submission-login", "stats")
)
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={keys}/
username_attribute = upn
username_format = %Lu
issuers = {issuer}
"""


@cache
def missing() -> str:
    """Say why it cannot run here; empty if it can."""
    if not (BINARY.exists() and SUBMISSION.exists()):
        return "dovecot is not installed"
    version = subprocess.run(
        [BINARY, "--version"], capture_output=True, text=True, timeout=10, check=True
    ).stdout
    # 2.4 reads another language of configuration.
    return "" if re.match(r"2\.3\.", version) else f"dovecot 2.3 is needed, this is {version}"


class Dovecot(ServerProcess):
    """One Dovecot; as root with the package's own users, else all as the one who starts it."""

    name = "dovecot"

    def __init__(self, *, server_pem: Path, public_key: str, issuer: str, relay_port: int) -> None:
        super().__init__()
        self.imap_port, self.submission_port = free_port(), free_port()
        self.sasl_socket = self.directory / "sasl"
        self._server_pem, self._public_key = server_pem, public_key
        self._issuer, self._relay_port = issuer, relay_port

    def ports(self) -> list[int]:
        return [self.imap_port, self.submission_port]

    def command(self) -> list[str]:
        pem = self.directory / "server.pem"
        shutil.copyfile(self._server_pem, pem)
        pem.chmod(0o600)
        self._write_keys()
        mail = self.directory / "mail"
        mail.mkdir()
        owner = pwd.getpwnam("nobody") if is_root() else pwd.getpwuid(os.geteuid())
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        path = self.directory / "dovecot.conf"
        path.write_text(self._configuration(owner) + ("" if is_root() else _UNPRIVILEGED))
        return [str(BINARY), "-F", "-c", str(path)]

    def _configuration(self, owner: pwd.struct_passwd) -> str:
        me = getpass.getuser()
        internal, login = ("dovecot", "dovenull") if is_root() else (me, me)
        return _CONFIGURATION.format(
            directory=self.directory,
            log=self.log,
            internal=internal,
            login=login,
            group=internal if is_root() else grp.getgrgid(os.getegid()).gr_name,
            mail_uid=owner.pw_uid,
            mail_gid=owner.pw_gid,
            imap_port=self.imap_port,
            submission_port=self.submission_port,
            relay_port=self._relay_port,
        )

    def _write_keys(self) -> None:
        """Put the key where it is looked for: by authorized party, algorithm and key id."""
        keys = self.directory / "keys"
        place = keys / "default" / "RS256"
        place.mkdir(parents=True)
        (place / "simulator-1").write_text(self._public_key)
        oauth2 = _OAUTH2.format(keys=keys, issuer=self._issuer)
        (self.directory / "oauth2.conf").write_text(oauth2)
