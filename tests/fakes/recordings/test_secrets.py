"""Of a secret no twelve characters in a row are shown, however it was written and cut."""

import html
import json
import string
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from _pytest._io.saferepr import saferepr
from hypothesis import given, settings
from hypothesis import strategies as st

from iqm_fakes.recordings.credentials import PART, Secrets, credential_in

TOKENS = st.text(string.ascii_letters + string.digits + "-_.~+/=%&\"'\\ äß€", min_size=PART, max_size=200)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def runs(secret, text):
    """Return what a text has of a secret, twelve characters long."""
    return [part for at in range(len(secret) - PART + 1) if (part := secret[at : at + PART]) in text]


WRITTEN = {
    "plain": str,
    "repr": lambda text: repr(text)[1:-1],
    "json": lambda text: json.dumps(text)[1:-1],
    "url": quote,
    "url-all": lambda text: quote(text, ""),
    "html": html.escape,
}


@pytest.mark.parametrize("written", WRITTEN)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_part_is_left_however_it_is_written_and_cut(written, data):
    token = data.draw(TOKENS)
    form = WRITTEN[written](token)
    start = data.draw(st.integers(0, len(form)))
    piece = form[start : data.draw(st.integers(start, len(form)))]
    shortened = saferepr(token, maxsize=data.draw(st.integers(20, 120)))
    text = data.draw(TEXTS) + piece + data.draw(TEXTS) + shortened + data.draw(TEXTS)
    secrets = Secrets()
    secrets.add("TOKEN", token)
    shown = secrets.redacted(text)
    assert not runs(token, shown)
    assert not runs(form, shown)


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_part_is_left_in_base64_whatever_stands_around_it(encode, data):
    token = data.draw(TOKENS).encode()
    before, after = data.draw(st.binary(max_size=7)), data.draw(st.binary(max_size=7))
    encoded = encode(before + token + after).decode()
    cut = data.draw(st.integers(0, len(encoded)))
    secrets = Secrets()
    secrets.add("TOKEN", token.decode())
    own = encoded[-(-8 * len(before) // 6) : 8 * len(before + token) // 6]
    for text in (encoded, encoded[:cut], encoded[cut:]):
        assert not runs(own, secrets.redacted(text))


@settings(max_examples=100, deadline=None)
@given(st.text(string.ascii_lowercase + " \n", max_size=200))
def test_what_has_no_part_stays_as_it_is(text):
    secrets = Secrets()
    secrets.add("TOKEN", "0123456789-ABCDEFGHIJ")
    assert secrets.redacted(text) == text


def test_a_part_is_replaced_as_a_whole_and_by_its_source():
    secrets = Secrets()
    secrets.add("IQM_TOKEN", "0123456789-ABCDEFGHIJ")
    secrets.add("other", "sh0rt-0ne")
    assert secrets.redacted("a 456789-ABCDEFGHIJ, sh0rt-0ne.") == "a <IQM_TOKEN>, <other>."
    assert secrets.redacted("0123456789-ABCDEFGHIJ" * 2) == "<IQM_TOKEN>" * 2
    assert secrets.redacted("0123456789- and sh0rt-0n") == "0123456789- and sh0rt-0n"
    assert secrets.found("a 456789-ABCDEFGHIJ") == "IQM_TOKEN"
    assert secrets.found("sh0rt-0ne") == "other"
    assert secrets.found("sh0rt") is None


def test_what_is_no_secret_costs_nothing_and_what_is_stays_known(monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "a-token-of-the-environment")
    secrets = Secrets.of_environment()
    monkeypatch.setenv("IQM_TOKEN", "short")
    secrets.look()
    assert secrets.redacted("short a-token-of-the-environment") == "short <IQM_TOKEN>"
    assert not Secrets.of_environment()


def test_a_recording_is_refused_for_a_part_of_a_token(monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "a-token-of-the-environment")
    assert credential_in("... of-the-environ ...") == "the value of IQM_TOKEN"
    assert credential_in("of-the") is None
