"""``python -m salesorder_m365.plugin.cli``: the command where its script is not on the path."""

from . import main

main(prog_name="salesorder-m365")
