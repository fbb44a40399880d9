"""Default Folder Mappings: roles, dropdowns, mappings."""
