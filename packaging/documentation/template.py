"""Files beside this one with gaps in them, written @LIKETHIS@."""

import pathlib
import re


def fill(name, gaps):
    text = pathlib.Path(__file__).with_name(name).read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda gap: gaps[gap[1]], text)


def first_sentence(text):
    """What has room beside an option."""
    return re.split(r"\.(?: (?=[A-Z('])|$)", text)[0]
