"""Copies the files that the documentation shows whole: ``python tests/tools/includes.py``.

A page includes a file by a marker and a code block after it, which takes the file's text:

    <!-- include: tests/hooks/test_teaching_host.py -->
    ```python
    ```
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"^(?P<marker><!-- include: (?P<path>\S+) -->)\n```(?P<language>\w*)\n.*?^```$",
    re.MULTILINE | re.DOTALL,
)


def markers(text):
    """Every line that looks like a marker, also where no code block follows it."""
    return re.findall(r"^<!-- ?include\b.*$", text, re.MULTILINE)


def refreshed(text, root=ROOT):
    """Return a page's text with every included file as it is now; FileNotFoundError if none is."""

    def fill(block):
        content = (root / block["path"]).read_text(encoding="utf-8")
        return f"{block['marker']}\n```{block['language']}\n{content}```"

    return _BLOCK.sub(fill, text)


def included(text):
    """Return the paths that `text` includes in the proper form."""
    return [block["path"] for block in _BLOCK.finditer(text)]


def pages(root=ROOT):
    """Return every page of the documentation."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


if __name__ == "__main__":
    for page in pages():
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
