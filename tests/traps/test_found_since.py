"""What a hostile reading of our own code found, and what became of it."""

from __future__ import annotations

import pytest

from mailgate.clean import clean_line
from mailgate.mime.htmltext import to_text
from tests.support.community import LIST, Community
from tests.support.costs import growth


@pytest.mark.parametrize("field", ["a{}b", "é{}b"], ids=["tabs", "beyond ASCII"])
def test_x1_blanks_in_a_field_cost_what_their_length_is(field: str) -> None:
    blanks = "\t" if field.isascii() else " "
    assert growth(lambda size: clean_line(field.format(blanks * size)), 20_000) < 8


def test_x2_a_tag_of_many_attributes_costs_what_its_length_is() -> None:
    def tagged(size: int) -> str:
        return "<a " + " ".join(f"x{n}=1" for n in range(size)) + ">text</a>"

    assert growth(lambda size: to_text(tagged(size)), 4000) < 8


@pytest.mark.parametrize(
    "author", [LIST, "osg-general+1@lists.example.org", "osg-general-bounces@lists.example.org"]
)
def test_x3_no_address_of_ours_is_told_of_a_ticket(author: str, community: Community) -> None:
    subject = f"To: {LIST}\nSubject: Re: Jobs are held"
    community.inject(f"From: {author}\n{subject}\nMessage-ID: <forged@x.example>\n\nWhy?\n".encode())
    community.inject(f"From: bob@y.example\n{subject}\nIn-Reply-To: <forged@x.example>\n\nNo.\n".encode())
    assert author not in {copy.recipient for copy in community.bag.copies}
