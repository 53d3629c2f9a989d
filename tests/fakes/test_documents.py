"""JSON from strangers is read, or refused with the place of the mistake."""

import json
import re

import pytest

from iqm_fakes import documents
from iqm_fakes.documents import Either, Only, That, misshapen, number, unwritable
from iqm_fakes.printed import printable, say

DEEP = documents.DEEPEST


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "it is not JSON: .* line 1"),
        (b'{"a": "\xff"}', "it is not JSON: byte 7 is not UTF-8"),
        (b'{"a": 1, "b": 2, "a": 3}', "the name 'a' twice"),
        (b"[" * 100_000, f"it is nested more than {DEEP} levels deep"),
        (b"[" * (DEEP + 1) + b"]" * (DEEP + 1), rf"\[0\]\[0\].* is nested more than {DEEP} levels deep"),
        (b'{"a": [0, %d]}' % 10**400, r"^a\[1\] is too large for a number: an integer of 1329 bits"),
        (b'{"a": [0, %s]}' % (b"9" * 5000), "digits"),
        (rb'{"a": {"b": "\ud800"}}', r"^a\.b has half a character"),
        (rb'{"a": {"\ud800": 1}}', "^a has half a character"),
    ],
)
def test_what_is_no_document_is_refused(data, message):
    try:
        problem = next(unwritable(documents.loads(data)))
    except ValueError as error:
        problem = str(error)
    assert re.search(message, problem)
    assert problem.isprintable()


@pytest.mark.parametrize("value", [{}, [[]], None, "ä☃𝄞", 1e308, 10**300, float("inf")])
def test_what_is_one_is_read_with_and_without_a_byte_order_mark(value):
    text = json.dumps(value, ensure_ascii=False).encode()
    assert documents.loads(text) == documents.loads(b"\xef\xbb\xbf" + text) == value


SHAPE = {
    "name": str,
    "yes?": bool,
    "pairs": [(str, int)],
    "any": {str: Only({"x?": number(0, 1)})},
    "maybe": Either({"n": int}, [str], None),
    "odd?": That(int, "odd", lambda value: value % 2),
}
LONG_NAME = (r"\x1b[2J" * 10)[: documents.SHOWN]
FITTING = {"name": "", "pairs": [["a", 1]], "any": {"b": {"x": 1}}, "maybe": None}


@pytest.mark.parametrize(
    "change",
    [{}, {"more": 5}, {"yes": True}, {"pairs": []}, {"any": {}}, {"maybe": {"n": 1}}, {"maybe": ["a"]}, {"odd": 3}],
)
def test_what_fits_a_shape(change):
    assert list(misshapen(FITTING | change, SHAPE)) == []


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "the document has to be a JSON object, got list"),
        ({}, "the document has no 'name'"),
        (FITTING | {"name": None}, "name has to be a JSON string, got null"),
        (FITTING | {"yes": 1}, "yes has to be a JSON boolean, got int"),
        (FITTING | {"pairs": [["a", True]]}, "pairs[0][1] has to be a JSON integer, got bool"),
        (FITTING | {"pairs": [["a", 1], ["a"]]}, "pairs[1] has to have 2 elements, got 1"),
        (FITTING | {"any": {"b": {"y": 1}}}, "any.b.y is none of x"),
        (
            FITTING | {"any": {"\x1b[2J" * 50: 5}},
            r"any." + (r"\x1b[2J" * 9)[:60] + "… has to be a JSON object, got int",
        ),
        (FITTING | {"any": {"b": {"x": 2}}}, "any.b.x has to be a number from 0 to 1, got 2"),
        (FITTING | {"any": {"b": {"x": float("nan")}}}, "any.b.x has to be a number from 0 to 1, got nan"),
        (FITTING | {"maybe": 5}, "maybe has to be a JSON object or array or null, got int"),
        (FITTING | {"maybe": {}}, "maybe has no 'n'"),
        (FITTING | {"odd": 2}, "odd has to be odd, got 2"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(document, problem):
    assert next(misshapen(document, SHAPE)) == problem


def test_what_a_terminal_obeys_is_printed_as_text(capsys):
    hostile = "\x1b[2J\x07 \x9b1m ‮evil​ \r\n \ud800 ä☃\t."
    shown = r"\x1b[2J\x07 \x9b1m \u202eevil\u200b \r\n \ud800 ä☃" + "\t."
    assert printable(hostile) == shown
    say(hostile, "next")
    say(hostile, error=True)
    assert capsys.readouterr() == (f"{shown}\nnext\n", f"{shown}\n")
