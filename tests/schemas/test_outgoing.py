"""What is said of a mail's recipients: each fault once, at its own field."""

import pytest
from marshmallow import ValidationError
from salesorder_m365.schemas.outgoing import OutgoingMail, load_outgoing

NOBODY = "Nobody would receive this mail. Give at least one address."
WRONG = {
    "none": ({}, {"to": [NOBODY]}),
    "empty": ({"to": (), "cc": (), "bcc": ()}, {"to": [NOBODY]}),
}


@pytest.mark.parametrize(("values", "messages"), WRONG.values(), ids=WRONG)
def test_a_mail_to_nobody_is_refused(values, messages):
    with pytest.raises(ValidationError) as caught:
        load_outgoing(OutgoingMail(**values))
    assert caught.value.messages == messages


@pytest.mark.parametrize("kind", ["to", "cc", "bcc"])
def test_an_address_that_is_none_is_not_told_to_be_missing(kind):
    with pytest.raises(ValidationError) as caught:
        load_outgoing(OutgoingMail(**{kind: ("info@contoso",)}))
    assert list(caught.value.messages) == [kind]
    (message,) = caught.value.messages[kind]
    assert "info@contoso" in message
