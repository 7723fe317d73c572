// Positions, by Graphviz compiled to WebAssembly. It gets boxes of fixed sizes and gives back where they and the wires go.

const TITLE_FONT = "600 13px system-ui, sans-serif";
const SMALL_FONT = "12px system-ui, sans-serif";
const LONGEST_TITLE = 30;
const view = { direction: "TB", engine: null };

// The words of a node: {title, small, kind}.
function wordsOf(node) {
  if (node.group !== undefined) {
    const group = GROUPS[node.group];
    const what =
      group.kind === "run" ? "calls" : group.title && !groupName(node.group).includes(group.title) ? group.title : "";
    return {
      title: groupName(node.group),
      small: [what, plural(callsIn(node.group), "op")].filter(Boolean).join(" · "),
      kind: "module",
    };
  }
  const item = ITEMS[node.item];
  return { title: item.short || item.title, small: shapeText(outputOf(item).shape), kind: item.kind };
}

function sizeOf(node) {
  const words = wordsOf(node);
  node.words = { ...words, title: shortened(words.title, LONGEST_TITLE), small: shortened(words.small, LONGEST_TITLE) };
  const room = node.group !== undefined || ITEMS[node.item].inside !== null ? 14 : 0;
  node.start = room; // where the title begins, and then where the small words do
  node.second = room + Math.ceil(textWidth(node.words.title, TITLE_FONT)) + 8;
  node.width = node.second + Math.ceil(textWidth(node.words.small, SMALL_FONT)) + 24;
  node.height = 28;
  return node;
}

// Puts x, y (centres) on nodes, a rectangle on boxes and a curve on wires.
function layOut(graph) {
  graph.nodes.forEach(sizeOf);
  graph.byKey = new Map(graph.nodes.map(node => [node.key, node]));
  const into = new Map([[0, { name: "top", nodes: [], subgraphs: [] }]]);
  for (const box of graph.boxes) {
    box.title = shortened(groupName(box.group), 40);
    const width = Math.ceil(textWidth(box.title, TITLE_FONT)) + 34;
    const size = `FIXEDSIZE="TRUE" WIDTH="${width}" HEIGHT="16"`;
    const label = `<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" ${size}><TR><TD></TD></TR></TABLE>`;
    const cluster = {
      name: `cluster_${box.group}`,
      nodes: [],
      subgraphs: [],
      graphAttributes: { label: { html: label }, labeljust: "l", labelloc: "t", margin: 14 },
    };
    into.set(box.group, cluster);
    into.get(box.parent).subgraphs.push(cluster);
  }
  for (const node of graph.nodes) {
    into.get(node.parent).nodes.push({ name: node.key, attributes: { width: node.width / 72, height: node.height / 72 } });
  }
  const result = view.engine.render(
    {
      ...into.get(0),
      directed: true,
      graphAttributes: { rankdir: view.direction, nodesep: 0.38, ranksep: view.direction === "TB" ? 0.3 : 0.55 },
      nodeAttributes: { shape: "box", fixedsize: true, label: "" },
      edgeAttributes: { arrowsize: 0.8 },
      edges: graph.wires.map(wire => ({
        tail: wire.source,
        head: wire.target,
        attributes: { id: wire.key, minlen: entersBox(wire, graph) ? 2 : 1 },
      })),
    },
    { format: "json0", engine: "dot", yInvert: true },
  );
  if (result.status !== "success") throw new Error(result.errors.map(error => error.message).join("; "));
  return placed(graph, JSON.parse(result.output));
}

// A wire into a box from outside gets one rank more, so that it comes from above and clears what lies at the box's top.
function entersBox(wire, graph) {
  const [from, to] = [wire.source, wire.target].map(key => graph.byKey.get(key).parent);
  return from !== to && !pathOf(from).includes(to);
}

function placed(graph, found) {
  const objects = new Map((found.objects ?? []).map(object => [object.name, object]));
  const wires = new Map((found.edges ?? []).map(edge => [edge.id, edge]));
  const numbers = text => text.split(",").map(Number);
  for (const node of graph.nodes) [node.x, node.y] = numbers(objects.get(node.key).pos);
  for (const box of graph.boxes) {
    const [left, y0, right, y1] = numbers(objects.get(`cluster_${box.group}`)?.bb ?? "0,0,0,0");
    Object.assign(box, { x: left, y: Math.min(y0, y1), width: right - left, height: Math.abs(y1 - y0) });
  }
  for (const wire of graph.wires) {
    const points = (wires.get(wire.key)?.pos ?? "").split(" ").filter(Boolean);
    wire.tip = points[0]?.startsWith("e,") ? numbers(points.shift().slice(2)) : null;
    wire.line = along(points.map(numbers));
    wire.tip ??= wire.line.at(-1);
  }
  const [left, y0, right, y1] = numbers(found.bb ?? "0,0,1,1");
  graph.bounds = { x: left, y: Math.min(y0, y1), width: right - left, height: Math.abs(y1 - y0) };
  return graph;
}
