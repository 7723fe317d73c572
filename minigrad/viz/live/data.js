// The island of data: layers and records as Log.data in watch_log.py writes them. Numbers that are not finite are words.

const DATA = JSON.parse(byId("data").textContent);
const { layers: LAYERS, records: RECORDS } = DATA;
const isNumber = x => typeof x === "number" && Number.isFinite(x);

// Which record and which layer are looked at; at the last record the page stays at the last.
const view = { at: RECORDS.length - 1, layer: 0 };

// update / weight: how large a part of itself a layer changes in one step.
const relative = entry => (isNumber(entry.update) && isNumber(entry.weight) && entry.weight > 0 ? entry.update / entry.weight : null);
const deadShare = entry => (entry.activations && entry.activations.units ? entry.activations.dead / entry.activations.units : null);

// New records go to the end, the oldest leave; what is looked at stays the same.
function take(records) {
  const last = RECORDS.length ? RECORDS[RECORDS.length - 1].step : -1;
  const fresh = records.filter(record => record.step > last);
  const following = view.at === RECORDS.length - 1;
  RECORDS.push(...fresh);
  const over = Math.max(0, RECORDS.length - DATA.keep);
  RECORDS.splice(0, over);
  view.at = following ? RECORDS.length - 1 : Math.max(0, view.at - over);
  return fresh.length > 0;
}
