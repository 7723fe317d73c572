"""Groups with many children are put into runs, so that no more is seen at once than a reader can take in."""

from __future__ import annotations

from typing import Any

MANY = 100  # so many children may lie in a group as they are
RUN = 24  # so many in a run, and so many runs in a run of runs


def split(data: dict[str, Any]) -> None:
    """Put the children of every large group into runs, and runs of runs."""
    for group in list(data["groups"]):
        children = group["children"]
        if len(children) > MANY:
            group["children"] = []
            step = RUN
            while step * RUN < len(children):
                step *= RUN
            runs(data, group["id"], children, step, 1)


def runs(data: dict[str, Any], at: int, children: list[dict[str, int]], step: int, first: int) -> None:
    """Runs of `step` children in group `at`; the first child is number `first`."""
    for start in range(0, len(children), step):
        part = children[start : start + step]
        new = len(data["groups"])
        label = f"{first + start:,} to {first + start + len(part) - 1:,}"
        data["groups"].append(
            {"id": new, "parent": at, "label": label, "kind": "run", "title": "", "children": [], "item": None}
        )
        data["groups"][at]["children"].append({"group": new})
        if step > RUN:
            runs(data, new, part, step // RUN, first + start)
            continue
        data["groups"][new]["children"] = part
        for child in part:
            inner = child.get("group")
            if "item" in child:
                item = data["items"][child["item"]]
                item["group"], inner = new, item["inside"]
            if inner is not None:
                data["groups"][inner]["parent"] = new
