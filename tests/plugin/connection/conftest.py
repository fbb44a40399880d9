"""Tells at the end of a run how many of Microsoft's answers were played."""

from collections import Counter

KINDS = {
    "test_imap_says_it": "IMAP",
    "test_smtp_says_it": "SMTP",
    "test_both_say_it": "both at once",
    "test_entra_says_it_when_a_token_is_renewed": "Entra's token endpoint",
    "test_entra_says_it_by_the_browser": "Entra by the browser",
}


def pytest_terminal_summary(terminalreporter):
    counts = Counter()
    for report in terminalreporter.stats.get("passed", ()):
        kind = KINDS.get(report.nodeid.rpartition("::")[2].partition("[")[0])
        counts[kind] += sum(name == "played" for name, _ in report.user_properties)
    if total := sum(counts.values()):
        told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS.values())
        terminalreporter.write_line(f"{total} answers of Microsoft gave their findings: {told}")
