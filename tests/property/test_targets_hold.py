"""What the fuzz targets assert, for mails that hypothesis builds: of words, and whole from the grammar.

The same inputs in every run: new ones are the business of `make fuzz`.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.generating import mail
from tests.fuzz.targets import TARGETS
from tests.fuzz.words import WORDS

pieces = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=60).map(b"".join)
whole_mails = st.randoms(use_true_random=False).map(mail)
steady = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"gateway"}))
@settings(steady, max_examples=60)
@given(pieces | whole_mails)
def test_a_target_holds_for_any_mail(name: str, raw: bytes) -> None:
    TARGETS[name].run(raw)


@settings(steady, max_examples=15)
@given(whole_mails)
def test_each_mail_ends_as_one_thing_and_its_second_copy_as_a_duplicate(raw: bytes) -> None:
    TARGETS["gateway"].run(raw)
