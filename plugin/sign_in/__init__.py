"""Login: to Microsoft's page and back, by device code, or as the app itself."""
