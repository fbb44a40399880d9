"""What stands behind Dovecot's submission: an SMTP server that takes all and keeps nothing."""

from support.loopback import Conversation, LoopbackServer


def _take(conversation: Conversation) -> None:
    conversation.send(b"220 relay.test ESMTP\r\n")
    while line := conversation.line():
        verb = line.split()[0].upper()
        if verb == b"EHLO":
            conversation.send(b"250-relay.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            conversation.send(b"354 go on\r\n")
            while conversation.line() != b".":
                pass
            conversation.send(b"250 2.0.0 taken\r\n")
        elif verb == b"QUIT":
            conversation.send(b"221 2.0.0 bye\r\n")
            return
        else:
            conversation.send(b"250 2.0.0 ok\r\n")


def relay() -> LoopbackServer:
    return LoopbackServer(_take)
