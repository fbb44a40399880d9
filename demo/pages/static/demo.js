// What pages gain with a script: stages that appear while the connection is tested, folders on the
// account's page, times in the reader's zone, a page that notices when a sign-in in another window
// has ended, and buttons that copy and print. All pages work without.
"use strict";

const LINES = "application/x-ndjson";
const TESTED = "tested";
const POLL_MS = 3000;
const POLL_UNTIL = Date.now() + 10 * 60 * 1000;

// Test Connection

function columnFor(stage, protocols) {
  const known = protocols.querySelector(`[data-protocol="${CSS.escape(stage.protocol)}"]`);
  if (known) return known;
  const protocol = document.getElementById("protocol").content.cloneNode(true).firstElementChild;
  protocol.dataset.protocol = stage.protocol;
  protocol.classList.add(`protocol-${stage.protocol}`);
  protocol.setAttribute("aria-label", stage.heading);
  protocol.querySelector("h3").textContent = stage.heading;
  protocols.append(protocol);
  return protocol;
}

function rowFor(stage, protocol) {
  const known = protocol.querySelector(`[data-stage="${CSS.escape(stage.name)}"]`);
  if (known) return known;
  const row = document.getElementById("stage").content.cloneNode(true).firstElementChild;
  row.dataset.stage = stage.name;
  protocol.querySelector("ol").append(row);
  return row;
}

function show(stage, live) {
  const row = rowFor(stage, columnFor(stage, live.querySelector(".protocols")));
  if (stage.status === "running") {
    document.getElementById("progress").textContent = `${stage.heading}: ${stage.label}…`;
  }
  row.className = `stage stage-${stage.status}`;
  row.querySelector(".stage-label").textContent = stage.label;
  row.querySelector(".stage-word").textContent = stage.word;
  row.querySelector(".stage-time").textContent = stage.time;
  row.querySelector(".stage-detail").textContent = stage.detail;
}

async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

// Resolves to how it ended: "stored" with the account, "refused" with a page of its own, or "lost".
async function run(form) {
  const live = document.getElementById("live");
  const response = await fetch(form.action, {
    method: "POST",
    headers: { Accept: LINES },
    body: new URLSearchParams(new FormData(form)),
  });
  if (response.headers.get("content-type") !== LINES) return "refused";
  document.getElementById("progress").textContent = "Testing the connection…";
  document.getElementById("report").hidden = true;
  document.getElementById("lost").hidden = true;
  live.querySelector(".protocols").replaceChildren();
  live.hidden = false;
  live.scrollIntoView({ block: "nearest" });
  for await (const line of linesOf(response)) {
    if (line.done) return "stored";
    show(line, live);
  }
  return "lost";
}

function lose(button, label) {
  const lost = document.getElementById("lost");
  document.getElementById("live").hidden = true;
  document.getElementById("progress").textContent = "";
  document.body.classList.remove("testing");
  button.disabled = false;
  button.textContent = label;
  lost.hidden = false;
  lost.scrollIntoView({ block: "nearest" });
}

function testOnSubmit(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const label = button.textContent;
    button.disabled = true;
    button.textContent = "Testing…";
    // What an earlier test found is not said beside a running one.
    document.body.classList.add("testing");
    const ended = await run(form).catch(() => "lost");
    if (ended === "lost") {
      lose(button, label);
      return;
    }
    if (ended === "refused") {
      form.submit();
      return;
    }
    sessionStorage.setItem(TESTED, location.pathname);
    const address = new URL(location.href);
    address.hash = "connection";
    history.replaceState(null, "", address);
    location.reload();
  });
}

// Default Folder Mappings: the mail server is asked when the section comes into view

async function loadFolders(place) {
  const status = document.querySelector("[data-folders-status]");
  status.textContent = "Loading the folders…";
  try {
    const response = await fetch(place.dataset.folders);
    if (!response.ok || response.redirected) throw new Error(response.status);
    place.innerHTML = await response.text();
    status.textContent = "The folders are loaded.";
  } catch {
    // The page behind the button says why.
    status.textContent = "The folders cannot be shown now. Press Select the folders to see why.";
    status.className = "help";
  }
}

function loadWhenSeen(place) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    loadFolders(place);
  });
  observer.observe(place);
}

// Times in the reader's zone

function tellMoment(time) {
  time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang + "-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
}

// After the reload that shows the report, its first sentence is read out.
function tellVerdict(verdict) {
  if (sessionStorage.getItem(TESTED) !== location.pathname) return;
  sessionStorage.removeItem(TESTED);
  verdict.focus({ preventScroll: true });
}

// A sign-in in another window

async function lookAt(place) {
  try {
    const response = await fetch(place.dataset.poll || place.dataset.glance);
    const answer = response.ok ? await response.json() : {};
    if (answer.state && answer.state !== place.dataset.state) location.reload();
  } catch {
    // The ERP is away for a moment; the next look may find it again.
  }
}

function poll(place) {
  const timer = setInterval(() => {
    if (Date.now() > POLL_UNTIL) clearInterval(timer);
    else if (!document.hidden) lookAt(place);
  }, Number(place.dataset.every) || POLL_MS);
}

// Copy buttons

function mark(place) {
  const range = document.createRange();
  range.selectNodeContents(place);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

async function copy(place) {
  try {
    await navigator.clipboard.writeText(place.textContent);
    return "Copied";
  } catch {
    // No clipboard: a page that came without TLS, or a browser that says no. The text is marked.
    mark(place);
    return document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  }
}

function copyOnClick(button) {
  const place = button.parentElement;
  const word = button.querySelector(".copy-word");
  button.hidden = false;
  button.addEventListener("click", async () => {
    word.textContent = await copy(place.querySelector(".copied-text"));
    place.querySelector("[role=status]").textContent = word.textContent;
    setTimeout(() => {
      word.textContent = "Copy";
      place.querySelector("[role=status]").textContent = "";
    }, 2000);
  });
}

function printOnClick(button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The Actions menu closes as menus do.
function closeLikeAMenu(menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

document.querySelectorAll("form[data-test]").forEach(testOnSubmit);
document.querySelectorAll("[data-moment]").forEach(tellMoment);
document.querySelectorAll("[data-folders]").forEach(loadWhenSeen);
document.querySelectorAll("[data-poll]").forEach(poll);
document.querySelectorAll("[data-copy]").forEach(copyOnClick);
document.querySelectorAll("[data-print]").forEach(printOnClick);
document.querySelectorAll("#verdict").forEach(tellVerdict);
document.querySelectorAll("details.menu").forEach(closeLikeAMenu);
document.querySelectorAll("[data-focus]").forEach((place) => place.focus());
document.querySelectorAll("[data-poll], [data-glance]").forEach((place) => {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) lookAt(place);
  });
});
