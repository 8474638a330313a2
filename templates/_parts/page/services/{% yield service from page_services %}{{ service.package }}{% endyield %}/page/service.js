/**
 * Ask the service.
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<{answer: Record<string, unknown>, ms: number, model: string, version: string, sha256: string}>}
 * @throws {Error} with the service's own words where it refuses.
 */
export async function ask(path, body) {
  const began = performance.now();
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The service cannot be reached.");
  }
  const text = await response.text();
  const ms = performance.now() - began;
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`The service answered with status ${response.status} and no JSON.`);
  }
  if (!response.ok) {
    throw new Error(`${response.status}: ${answer.error}`);
  }
  const said = (name) => response.headers.get(name) ?? "";
  return { answer, ms, model: said("model-name"), version: said("model-version"), sha256: said("model-sha256") };
}

/**
 * Draw probabilities as bars, in the order given, the highest marked; bars that exist are moved, not made anew.
 * @param {HTMLElement} list
 * @param {[string, number][]} shares label and probability, 0 to 1
 */
export function drawBars(list, shares) {
  const highest = Math.max(...shares.map(([, share]) => share));
  while (list.children.length > shares.length) {
    list.lastElementChild.remove();
  }
  shares.forEach(([label, share], place) => {
    const row = list.children[place] ?? list.appendChild(emptyBar());
    row.classList.toggle("best", highest > 0 && share === highest);
    row.querySelector(".label").textContent = label;
    row.querySelector(".label").title = label;
    row.querySelector(".fill").style.width = `${(share * 100).toFixed(1)}%`;
    row.querySelector(".share").textContent = percent(share);
  });
}

/** @param {number} share */
export function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

/**
 * @param {HTMLElement} facts the description list that shows who answered and how fast
 * @param {{answer: Record<string, unknown>, ms: number, model: string, version: string, sha256: string}} reply
 */
export function showFacts(facts, reply) {
  const say = {
    latency: `${reply.ms.toFixed(1)} ms, the way there and back`,
    model: `${reply.model}, version ${reply.version}`,
    sha256: reply.sha256.slice(0, 16),
    asked: whoWasAsked(reply.answer),
  };
  for (const fact of facts.querySelectorAll("[data-fact]")) {
    fact.textContent = say[fact.dataset.fact];
  }
  facts.hidden = false;
}

/** What a proxy says of the models behind it. */
function whoWasAsked({ route, failed, answered, missing }) {
  const names = route ? route.join(" → ") : (answered ?? []).join(", ");
  const without = Object.entries(failed ?? missing ?? {}).map(([name, reason]) => `${name}: ${reason}`);
  return without.length ? `${names} (without ${without.join("; ")})` : names;
}

/**
 * @param {HTMLElement} place
 * @param {string} message empty: nothing is wrong
 */
export function showError(place, message) {
  place.textContent = message;
  place.hidden = !message;
}

function emptyBar() {
  const row = document.createElement("li");
  for (const name of ["label", "track", "share"]) {
    row.appendChild(document.createElement("span")).className = name;
  }
  row.querySelector(".track").appendChild(document.createElement("span")).className = "fill";
  return row;
}
