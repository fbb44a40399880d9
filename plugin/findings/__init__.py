"""What can be wrong, as text: which finding an answer stands for, and its words. Pure."""
