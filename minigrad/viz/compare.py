"""Two programs on one graph: the calls of both, in order, with those that they share drawn once."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

Data = dict[str, Any]


class Union:
    """Adds the data of a second program to that of a first.

    items, groups   by number in the second: the number in the union
    """

    def __init__(self, a: Data, b: Data) -> None:
        self.a, self.b = a, b
        self.shift = {name: len(a[name]) for name in ("variables", "texts", "norms")}
        for name in self.shift:
            a[name] = a[name] + b[name]
        a["notes"] += [text for text in b["notes"] if text not in a["notes"]]
        self.items: dict[int, int] = {}
        self.groups: dict[int, int] = {0: 0}
        for item in a["items"]:
            item["side"], item["b"] = "a", None
        self.match(calls_of(a), calls_of(b))
        self.match_leaves()
        for item in b["items"]:
            if item["id"] not in self.items:
                self.add(item)
        for at, union in self.items.items():
            a["items"][union]["b"] = self.facts(b["items"][at])

    def match(self, ours: list[int], theirs: list[int]) -> None:
        """Align two lists of calls by op and output shape, and the insides of those that are composite."""
        for i, j in aligned([self.key(self.a, at) for at in ours], [self.key(self.b, at) for at in theirs]):
            first, second = self.a["items"][ours[i]], self.b["items"][theirs[j]]
            self.same(first, second)
            if first["inside"] is not None and second["inside"] is not None:
                self.groups[second["inside"]] = first["inside"]
                self.match(inside(self.a, first), inside(self.b, second))

    def key(self, data: Data, at: int) -> tuple:
        item = data["items"][at]
        shift = 0 if data is self.a else self.shift["variables"]
        return item["op"], tuple(self.a["variables"][item["variable"] + shift]["shape"] or ())

    def same(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        """Two items are the same one, and so are the groups around them as far as they are alike."""
        first["side"] = "ab"
        self.items[second["id"]] = first["id"]
        pairs = zip(reversed(path(self.a, first["group"])), reversed(path(self.b, second["group"])), strict=False)
        for ours, theirs in pairs:
            if self.a["groups"][ours]["kind"] != self.b["groups"][theirs]["kind"]:
                break
            self.groups.setdefault(theirs, ours)

    def match_leaves(self) -> None:
        """Leaves are the same if calls that are the same take them at the same place."""
        for theirs, ours in list(self.items.items()):
            sources = {entry["k"]: entry["source"] for entry in self.a["items"][ours]["inputs"]}
            for entry in self.b["items"][theirs]["inputs"]:
                at = sources.get(entry["k"])
                leaf = at is not None and not self.a["items"][at]["op"] and not self.b["items"][entry["source"]]["op"]
                if leaf and entry["source"] not in self.items and self.a["items"][at]["side"] == "a":
                    self.same(self.a["items"][at], self.b["items"][entry["source"]])

    def add(self, item: dict[str, Any]) -> None:
        """An item that only the second program has."""
        at = len(self.a["items"])
        self.items[item["id"]] = at
        group = self.group(item["group"])
        new = item | {"id": at, "group": group, "side": "b", "variable": None, "gradient": None, "inputs": [], "saved": []}
        new |= {"inside": None if item["inside"] is None else self.group(item["inside"]), "backward": [], "last": at}
        new |= {"formula": self.texts(item["formula"]), "source": item["source"] + self.shift["texts"],
                "doc": item["doc"] + self.shift["texts"]}  # fmt: skip
        new["norm"] = None if item["norm"] is None else item["norm"] + self.shift["norms"]
        self.a["items"].append(new)
        self.a["groups"][group]["children"].append({"item": at})
        if item["inside"] is not None:
            self.a["groups"][new["inside"]]["item"] = at

    def group(self, theirs: int) -> int:
        """The union's group of one of the second program's, made if there is none."""
        if theirs not in self.groups:
            old, parent = self.b["groups"][theirs], self.group(self.b["groups"][theirs]["parent"])
            at = self.groups[theirs] = len(self.a["groups"])
            self.a["groups"].append(old | {"id": at, "parent": parent, "children": []})
            if old["kind"] != "op":
                self.a["groups"][parent]["children"].append({"group": at})
        return self.groups[theirs]

    def facts(self, item: dict[str, Any]) -> dict[str, Any]:
        """The second program's numbers for an item."""
        shift = self.shift["variables"]

        def moved(at: int | None) -> int | None:
            return None if at is None else at + shift

        inputs = [
            entry
            | {"variable": moved(entry["variable"]), "sent": moved(entry["sent"])}
            | {"rule": self.texts(entry["rule"]), "source": self.items[entry["source"]]}
            for entry in item["inputs"]
        ]
        return {"variable": moved(item["variable"]), "gradient": moved(item["gradient"]), "inputs": inputs}

    def texts(self, told: dict[str, Any] | None) -> dict[str, Any] | None:
        shift = self.shift["texts"]
        return told and {k: [at + shift for at in v] if isinstance(v, list) else v + shift for k, v in told.items()}


def aligned(ours: list[tuple], theirs: list[tuple]) -> list[tuple[int, int]]:
    """The pairs of places that a longest common part of two lists has."""
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return [(i + k, j + k) for i, j, n in blocks for k in range(n)]


def calls_of(data: Data) -> list[int]:
    """The calls of a program that lie in no opened op."""
    return [item["id"] for item in data["items"] if item["op"] and data["groups"][item["group"]]["kind"] != "op"]


def inside(data: Data, item: dict[str, Any]) -> list[int]:
    """The calls of an item's definition."""
    children = data["groups"][item["inside"]]["children"]
    return [child["item"] for child in children if "item" in child and data["items"][child["item"]]["op"]]


def path(data: Data, at: int | None) -> list[int]:
    """The groups around, innermost first."""
    found = []
    while at is not None:
        found.append(at)
        at = data["groups"][at]["parent"]
    return found
