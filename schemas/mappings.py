"""What a host posts, as a plain dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

K = TypeVar("K")


def posted(values: Mapping[K, Any]) -> dict[K, Any]:
    """Return what ``values[name]`` gives for each name.

    ``dict(values)`` is not that: a mapping with several values a name, such as Django's QueryDict,
    is a dict of lists inside.
    """
    return {name: values[name] for name in values}
