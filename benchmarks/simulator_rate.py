"""``make simulator-rate``: how many messages the simulator takes in a second, in one process.

The senders run in a process of their own, as they would in a test of a fleet; each keeps its
connection and waits for every reply. Recipients are mailboxes of the same tenant.
"""

import asyncio
import base64
import json
import resource
import ssl
import subprocess
import sys
import time
from pathlib import Path

import click
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.simulator.tenant.people import Person

GOAL_RATE, GOAL_START = 200, 1.0
_TEXT = "Your order is on its way.\r\n" * 100


@click.command()
@click.option("--mailboxes", default=5000, show_default=True)
@click.option("--connections", default=500, show_default=True, help="Kept open, one a mailbox.")
@click.option("--messages", default=6000, show_default=True)
@click.option("--sender", is_flag=True, hidden=True)
def main(mailboxes: int, connections: int, messages: int, *, sender: bool) -> None:
    """Measure the simulator and print its rate."""
    if sender:
        print(json.dumps(asyncio.run(_send_all(json.load(sys.stdin)))))
        return
    print(report(measure(mailboxes, connections, messages)))


def measure(mailboxes: int, connections: int, messages: int) -> dict[str, float]:
    """Return what was seen, by name; times in seconds."""
    begun = time.perf_counter()
    with Simulator() as simulator:
        started = time.perf_counter() - begun
        names = [f"box{number:04}@contoso.test" for number in range(mailboxes)]
        simulator.tenant.add_people(Person(name, name) for name in names)
        users = {name: simulator.new_token(name) for name in names[:connections]}
        plan = {
            "port": simulator.smtp_port,
            "ca_file": str(simulator.ca_file),
            "users": users,
            "recipients": names,
            "messages": messages,
        }
        before = time.process_time()
        sent = subprocess.run(
            [sys.executable, "-m", "benchmarks.simulator_rate", "--sender"],
            input=json.dumps(plan).encode(),
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        seen: dict[str, float] = json.loads(sent.stdout)
        busy = time.process_time() - before
        taken = len(simulator.tenant.submissions)
        arrived = sum(len(simulator.tenant.messages(name)) - 3 for name in names)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {"mailboxes": mailboxes, "connections": connections, "taken": taken}
    return {**sizes, "arrived": arrived, "busy": busy, "started": started, "memory": memory, **seen}


def report(seen: dict[str, float]) -> str:
    """Return the measurement as lines of text."""
    rate = seen["taken"] / seen["seconds"]
    return "\n".join(
        (
            f"start                    {seen['started']:8.2f} s    goal: < {GOAL_START:.0f} s",
            f"mailboxes                {seen['mailboxes']:8,.0f}",
            f"connections kept open    {seen['connections']:8,.0f}",
            f"signed in                {seen['connecting']:8.2f} s",
            f"messages taken           {seen['taken']:8,.0f}      arrived: {seen['arrived']:,.0f}",
            f"in                       {seen['seconds']:8.2f} s",
            f"messages a second        {rate:8.0f}      goal: {GOAL_RATE}",
            f"the server's processor   {seen['busy']:8.2f} s",
            f"peak memory              {seen['memory']:8.0f} MiB",
        )
    )


class _Sender:
    """One kept connection."""

    def __init__(self, user: str, port: int) -> None:
        self.user = user
        self._port = port

    async def open(self, token: str, context: ssl.SSLContext) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reply()
        await self._say("EHLO erp")
        await self._say("STARTTLS")
        await self._writer.start_tls(context, server_hostname="localhost")
        await self._say("EHLO erp")
        blob = base64.b64encode(f"user={self.user}\x01auth=Bearer {token}\x01\x01".encode())
        await self._say(f"AUTH XOAUTH2 {blob.decode()}")

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        for _ in lines:
            await self._reply()

    async def _reply(self) -> None:
        while (line := await self._reader.readline())[3:4] == b"-":
            pass
        if line[:1] not in b"23" or not line:
            raise RuntimeError(line.decode())

    async def send(self, number: int, to: str) -> None:
        """Send a message: the envelope in one flight, then the data."""
        await self._say(f"MAIL FROM:<{self.user}>", f"RCPT TO:<{to}>", "DATA")
        head = f"From: {self.user}\r\nTo: {to}\r\nMessage-ID: <{number}@contoso.test>\r\n"
        await self._say(f"{head}\r\n{_TEXT}.")

    def close(self) -> None:
        self._writer.close()


async def _send_all(plan: dict) -> dict[str, float]:
    context = ssl.create_default_context(cafile=plan["ca_file"])
    senders = [_Sender(user, plan["port"]) for user in plan["users"]]
    begun = time.perf_counter()
    for sender in senders:
        await sender.open(plan["users"][sender.user], context)
    connected = time.perf_counter()
    numbers = iter(range(plan["messages"]))

    async def work(sender: _Sender) -> None:
        # Each takes the next number: all messages go out, and nobody sends more than its part.
        for number in numbers:
            recipients = plan["recipients"]
            await sender.send(number, recipients[number * 7919 % len(recipients)])

    await asyncio.gather(*map(work, senders))
    seconds = time.perf_counter() - connected
    for sender in senders:
        sender.close()
    return {"connecting": connected - begun, "seconds": seconds}


if __name__ == "__main__":
    main()
