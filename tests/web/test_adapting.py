"""docs/adapting.md: its examples run, or stand in a host that passes the conformance suite."""

import re
import threading
from dataclasses import replace

import pytest
from salesorder_m365.testing.browser import Browser
from salesorder_m365.testing.places import register
from support.erp import WORKER
from support.mail_site import MAILBOX
from tools.includes import ROOT

PAGE = (ROOT / "docs/adapting.md").read_text(encoding="utf-8")
#: Files of docs/examples have a marker in front, and tests of their own.
EXAMPLES = re.findall(r"(?<!-->\n)^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HOSTS = {
    "re_path|HttpResponse": "tests/support/django_host.py",
    "@pages.get": "tests/support/flask_host.py",
}


def example(words):
    (found,) = [code for code in EXAMPLES if re.search(words, code)]
    return found


def test_the_application_is_mounted_and_signs_in(kit, sim):
    """Over HTTP, with a session cookie that stays behind."""

    def erp(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the ERP"]

    names = {"host": kit.erp, "sessions": {"erp=1": WORKER}, "erp": erp}
    exec(compile(example("make_server"), "docs/adapting.md", "exec"), names)
    server = names["server"]
    server.RequestHandlerClass.log_message = lambda *_: None
    account_id = kit.erp.save().id
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    kit.erp.settings = with_address(kit.erp.settings, sim, server.server_port)
    try:
        with Browser(kit.erp.settings.base_url) as browser:
            assert browser.get("/").text == "the ERP"
            path = kit.site.ticket(account_id)
            left = browser.get(path, headers={"Cookie": "erp=1"})
            query = sim.sign_in(left.headers["location"], MAILBOX)
            back = browser.arrive(kit.erp.settings.callback_path, query)
            assert browser.arrive(back, {}) == "/mail/1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert kit.erp.view(account_id).state == "connected"


def with_address(settings, sim, port):
    settings = replace(
        settings, base_url=f"http://localhost:{port}", callback_path="/mail/m365/callback"
    )
    register(sim, settings)
    return settings


@pytest.mark.parametrize(("words", "host"), HOSTS.items(), ids=["Django", "Flask"])
def test_a_frameworks_lines_are_those_of_a_host_that_passes(words, host):
    source = (ROOT / host).read_text(encoding="utf-8")
    for part in example(words).strip().split("\n\n\n"):
        assert part in source


def test_values_become_json_and_come_back():
    exec(compile(example("to_plain"), "docs/adapting.md", "exec"), {})


def test_every_example_is_tried():
    tried = {example(words) for words in (*HOSTS, "make_server", "to_plain")}
    assert tried == set(EXAMPLES)
