"""What people type to search for, as a query of FTS5. Pure.

    fire engine        both words                "structure fire"   these words, one after the other
    fire OR smoke      one of them, or both      -drill             not this one
    evac*              what begins so, from three letters on

Whatever else is typed is words: nothing of FTS5's own syntax gets through.
"""

import re
import unicodedata

from shared.errors import BadInput

LONGEST = 500
MOST = 40
"""Terms of a query."""
SHORTEST = 3
"""Characters before a `*`: of fewer, half of all words would have to be looked through."""
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))(\*?)')
_OR = "OR"


def terms(typed: str) -> str:
    """The query. Raises BadInput, naming `q`, if there is no word to search for."""
    if len(typed) > LONGEST:
        raise BadInput("too much to search for", field="q", limit=f"{LONGEST} characters")
    wanted: list[list[str]] = []
    unwanted: list[str] = []
    either = False
    for minus, phrase, word, star in _TERM.findall(typed.replace("\0", " ")):
        if word == _OR and not minus:
            either = bool(wanted)
            continue
        if (term := _quoted(phrase or word.rstrip("*"), star or word[-1:])) is None:
            continue
        if minus:
            unwanted.append(term)
        elif either:
            wanted[-1].append(term)
        else:
            wanted.append([term])
        either = False
    if not wanted or len(wanted) + len(unwanted) > MOST:
        raise BadInput(
            "there is nothing to search for", field="q", limit=f"1 to {MOST} words, not all with -"
        )
    found = " AND ".join(f"({_OR.join(_spaced(group))})" for group in wanted)
    return f"({found}) NOT ({_OR.join(_spaced(unwanted))})" if unwanted else found


def _quoted(text: str, star: str) -> str | None:
    """A term of FTS5; None if there is nothing in it that is indexed."""
    if not any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "Co" for c in text):
        return None
    if star != "*":
        return f'"{text}"'
    if len(text) < SHORTEST:
        raise BadInput(
            f"too short to be a beginning: {text}*", field="q", limit=f"{SHORTEST} letters before *"
        )
    return f'"{text}" *'


def _spaced(group: list[str]) -> list[str]:
    return [f" {term} " for term in group]
