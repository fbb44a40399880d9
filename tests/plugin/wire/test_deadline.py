"""One deadline for all sockets of a thread, and a cap on what they receive."""

import socket
import threading
import time
from contextlib import nullcontext

import pytest
from salesorder_m365.plugin.wire import deadline
from salesorder_m365.plugin.wire.connecting import connect, resolve
from salesorder_m365.plugin.wire.deadline import (
    LONE_OPERATION,
    MAX_BYTES,
    Deadline,
    DeadlineSocket,
    TooMuchDataError,
    bounded,
    count,
    expect,
    remaining,
)
from salesorder_m365.plugin.wire.tls import secure, tls_context
from support.loopback import server_context


def connected(port):
    return connect(resolve("127.0.0.1", port))


def test_without_a_deadline_each_operation_has_a_time_of_its_own():
    assert remaining() == LONE_OPERATION
    count(MAX_BYTES * 2)


def test_the_deadline_in_force_gives_the_time_that_is_left():
    with Deadline.after(5).applied():
        assert 4 < remaining() <= 5
    assert remaining() == LONE_OPERATION


def test_a_deadline_that_has_passed_is_a_timeout():
    with Deadline.after(-1).applied(), pytest.raises(TimeoutError):
        remaining()


def test_time_in_which_the_machine_was_suspended_counts(monkeypatch):
    monotonic, since_boot = [100.0], [500.0]
    monkeypatch.setattr(deadline, "CLOCKS", (lambda: monotonic[0], lambda: since_boot[0]))
    with Deadline.after(30).applied() as outer:
        monotonic[0] += 10
        since_boot[0] += 10
        assert remaining() == 20
        since_boot[0] += 15  # suspended: the monotonic clock stood still
        assert remaining() == 5
        assert Deadline.after(60).remaining() == 5
        with bounded(60, max_bytes=10):
            assert remaining() == 5
        since_boot[0] += 5
        with pytest.raises(TimeoutError):
            outer.remaining()
    monotonic[0] += 60
    assert Deadline.after(1).remaining() == 1


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux only")
def test_the_boot_time_clock_is_looked_at():
    assert [clock() for clock in deadline.CLOCKS] == pytest.approx(
        [time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)], abs=5
    )


def test_an_inner_deadline_cannot_outlast_the_outer_one():
    with Deadline.after(1).applied() as outer:
        assert Deadline.after(60).ends == outer.ends
        assert Deadline.after(0.5).ends < outer.ends


def test_bytes_beyond_the_cap_are_refused():
    with Deadline.after(5, max_bytes=10).applied():
        count(10)
        with pytest.raises(TooMuchDataError):
            count(1)


def test_what_is_received_under_an_inner_deadline_counts_for_the_outer_one():
    with Deadline.after(5, max_bytes=10).applied(), Deadline.after(5).applied():
        count(6)
        with pytest.raises(TooMuchDataError):
            count(6)


@pytest.mark.parametrize("block", [nullcontext, Deadline.after(60).applied], ids=["alone", "under"])
def test_an_announced_size_is_refused_before_it_comes(block):
    with block():
        expect(MAX_BYTES)
        with pytest.raises(TooMuchDataError):
            expect(MAX_BYTES + 1)


def test_bounded_keeps_the_deadline_that_is_in_force():
    with Deadline.after(60).applied() as outer:
        with bounded(1):
            assert remaining() > 50
            count(1)
        assert outer.remaining() > 50
    with bounded(1):
        assert remaining() <= 1


@pytest.mark.parametrize("block", [nullcontext, Deadline.after(60).applied], ids=["alone", "under"])
def test_bounded_can_lower_the_cap(block):
    with block(), bounded(30, max_bytes=10):
        count(10)
        with pytest.raises(TooMuchDataError):
            count(1)


def test_a_deadline_holds_in_its_own_thread_only():
    seen = []
    with Deadline.after(1).applied():
        thread = threading.Thread(target=lambda: seen.append(remaining()))
        thread.start()
        thread.join()
    assert seen == [LONE_OPERATION]


def dribble(conversation):
    while True:
        conversation.send(b"x")
        conversation.pause(0.02)


@pytest.mark.parametrize("read", [DeadlineSocket.recv, lambda s, n: s.recv_into(bytearray(n))])
def test_a_peer_that_dribbles_is_left_at_the_deadline(play, read):
    started = time.monotonic()
    with Deadline.after(0.4).applied(), connected(play(dribble).port) as sock:
        reads = iter(lambda: read(sock, 100), 0)
        with pytest.raises(TimeoutError):
            list(reads)
    assert 0.3 < time.monotonic() - started < 5


def test_a_line_that_never_ends_is_left_at_the_deadline(play):
    server = play(dribble)
    with Deadline.after(0.4).applied(), connected(server.port) as sock, sock.makefile("rb") as file:
        read = file.readline
        with pytest.raises(TimeoutError):
            read()


def test_a_peer_that_reads_nothing_is_left_at_the_deadline(play):
    with Deadline.after(0.4).applied(), connected(play(lambda c: c.pause()).port) as sock:
        with pytest.raises(TimeoutError):
            sock.sendall(bytes(64 * 1024 * 1024))
        with pytest.raises(TimeoutError):
            sock.send(b"x")


def test_plain_bytes_are_counted(play):
    server = play(lambda c: c.send(bytes(1000)))
    with Deadline.after(5, max_bytes=999).applied(), connected(server.port) as sock:
        file = sock.makefile("rb")
        with file, pytest.raises(TooMuchDataError):
            file.read()


@pytest.fixture
def tls(play, authority, ca_file):
    """Return a function that plays a script over TLS and returns the client's end."""

    def open_tls(script):
        server = play(script, context=server_context(authority.issue_cert("localhost")))
        return secure(connected(server.port), tls_context(ca_file), "localhost")

    return open_tls


def test_a_peer_that_dribbles_over_tls_is_left_at_the_deadline(tls):
    with Deadline.after(1).applied(), tls(dribble) as sock, sock.makefile("rb") as file:
        read = file.readline
        with pytest.raises(TimeoutError):
            read()


def test_bytes_over_tls_are_counted(tls):
    with Deadline.after(5, max_bytes=999).applied(), tls(lambda c: c.send(bytes(1000))) as sock:
        file = sock.makefile("rb")
        with file, pytest.raises(TooMuchDataError):
            file.read()


def test_over_tls_a_peer_that_reads_nothing_is_left_at_the_deadline(tls):
    with Deadline.after(1).applied(), tls(lambda c: c.pause()) as sock:
        much = bytes(64 * 1024 * 1024)
        with pytest.raises(TimeoutError):
            sock.sendall(much)


def test_a_handshake_that_hangs_is_left_at_the_deadline(play, ca_file):
    server = play(lambda c: c.pause())
    with Deadline.after(0.4).applied(), pytest.raises(TimeoutError):
        secure(connected(server.port), tls_context(ca_file), "localhost")


def test_arguments_of_the_base_class_are_passed_on(play):
    server = play(lambda c: (c.send(b"abcdef"), c.line()))
    with connected(server.port) as sock:
        buffer = bytearray(6)
        assert sock.recv(6, socket.MSG_PEEK) == b"abcdef"
        assert sock.recv_into(buffer, 2, socket.MSG_PEEK) == 2
        assert sock.recv_into(buffer, nbytes=4, flags=0) == 4
        assert sock.send(b"lin", socket.MSG_DONTWAIT) == 3
        sock.sendall(b"e\r\n", socket.MSG_DONTWAIT)
        assert buffer == b"abcd\0\0"


def test_arguments_of_the_base_class_are_passed_on_over_tls(tls):
    with tls(lambda c: (c.send(b"abcdef"), c.line())) as sock:
        buffer = bytearray(6)
        assert sock.recv(2) == b"ab"
        assert sock.read(2, buffer) == 2
        assert sock.recv_into(buffer, 2) == 2
        assert sock.send(b"l", 0) == 1
        sock.sendall(b"ine\r\n", flags=0)
        assert buffer == b"ef\0\0\0\0"


def test_sockets_are_what_the_library_expects(tls):
    with tls(lambda c: c.send(b"hello")) as sock:
        assert isinstance(sock, socket.socket)
        assert sock.recv(5) == b"hello"


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux only")
def test_what_is_received_is_acknowledged_at_once(play, monkeypatch):
    server = play(lambda conversation: conversation.send(b"220 hello\r\n"))
    asked = []

    def note(sock, level, option, value):
        asked.append((level, option, value))
        socket.socket.setsockopt(sock, level, option, value)

    with connected(server.port) as sock:
        monkeypatch.setattr(DeadlineSocket, "setsockopt", note)
        assert sock.recv(3) == b"220"
        assert sock.recv(3) == b" he"
    # Linux forgets it when the next answer is sent, so each read asks again.
    assert asked == [(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)] * 2
