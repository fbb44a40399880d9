"""Postfix submission on loopback; Dovecot's SASL says who signs in, and nothing is delivered."""

import grp
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from servers.processes import ServerProcess, free_port, is_root

PROGRAMS = Path("/usr/lib/postfix/sbin")

#: Of Postfix's own file what is needed: name, type, private, unprivileged, chroot, wake-up,
#: processes, program.
_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
discard unix - - n - - discard
retry unix - - n - - error
"""
_CONFIGURATION = """\
compatibility_level = 3.6
queue_directory = {spool}
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = {programs}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {temporary}
myhostname = localhost.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
default_transport = discard
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {directory}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sender_login_maps = regexp:{directory}/logins
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
# Refuse a sender at MAIL FROM, as Exchange does, not at RCPT TO.
smtpd_delay_reject = no
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
# A token makes the line of AUTH longer than the 2048 bytes of old.
line_length_limit = 12288
"""
_QUEUES = ("active", "corrupt", "defer", "deferred", "bounce", "incoming", "hold", "private")


def missing() -> str:
    """Say why it cannot run here; empty if it can."""
    if not (PROGRAMS / "master").exists():
        return "postfix is not installed"
    return "" if is_root() else "postfix runs as root only"


class Postfix(ServerProcess):
    """One Postfix; who signs in may send as themselves, and as nobody else."""

    name = "postfix"

    def __init__(self, *, server_pem: Path, sasl_socket: Path) -> None:
        super().__init__()
        self.port = free_port()
        self._server_pem, self._sasl_socket = server_pem, sasl_socket

    def ports(self) -> list[int]:
        return [self.port]

    def command(self) -> list[str]:
        pem = self.directory / "server.pem"
        shutil.copyfile(self._server_pem, pem)
        pem.chmod(0o600)
        self._make_spool(self.directory / "spool")
        (self.directory / "logins").write_text("/^(.*)$/ ${1}\n")
        (self.directory / "master.cf").write_text(_SERVICES.format(port=self.port))
        main = self.directory / "main.cf"
        main.write_text(
            _CONFIGURATION.format(
                directory=self.directory,
                spool=self.directory / "spool",
                programs=PROGRAMS,
                log=self.log,
                temporary=tempfile.gettempdir(),
                sasl=self._sasl_socket,
            )
        )
        os.utime(main, (1, 1))  # Postfix sleeps until its configuration is two seconds old
        # It closes every file that it might have: slow where a million are allowed.
        few_files = ("prlimit", "--nofile=1024:1024")
        return [*few_files, str(PROGRAMS / "master"), "-d", "-c", str(self.directory)]

    def _make_spool(self, spool: Path) -> None:
        owner = pwd.getpwnam("postfix").pw_uid
        group = grp.getgrnam("postdrop").gr_gid
        data = self.directory / "data"
        for path in (data, spool, spool / "pid"):
            path.mkdir()
        os.chown(data, owner, 0)
        for name in _QUEUES:
            (spool / name).mkdir(mode=0o700)
            os.chown(spool / name, owner, 0)
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            (spool / name).mkdir()
            os.chown(spool / name, owner, group)
            (spool / name).chmod(mode)
