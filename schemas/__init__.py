"""What crosses the border: frozen values and the marshmallow schemas that load and check them."""
