"""Reasons: words for people that keep their name for programs."""

import copy
import json

from ugrpy.core.trouble import Reason, Trouble, reason_from


def test_a_reason_is_its_words():
    reason = Reason("silent", Trouble.HTTP_RESPONSE_TIMEOUT, status=504)
    assert reason == "silent"
    assert json.dumps({"uvic": reason}) == '{"uvic": "silent"}'


def test_a_copy_keeps_what_programs_are_told():
    reason = copy.deepcopy(Reason("refused", None, status=403))
    assert (reason.trouble, reason.status) == (None, 403)


def test_mere_words_say_that_it_was_not_to_be_had():
    reason = Reason("refused", None, status=403)
    assert reason_from(reason) is reason
    assert reason_from("drained").trouble is Trouble.DESTINATION_UNAVAILABLE
