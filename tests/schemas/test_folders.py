"""The mapping that a host posts."""

import pytest
from marshmallow import ValidationError
from salesorder_m365.schemas.folders import Role, load_mapping


def test_empty_paths_mean_not_mapped():
    assert load_mapping({"sent": "Sent Items", "trash": "", "junk": None}) == {
        Role.SENT: "Sent Items"
    }


def test_roles_may_be_given_as_values_of_the_enum():
    assert load_mapping({Role.SENT: "Sent"}) == {Role.SENT: "Sent"}


@pytest.mark.parametrize("path", ["a\r\nb", "a\x00b", 7])
def test_an_unusable_path_is_refused_at_its_role(path):
    with pytest.raises(ValidationError) as caught:
        load_mapping({"sent": path})
    assert list(caught.value.messages) == ["sent"]
