"""What every host must hold to, as tests that run against yours.

``pytest --pyargs salesorder_m365.testing.conformance --salesorder-host my_erp.testing:host``.
"""
