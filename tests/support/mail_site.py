"""A host behind the routes of `web`; workers stand in the environ, as sessions would.

A test may replace each of the three functions that a host brings.
"""

from urllib.parse import urlencode

from salesorder_m365.web import create_app
from support.erp import WORKER
from support.wsgi import Visitor

MAILBOX = "sales@contoso.test"


class Site:
    """A host behind the routes, with `arrived` as a test sets it."""

    def __init__(self, erp):
        self.erp = erp
        self.host_of = lambda environ: self.erp
        self.worker_of = lambda environ: environ.get("erp.worker")
        self.arrived = lambda environ, outcome: None
        self.app = create_app(*map(self._current, ("host_of", "worker_of", "arrived")))

    def _current(self, name):
        def call(*given):
            return getattr(self, name)(*given)

        return call

    def visitor(self, worker=WORKER):
        return Visitor(self.app, worker)

    def ticket(self, account_id=None, worker=WORKER, purpose="login", return_to="/mail/1"):
        return self.erp.hook.salesorder_login_ticket(
            host=self.erp,
            account_id=account_id or self.erp.save().id,
            worker=worker,
            return_to=return_to,
            purpose=purpose,
        )

    def left(self, visitor, **ticket):
        """Open a new ticket; return Microsoft's address."""
        answer = visitor.open(self.ticket(**ticket))
        assert answer.status == 303, answer.text
        return answer["Location"]


def callback(query, path="/oauth/callback"):
    return f"{path}?{urlencode(query)}"
