// Zoom, pan and fit.

const camera = { x: 0, y: 0, k: 1 };

function aim(smooth = false) {
  const element = byId("view");
  element.classList.toggle("smooth", smooth && !calm.matches);
  element.style.transform = `translate(${camera.x}px, ${camera.y}px) scale(${camera.k})`;
  byId("stage").classList.toggle("far", camera.k < 0.5);
}

function stageSize() {
  const { clientWidth: width, clientHeight: height } = byId("stage");
  return { width, height };
}

const READABLE = 0.55; // how small the graph may become without having been asked

// Show the whole graph; if it would be smaller than `least`, as much of it as there is room for around a node.
function fit(smooth = true, least = 0, around = null) {
  const { width, height } = stageSize();
  const { bounds } = drawn.graph;
  const room = 28;
  const whole = Math.min((width - 2 * room) / bounds.width, (height - 2 * room) / bounds.height, width > 1200 ? 1.7 : 1.25);
  camera.k = Math.max(whole, least, 0.02);
  const centred = (size, from, length) => size / 2 - (from + length / 2) * camera.k;
  // What does not fit along one side is moved to where the node is seen, but never beyond the ends of the graph.
  const along = (size, from, length, at) =>
    length * camera.k <= size - 2 * room
      ? centred(size, from, length)
      : Math.min(room - from * camera.k, Math.max(size - room - (from + length) * camera.k, size * 0.35 - at * camera.k));
  camera.x = along(width, bounds.x, bounds.width, around?.x ?? bounds.x + bounds.width / 2);
  camera.y = along(height, bounds.y, bounds.height, around?.y ?? bounds.y);
  aim(smooth);
}

// Zoom about a point of the stage, its middle by default.
function zoom(factor, at = null) {
  const { width, height } = stageSize();
  const [x, y] = at ?? [width / 2, height / 2];
  const k = Math.min(Math.max(camera.k * factor, 0.03), 6);
  camera.x = x - ((x - camera.x) / camera.k) * k;
  camera.y = y - ((y - camera.y) / camera.k) * k;
  camera.k = k;
  aim(at === null);
}

function pan(dx, dy) {
  camera.x += dx;
  camera.y += dy;
  aim(true);
}

// Move so that a node is well in sight, if it is not.
function bringIntoSight(node) {
  const { width, height } = stageSize();
  const [x, y] = [node.x * camera.k + camera.x, node.y * camera.k + camera.y];
  const edge = 20;
  const dx = x < edge ? edge - x : x > width - edge ? width - edge - x : 0;
  const dy = y < edge ? edge - y : y > height - edge ? height - edge - y : 0;
  if (dx || dy) pan(dx + Math.sign(dx) * width * 0.2, dy + Math.sign(dy) * height * 0.2);
}

function listenToPointer() {
  const stage = byId("graph");
  let held = null;
  stage.addEventListener(
    "wheel",
    event => {
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), [
        event.clientX - box.left,
        event.clientY - box.top,
      ]);
    },
    { passive: false },
  );
  stage.addEventListener("pointerdown", event => {
    if (event.target.closest(".node, .box-head")) return;
    held = [event.clientX, event.clientY];
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  stage.addEventListener("pointermove", event => {
    if (!held) return;
    camera.x += event.clientX - held[0];
    camera.y += event.clientY - held[1];
    held = [event.clientX, event.clientY];
    aim();
  });
  const release = () => {
    held = null;
    stage.classList.remove("held");
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
}
