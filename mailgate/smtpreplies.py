"""The replies that an SMTP or LMTP session gives by itself, before the house behind it is asked.

What the house answers comes from the table in mailgate.errors; these are the words of the protocol
(RFC 5321 4.2), each with its enhanced code (RFC 3463).
"""

from __future__ import annotations

from mailgate.errors import Reply


class CommandRefused(Exception):
    """A command that the session answers with `reply`, and does not carry out."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Bye", close=True)
READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS")
# RFC 5321 3.5.3: we tell nobody who is here.
CANNOT_VERIFY = Reply(252, "2.5.0", "Will not say, but will take the mail and see")

# The stream or the line is not SMTP.
BARE_LINE_END = Reply(500, "5.5.2", "A line ends with CR LF, and neither stands alone")
CONTROL_CHARACTER = Reply(500, "5.5.2", "Control character in a command")
LINE_TOO_LONG = Reply(500, "5.5.2", "Command line too long")
ENDLESS_LINE = Reply(421, "4.7.0", "A command line without end", close=True)
NOT_SMTP = Reply(421, "4.7.0", "This is a mail server", close=True)

# The command is none, or comes at the wrong time.
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not recognised")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
ARGUMENT_NEEDED = Reply(501, "5.5.4", "This command needs an argument")
HELLO_FIRST = Reply(503, "5.5.1", "Say hello first")
NESTED_MAIL = Reply(503, "5.5.1", "A mail is already under way")
MAIL_FIRST = Reply(503, "5.5.1", "MAIL comes first")
RECIPIENT_FIRST = Reply(503, "5.5.1", "No recipient so far")
ALREADY_TLS = Reply(503, "5.5.1", "TLS is already active")

# Arguments of MAIL and RCPT.
MAIL_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
RCPT_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
BAD_SENDER = Reply(501, "5.1.7", "That is no mailbox by RFC 5321 4.1.2")
BAD_RECIPIENT = Reply(501, "5.1.3", "That is no mailbox by RFC 5321 4.1.2")
# RFC 6531 3.5.
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "This address needs SMTPUTF8 on MAIL")
BAD_PARAMETER = Reply(501, "5.5.4", "Malformed parameter")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not recognised")
XFORWARD_SYNTAX = Reply(501, "5.5.4", "Syntax: XFORWARD NAME=value ...")
SIZE_TOO_LARGE = Reply(552, "5.3.4", "The mail is larger than we take")

# Enough is enough.
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; those accepted so far stand")
# A bounce has one recipient: its sender's own address (RFC 5321 4.5.5).
NULL_SENDER_HAS_ONE = Reply(452, "4.5.3", "One recipient a mail for the null sender")
TOO_MANY_MAILS = Reply(421, "4.7.0", "Enough mails on this connection; please come again", close=True)
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many bad commands", close=True)
TOO_IDLE = Reply(421, "4.7.0", "Too many commands that send no mail", close=True)
FAR_TOO_LARGE = Reply(421, "4.3.4", "The mail is far larger than we take", close=True)
MEMORY_FULL = Reply(452, "4.3.1", "Too much mail under way; please come again")
TOO_SLOW = Reply(421, "4.4.2", "Waited too long", close=True)
SHUTTING_DOWN = Reply(421, "4.3.2", "Shutting down", close=True)
FULL_HOUSE = Reply(421, "4.3.2", "Too many connections; please come again", close=True)
TOO_MANY_OF_YOU = Reply(421, "4.7.0", "Too many connections from your address", close=True)
