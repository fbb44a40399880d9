"""The routes that every host needs, as one WSGI application: a ticket's address and the callback.

It needs the standard library alone, so it can be mounted under Django, Flask, Tryton, Werkzeug or,
with a2wsgi, Starlette. Which host and worker a request belongs to, the host says.
"""

from .answers import Answer, HostsPage
from .app import MailRoutes, create_app

__all__ = ["Answer", "HostsPage", "MailRoutes", "create_app"]
