"""The suite's option and its package, named once."""

OPTION = "--salesorder-host"
SUITE = "salesorder_m365.testing.conformance"
