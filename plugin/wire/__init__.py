"""Names, sockets, TLS and HTTP under one deadline. Knows neither mail nor Microsoft."""
