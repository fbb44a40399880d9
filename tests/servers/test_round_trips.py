"""Round trips to Dovecot and Postfix, counted by a proxy; `make round-trips` shows the table."""

import pytest
from servers.round_trips import (
    by_imapclient,
    by_our_imap,
    by_our_smtp,
    by_smtplib,
    by_test_connection,
    by_the_libraries,
    distant_servers,
    measure,
    print_table,
)

pytestmark = pytest.mark.servers


@pytest.fixture
def seen(real_servers, sim):
    """Every way, taken once in one run; it is printed too."""
    with distant_servers(sim, real_servers.imap_port, real_servers.smtp_port) as distant:
        results = measure(distant)
    print_table(results)
    return results


def test_ours_are_few_and_the_libraries_are_counted_beside_them(seen):
    assert seen[by_our_imap].imap <= 5
    assert seen[by_our_smtp].smtp <= 8
    together = seen[by_test_connection]
    assert together.side_by_side
    assert together.imap <= 5
    assert together.smtp <= 8
    assert together.counted <= 8
    # The same proxies count the ordinary sequences: they are able to count more.
    assert seen[by_imapclient].imap >= 8
    assert seen[by_smtplib].smtp >= 10
    assert seen[by_the_libraries].counted >= 18
