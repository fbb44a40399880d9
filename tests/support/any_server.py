"""Settings with mail servers that the schema refuses: a name that no DNS has to be asked for."""

from dataclasses import replace

from salesorder_m365.schemas.settings import Endpoint, load_settings


def settings_with_any_server(values):
    """Load settings; `imap` and `smtp`, as host:port, are taken as they are."""
    servers = {}
    for name in {"imap", "smtp"} & values.keys():
        host, _, port = values[name].rpartition(":")
        servers[name] = Endpoint(host=host, port=int(port))
    rest = {name: value for name, value in values.items() if name not in servers}
    return replace(load_settings(rest), **servers)
