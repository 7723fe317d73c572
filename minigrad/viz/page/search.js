// The search box and the bread crumbs.

const searchList = [
  ...GROUPS.filter(g => g.id && g.kind === "module").map(g => ({
    key: `g${g.id}`,
    text: pathName(g.id),
    kind: g.title || "module",
  })),
  ...ITEMS.map(item => ({
    key: `i${item.id}`,
    text: [pathName(item.group), item.title].filter(Boolean).join(" › "),
    kind: item.op || item.kind,
  })),
];

function listenToSearch() {
  const box = byId("search"),
    list = byId("found");
  let at = 0,
    hits = [];
  const show = () => {
    const words = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    hits = words.length
      ? searchList
          .filter(entry => words.every(word => `${entry.text} ${entry.kind}`.toLowerCase().includes(word)))
          .slice(0, 12)
      : [];
    at = Math.max(0, Math.min(at, hits.length - 1));
    list.replaceChildren(
      ...hits.map((entry, k) =>
        h(
          "li",
          {
            role: "option",
            "aria-selected": String(k === at),
            onpointerdown: event => {
              event.preventDefault();
              take(entry);
            },
          },
          h("span", {}, shortened(entry.text, 60)),
          h("span", { class: "faint" }, shortened(entry.kind, 20)),
        ),
      ),
    );
    if (words.length && !hits.length) list.append(h("li", { class: "faint" }, "Nothing is called that."));
    list.hidden = !words.length;
  };
  const take = entry => {
    box.value = "";
    box.blur();
    show();
    if (entry) goToKey(entry.key);
  };
  box.addEventListener("input", () => {
    at = 0;
    show();
  });
  box.addEventListener("blur", () => {
    list.hidden = true;
  });
  box.addEventListener("focus", show);
  box.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at += event.key === "ArrowDown" ? 1 : -1;
      show();
      event.preventDefault();
    } else if (event.key === "Enter") take(hits[at]);
    else if (event.key === "Escape") take(null);
  });
}

// Open whatever a node is in, and choose it.
function goToKey(key) {
  const group = key[0] === "g" ? GROUPS[Number(key.slice(1))].parent : ITEMS[Number(key.slice(1))].group;
  const closed = pathOf(group).find(g => !isOpen(g));
  if (closed !== undefined) openAndSay(group, closed);
  selection.key = key;
  drawPanel();
  const node = drawn.nodes.get(key);
  if (node) {
    bringIntoSight(node);
    node.element.classList.add("found");
    setTimeout(() => node.element.classList.remove("found"), 1200);
  }
}

function drawCrumbs() {
  const { key } = selection;
  const group = key === null ? 0 : key[0] === "g" ? GROUPS[Number(key.slice(1))].parent : ITEMS[Number(key.slice(1))].group;
  const path = pathOf(group);
  const crumb = (text, click) => h("button", { class: "link", onclick: click }, shortened(text, 24));
  const parts = [
    crumb("all", () => {
      selection.key = null;
      goTo(-1);
      fit();
    }),
  ];
  if (path.length > 4) parts.push(h("span", { class: "faint" }, "…"));
  for (const g of path.slice(-4)) parts.push(crumb(groupName(g), () => goToKey(keyOfGroup(g))));
  if (key !== null)
    parts.push(
      h("span", {}, shortened(key[0] === "g" ? groupName(Number(key.slice(1))) : ITEMS[Number(key.slice(1))].title, 24)),
    );
  byId("crumbs").replaceChildren(
    ...parts.flatMap((part, k) => (k ? [h("span", { class: "faint" }, " › "), part] : [part])),
  );
}
