"""What ends a command or a connection."""


class ReplyError(Exception):
    """Answers the command with `reply`: `NO …` or `BAD …`.

    Lines after the first one are sent as they are; `* BYE …` among them ends the session.
    """

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class BadArgumentError(ReplyError):
    """The command's arguments are malformed or break a limit."""

    def __init__(self) -> None:
        super().__init__("BAD Command Argument Error. 11")


class UnknownCommandError(ReplyError):
    """There is no such command."""

    def __init__(self) -> None:
        super().__init__("BAD Command Error. 12")


class WrongStateError(ReplyError):
    """The command does not fit the state of the session."""

    def __init__(self) -> None:
        super().__init__("BAD Command received in Invalid state.")


class HangUpError(Exception):
    """Ends the connection; `lines` are sent before."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines
