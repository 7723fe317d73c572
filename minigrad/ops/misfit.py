"""A call that does not fit a signature, in words: a wrong name, an argument that is missing, one too many."""

from __future__ import annotations

import re
from difflib import get_close_matches
from inspect import Parameter, Signature

OF_CALLS = re.compile(r"unexpected keyword argument|missing .*required|takes .* but .* (was|were) given|multiple values for")


def misfit(who: str, signature: Signature, args: tuple, options: dict) -> TypeError | None:
    """What is wrong with a call beside the values of its arguments; None if nothing is."""
    try:
        signature.bind(*args, **options)
    except TypeError as error:
        shown = [p.replace(annotation=Parameter.empty) for name, p in signature.parameters.items() if name != "self"]
        text = re.sub("^got an |a required |(?<=argument):", "", str(error))
        unknown = next((name for name in options if name not in signature.parameters), "")
        near = get_close_matches(unknown, [p.name for p in shown], n=1)
        hint = f". Hint: {near[0]}=" if near else ""
        return TypeError(f"{who}: {text}. Expected {who}{Signature(shown)}{hint}")
    return None
