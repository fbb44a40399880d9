"""National clouds: their places, and that settings override each."""

import pytest
from salesorder_m365.plugin.settings.clouds import CLOUDS, endpoints
from salesorder_m365.schemas.settings import CLOUDS as NAMES
from salesorder_m365.schemas.settings import Endpoint, Settings


def settings(**changes):
    values = {
        "tenant": "contoso.test",
        "client_id": "00000000-0000-4000-8000-000000000001",
        "base_url": "https://erp.example.com",
        "database_url": "sqlite:///unused.db",
        "key_ring": (),
    }
    return Settings(**(values | changes))


def test_every_cloud_of_the_settings_has_its_places():
    assert tuple(CLOUDS) == NAMES


# The hosts and ports of facts that Microsoft documents; doubtful ones are marked in `clouds`.
PLACES = {
    "worldwide": (
        "https://login.microsoftonline.com/contoso.test",
        "outlook.office365.com",
        "smtp.office365.com",
        "https://outlook.office.com",
    ),
    "gcc_high": (
        "https://login.microsoftonline.us/contoso.test",
        "outlook.office365.us",
        "smtp.office365.us",
        "https://outlook.office365.us",
    ),
    "dod": (
        "https://login.microsoftonline.us/contoso.test",
        "outlook-dod.office365.us",
        "outlook-dod.office365.us",
        "https://outlook.office365.us",
    ),
    "china": (
        "https://login.partner.microsoftonline.cn/contoso.test",
        "partner.outlook.cn",
        "partner.outlook.cn",
        "https://partner.outlook.cn",
    ),
}


@pytest.mark.parametrize("cloud", PLACES)
def test_a_cloud_has_its_own_places(cloud):
    authority, imap, smtp, resource = PLACES[cloud]
    places = endpoints(settings(cloud=cloud))
    assert places.authority_url == authority
    assert places.imap == Endpoint(host=imap, port=993)
    assert places.smtp == Endpoint(host=smtp, port=587)
    assert places.scopes == (f"{resource}/IMAP.AccessAsUser.All", f"{resource}/SMTP.Send")


def test_settings_override_each_place():
    places = endpoints(
        settings(
            authority="https://login.example.com",
            resource="https://mail.example.com",
            imap=Endpoint(host="imap.example.com", port=1993),
            smtp=Endpoint(host="smtp.example.com", port=1587),
        )
    )
    assert places.authority_url == "https://login.example.com/contoso.test"
    assert places.imap == Endpoint(host="imap.example.com", port=1993)
    assert places.smtp == Endpoint(host="smtp.example.com", port=1587)
    assert places.scopes == (
        "https://mail.example.com/IMAP.AccessAsUser.All",
        "https://mail.example.com/SMTP.Send",
    )
