"""The fault proxy does what its weather says."""

import socket
import time

import pytest
from faults.proxy import FaultProxy, Weather

TEXT = b"0123456789" * 10


@pytest.fixture
def echo(play):
    """A server that answers each line with TEXT."""

    def script(conversation):
        while conversation.line():
            conversation.send(TEXT)

    return play(script)


@pytest.fixture
def ask(echo):
    """Return a function that asks through a proxy in some weather and reads to the end."""

    def ask(weather, *, seconds=1.0):
        with FaultProxy(("127.0.0.1", echo.port)) as proxy:
            proxy.turn(weather)
            with socket.create_connection(("127.0.0.1", proxy.port), seconds) as client:
                client.sendall(b"?\n")
                return list(iter(lambda: client.recv(4096), b""))

    return ask


def read_some(client):
    parts = b""
    while len(parts) < len(TEXT):
        parts += client.recv(4096)
    return parts


def test_in_clear_weather_it_relays(echo):
    with FaultProxy(("127.0.0.1", echo.port)) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            client.sendall(b"?\n")
            assert read_some(client) == TEXT
        assert proxy.left_open() == 0


def test_it_takes_connect(echo):
    with (
        FaultProxy() as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 5) as client,
    ):
        client.sendall(f"CONNECT localhost:{echo.port} HTTP/1.1\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        client.sendall(b"?\n")
        assert read_some(client) == TEXT


def test_it_cuts(ask):
    assert b"".join(ask(Weather(cut_after=15))) == TEXT[:15]


@pytest.mark.parametrize("after", [0, 15])
def test_it_resets(ask, after):
    with pytest.raises(ConnectionResetError):
        ask(Weather(reset_after=after))


@pytest.mark.parametrize("weather", [Weather(blackhole=True), Weather(delay=30)])
def test_it_is_silent(ask, weather):
    with pytest.raises(TimeoutError):
        ask(weather, seconds=0.3)


def test_it_slices_and_delays(ask):
    began = time.monotonic()
    assert b"".join(ask(Weather(slices=10, delay=0.02, cut_after=100))) == TEXT
    assert time.monotonic() - began >= 0.2


def test_it_counts_what_is_left_open(echo):
    with FaultProxy(("127.0.0.1", echo.port)) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            client.sendall(b"?\n")
            read_some(client)
            assert proxy.left_open(0.1) == 1
        assert proxy.left_open() == 0
