// The steps of the time line, in the engine's order; an open composite op is replaced by the steps of its definition.

// {phase: "forward" | "backward" | "leaf" | "update", item, sends: [{input, mark}]}
function stepsNow() {
  const steps = takingPart()
    .filter(at => !isLeaf(ITEMS[at]) && sideHas(at, "a"))
    .map(at => ({ phase: "forward", item: at }));
  const met = new Set(); // which gradients have begun to add up
  const walk = at => {
    const item = ITEMS[at];
    if (isLeaf(item)) steps.push({ phase: "leaf", item: at, sends: [] });
    else if (item.inside !== null && isOpen(item.inside) && item.backward.length) item.backward.forEach(walk);
    else {
      const sends = item.inputs
        .filter(input => input.sent !== null)
        .map(input => {
          const mark = met.has(input.source) ? "+=" : "=";
          met.add(input.source);
          return { input, mark };
        });
      steps.push({ phase: "backward", item: at, sends });
    }
  };
  DATA.backward.forEach(walk);
  DATA.updates.forEach(update => {
    if (update.item !== null) steps.push({ phase: "update", item: update.item, update, sends: [] });
  });
  return steps;
}

// A step as a word, to find it again when the steps change.
const stepKey = step => `${step.phase} ${step.item}`;

// What is known after so many steps: items that were computed, items whose gradient is whole, inputs that were sent to.
function knownAfter(steps, at) {
  const known = { forward: new Set(), backward: new Set(), sent: new Set() };
  for (let k = 0; k <= at; k++) {
    const step = steps[k];
    if (step.phase === "forward") known.forward.add(step.item);
    else if (step.phase !== "update") known.backward.add(step.item);
    for (const { input } of step.sends ?? []) known.sent.add(input);
  }
  return known;
}
