// Which groups are open, and the graph that is then to be seen.

const LIMIT = 400; // nodes on the screen
const OPEN = new Set([0]);
const OPENED = []; // in the order in which they were opened, for closing the oldest

const isOpen = at => OPEN.has(at);

// The key of the node that stands for a group while it is closed.
const keyOfGroup = group => (GROUPS[group].kind === "op" ? `i${GROUPS[group].item}` : `g${group}`);

// What stands for an item on the screen: the item itself, or the outermost closed group that it is in.
function repOf(at) {
  const item = ITEMS[at];
  for (const g of pathOf(item.group)) {
    if (!isOpen(g)) return keyOfGroup(g);
  }
  return `i${at}`;
}

// The item that an array comes from, as a reader sees it: a closed composite op in the place of what is inside.
function makerOf(at) {
  const closed = pathOf(ITEMS[at].group).find(g => GROUPS[g].kind === "op" && !isOpen(g));
  return closed === undefined ? ITEMS[at] : ITEMS[GROUPS[closed].item];
}

// An item's name, with its module's where that is another one than the item `from` is in.
function nameSeenFrom(item, from) {
  const inner = pathOf(item.group)
    .filter(g => GROUPS[g].kind === "module")
    .at(-1);
  const own = pathOf(from.group)
    .filter(g => GROUPS[g].kind === "module")
    .at(-1);
  const name = item.short || item.title;
  return inner === undefined || inner === own || pathOf(from.group).includes(inner)
    ? name
    : `${groupName(inner)} › ${name}`;
}

// The calls and leaves that take part when composite ops are taken as they are open or closed; modules are looked through.
function takingPart(group = 0, found = []) {
  for (const child of GROUPS[group].children) {
    if (child.group !== undefined) takingPart(child.group, found);
    else {
      const inside = ITEMS[child.item].inside;
      if (inside !== null && isOpen(inside)) takingPart(inside, found);
      else found.push(child.item);
    }
  }
  return found;
}

// The nodes and boxes of an open group, in order.
function shown(group, into) {
  for (const child of GROUPS[group].children) {
    const inner = child.group !== undefined ? child.group : ITEMS[child.item].inside;
    if (inner !== null && isOpen(inner) && visibleGroup(inner)) {
      into.boxes.push({ group: inner, parent: group });
      shown(inner, into);
    } else if (child.group !== undefined) {
      if (visibleGroup(inner)) into.nodes.push({ key: `g${inner}`, group: inner, parent: group });
    } else if (visibleItem(child.item)) into.nodes.push({ key: `i${child.item}`, item: child.item, parent: group });
  }
  return into;
}

function countShown(group) {
  let n = 0;
  for (const child of GROUPS[group].children) {
    const inner = child.group !== undefined ? child.group : ITEMS[child.item].inside;
    n += inner !== null && isOpen(inner) ? countShown(inner) : 1;
  }
  return n;
}

// {nodes, boxes, wires}: a wire joins two nodes and has a part for each input that it stands for.
function visibleGraph() {
  const graph = shown(0, { nodes: [], boxes: [] });
  const wires = new Map();
  for (const at of takingPart()) {
    if (!visibleItem(at)) continue;
    const target = repOf(at);
    for (const input of inputsOf(at)) {
      const source = repOf(input.source);
      if (source === target) continue;
      const key = `${source}>${target}`;
      if (!wires.has(key)) wires.set(key, { key, source, target, parts: [] });
      wires.get(key).parts.push({ item: at, input });
    }
  }
  graph.wires = [...wires.values()];
  return graph;
}

// Open a group, closing the ones opened longest ago if the screen would hold too many nodes. Returns what was closed.
function openGroup(at) {
  const path = pathOf(at);
  path.forEach(g => {
    if (!isOpen(g)) {
      OPEN.add(g);
      OPENED.push(g);
    }
  });
  const closed = [];
  while (countShown(0) > LIMIT) {
    const oldest = OPENED.find(g => isOpen(g) && !path.includes(g));
    if (oldest === undefined) break;
    closeGroup(oldest);
    closed.push(groupName(oldest));
  }
  return closed;
}

// Close a group and everything in it.
function closeGroup(at) {
  for (const g of [...OPEN])
    if (g !== 0 && pathOf(g).includes(at)) {
      OPEN.delete(g);
      OPENED.splice(OPENED.indexOf(g), 1);
    }
}

// How many calls lie in a group, composite ops counted as one.
const sizes = new Map();

function callsIn(at) {
  if (!sizes.has(at)) {
    let n = 0;
    for (const child of GROUPS[at].children) {
      if (child.group !== undefined) n += callsIn(child.group);
      else n += isLeaf(ITEMS[child.item]) ? 0 : 1;
    }
    sizes.set(at, n);
  }
  return sizes.get(at);
}

function itemsIn(at, found = []) {
  for (const child of GROUPS[at].children) {
    if (child.group !== undefined) itemsIn(child.group, found);
    else found.push(child.item);
  }
  return found;
}

// The first view: open what would stand alone, then as deep as the view stays small.
function openFirst() {
  for (let depth = 0; depth < 4; depth++) {
    const inner = GROUPS.filter(g => g.id && g.kind !== "op" && isOpen(g.parent ?? 0) && !isOpen(g.id));
    const lonely = inner.filter(g => g.parent === 0 || GROUPS[g.parent].kind === "module");
    if (inner.length !== 1 || lonely.length !== 1 || GROUPS[inner[0].id].children.length > 40) return;
    OPEN.add(inner[0].id);
    OPENED.push(inner[0].id);
  }
}
