"""What clients asked of the identity provider: methods and paths, never a secret."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class RequestSeen:
    """One HTTP request. The path has no query, so no code and no state is kept."""

    at: datetime
    method: str
    path: str
    grant_type: str | None = None


class RequestLog(list[RequestSeen]):
    """The requests seen, oldest first."""

    def note(self, method: str, path: str, grant_type: str | None = None) -> None:
        """Add one request."""
        self.append(RequestSeen(datetime.now(UTC), method, path, grant_type))

    def matching(self, *, grant_type: str | None = None, path: str | None = None) -> int:
        """Count requests by grant type and by the path's end."""
        return sum(
            (grant_type is None or seen.grant_type == grant_type)
            and (path is None or seen.path.endswith(path))
            for seen in self
        )
