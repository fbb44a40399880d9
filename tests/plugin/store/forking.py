"""Forks children while threads work in SQLite: ``python forking.py URL COUNT [ungated]``.

It prints how many of them did not end within five seconds. `ungated` lets them fork at any moment.
"""

import os
import signal
import sys
import threading
import time

from salesorder_m365.plugin.store import forks
from salesorder_m365.plugin.store.engines import engine_for, reading
from sqlalchemy import text

#: Much memory is taken and given back, each time under a lock of the process.
QUERY = text("""
    WITH RECURSIVE rows(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM rows LIMIT 5000)
    SELECT hex(randomblob(50)) || x FROM rows ORDER BY 1
""")


def work(url, ended):
    """Read until the end."""
    engine = engine_for("contoso", url)
    while not ended.is_set():
        with reading(engine) as connection:
            connection.execute(QUERY).all()


def child(url):
    """What a forked worker does first."""
    with reading(engine_for("contoso", url)) as connection:
        connection.execute(text("SELECT count(*) FROM m365_account"))


def hangs(pid):
    """Return whether a child is still there after five seconds; end it then."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def main(url, count, *ungated):
    if ungated:
        forks._PATIENCE = 0.0
    engine_for("contoso", url)
    ended, hung = threading.Event(), 0
    threads = [threading.Thread(target=work, args=(url, ended)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(int(count)):
        pid = os.fork()
        if not pid:
            child(url)
            os._exit(0)
        hung += hangs(pid)
        if hung == 3:
            break
    ended.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{count} children, {hung} hung\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
