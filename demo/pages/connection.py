"""Test Connection: stage by stage for the script, or as one wait without it."""

from __future__ import annotations

import json
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from ...plugin.errors import M365Error, NoSuchAccountError
from ...schemas.plain import to_plain
from .accounts import view_of
from .drawing import PROTOCOLS, STATUSES, duration
from .menus import account_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...schemas.report import Stage
    from .visit import Visit

log = logging.getLogger(__name__)
LINES = "application/x-ndjson"


def test_connection(visit: Visit) -> Response:
    """Run the test. The report is stored with the account; its page shows it."""
    if visit.request.headers.get("accept") == LINES:
        view_of(visit)  # what is refused is refused before the answer begins
        return StreamingResponse(_lines(visit), media_type=LINES)
    _test(visit, None)
    return visit.go(account_path(visit.account_id) + "#connection")


def _test(visit: Visit, progress: Callable[[Stage], None] | None) -> None:
    report = visit.hook.salesorder_test_connection(
        host=visit.host, account_id=visit.account_id, worker=visit.worker, progress=progress
    )
    if report is None:
        raise NoSuchAccountError(visit.account_id)


def _lines(visit: Visit) -> Iterator[bytes]:
    """Yield one JSON line per stage as it starts and ends, and a last one when all is stored."""
    stages: queue.SimpleQueue[Stage | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            _test(visit, stages.put)
        except M365Error as err:
            visit.notice(str(err), tone="bad")
        except Exception:
            log.exception("testing %s", visit.account_id)
            visit.notice("The test broke off. The ERP's log says why.", tone="bad")
        finally:
            stages.put(None)

    # A daemon: a server that is told to stop does not wait for a slow mail server.
    threading.Thread(target=run, name="test-connection", daemon=True).start()
    for stage in iter(stages.get, None):
        yield _line(_shown(stage))
    yield _line({"done": True})


def _shown(stage: Stage) -> dict[str, Any]:
    return {
        **to_plain(stage),
        "heading": PROTOCOLS.get(stage.protocol, stage.protocol),
        "word": STATUSES[stage.status],
        "time": "" if stage.seconds is None else duration(stage.seconds),
    }


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
