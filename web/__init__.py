"""The routes that every host needs, as one WSGI application: a ticket's address and the callback.

It needs the standard library alone, so it can be mounted under Django, Flask, Tryton, Werkzeug or,
with a2wsgi, Starlette. Which host and worker a request belongs to, the host says.
"""

from ..plugin.settings.routes import Routes, routes
from .answers import Answer, HostsPage
from .app import Environ, MailRoutes, create_app

__all__ = ["Answer", "Environ", "HostsPage", "MailRoutes", "Routes", "create_app", "routes"]
