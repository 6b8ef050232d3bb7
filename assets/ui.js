/* Cursive: what must work without a round trip. Keyboard shortcuts, copying, the sidebar, pending native forms.
   Elements opt in with data attributes (components/shortcuts.py, components/shell.py), so this file knows no page. */
(() => {
  const SWITCH = "cursive.shortcuts";
  const root = document.documentElement;
  const typing = (node) => node && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName)) && !/^(checkbox|radio|button|submit)$/.test(node.type);
  const off = () => localStorage.getItem(SWITCH) === "off";
  let typed = "";
  let timer = 0;

  function target(hotkey) {
    const open = document.querySelectorAll('[role$="dialog"][data-state="open"]');
    const scope = open.length ? open[open.length - 1] : document;
    return [...scope.querySelectorAll(`[data-hotkey~="${CSS.escape(hotkey)}"]`)].find((node) => node.hasAttribute("data-hotkey-hidden") || node.offsetParent !== null);
  }

  function fire(hotkey, event) {
    const node = target(hotkey);
    if (!node) return false;
    event.preventDefault();
    typed = "";
    if (typing(node)) node.focus();
    else node.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    if (event.key === "Escape" && typing(event.target) && !event.target.closest('[role$="dialog"]')) return event.target.blur();
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.metaKey || event.ctrlKey) {
      if (!event.altKey) fire(`mod+${key}`, event);
      return;
    }
    if (event.altKey || key.length !== 1 || typing(event.target) || off()) return;
    clearTimeout(timer);
    timer = setTimeout(() => (typed = ""), 900);
    if ((key === "j" || key === "k") && !typed && step(key === "j" ? 1 : -1)) return event.preventDefault();
    const sequence = typed ? `${typed}-${key}` : key;
    typed = sequence.slice(-3);
    if (!fire(sequence, event) && sequence !== key) fire(key, event);
  });

  // J and K walk the rows of the list: focus moves from one row's button to the next, Enter opens it.
  function step(by) {
    if (document.querySelector('[role$="dialog"][data-state="open"]')) return false;
    const rows = [...document.querySelectorAll(".grid-table .row-open")];
    if (!rows.length) return false;
    const at = rows.indexOf(document.activeElement);
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  // React owns the field, so it has to hear about the change the way it hears about typing.
  function clear(id) {
    const field = document.querySelector(`[data-combo="${CSS.escape(id)}"] input`);
    if (!field) return;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, "");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  // A condition that was just added: its row is drawn a moment after the answer, then typing goes on in it.
  function enter(row) {
    const until = performance.now() + 1500;
    (function look() {
      const within = document.querySelector(`[data-condition="${CSS.escape(row)}"]`);
      const control = within && (within.querySelector("input, select") || within.querySelector("[aria-pressed]"));
      if (control) control.focus();
      else if (performance.now() < until) requestAnimationFrame(look);
    })();
  }

  document.addEventListener("keydown", (event) => {
    const tokens = event.key === "Backspace" && event.target.closest && event.target.closest("[data-tokens]");
    if (!tokens || event.target.value !== "") return;
    const chips = tokens.querySelectorAll("[data-chip-remove]");
    if (chips.length) chips[chips.length - 1].click();
  });

  // A dialog that was opened by a state change has no trigger to give the focus back to; this is what had it before.
  let outside = null;
  document.addEventListener("focusin", (event) => {
    if (!event.target.closest('[role="dialog"], [role="alertdialog"], [role="menu"]')) outside = event.target;
  });
  new MutationObserver((changes) => {
    if (!changes.some((change) => change.removedNodes.length)) return;
    setTimeout(() => {
      if (outside && outside.isConnected && document.activeElement === document.body) outside.focus({ preventScroll: true });
    }, 0);
  }).observe(document.body, { childList: true });

  document.addEventListener("click", (event) => {
    const label = event.target.closest("label[for]");
    const field = label && !label.control && document.querySelector(`[data-combo="${CSS.escape(label.htmlFor)}"] input`);
    if (field) field.focus();
  });

  // A field that filters what stands on the page: an item has every word that is typed, an entry some such item.
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filter && document.getElementById(event.target.dataset.filter);
    if (!list) return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const entry of list.querySelectorAll("[data-filter-entry]")) {
      const items = [...entry.querySelectorAll("[data-found-by]")];
      for (const item of items) item.hidden = !words.every((word) => item.dataset.foundBy.includes(word));
      entry.hidden = items.every((item) => item.hidden);
      found += items.filter((item) => !item.hidden).length;
    }
    const said = document.querySelector(`[data-filter-said="${list.id}"]`);
    said.textContent = !words.length ? "" : found ? `${found} ${found === 1 ? "section has" : "sections have"} these words.` : "No section has these words.";
  });

  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = Object.assign(document.createElement("textarea"), { value: text });
    area.style.cssText = "position:fixed;top:0;opacity:0";
    (document.querySelector('[role$="dialog"][data-state="open"]') || document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("copy refused"));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-nav-toggle]");
    if (!button) return;
    if (button.hasAttribute("data-nav-toggle")) {
      const closed = root.dataset.nav !== "closed";
      root.dataset.nav = closed ? "closed" : "open";
      localStorage.setItem("cursive.nav", root.dataset.nav);
      const next = document.querySelector(closed ? ".nav-open" : ".nav-close");
      if (next) next.focus();
      return;
    }
    const say = (state) => {
      button.dataset.copied = state;
      setTimeout(() => delete button.dataset.copied, 1600);
    };
    copy(button.dataset.copy).then(() => say("yes"), () => say("no"));
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-shortcut-switch]")) localStorage.setItem(SWITCH, event.target.checked ? "on" : "off");
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-native]")) return;
    if (form.getAttribute("aria-busy") === "true") return event.preventDefault();
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => document.querySelectorAll('[data-native][aria-busy="true"]').forEach((form) => form.removeAttribute("aria-busy")));

  // The address of the segment builder before its first edit says which filter it shows, so that Back leads to that one.
  function spellOut(path, filter) {
    const here = new URL(location.href);
    if (here.pathname.replace(/\/$/, "") !== path || here.searchParams.has("f")) return;
    here.searchParams.set("f", filter);
    history.replaceState(history.state, "", here);
  }

  // Rights have changed: the answer sets a new session cookie, which no script can read, and a socket keeps the cookie of
  // its handshake. Reflex closes the socket of a page that is left and opens it when the page is seen again; so does this.
  let renewed = -Infinity;
  async function renew() {
    if (performance.now() - renewed < 30_000) return;
    renewed = performance.now(); // before the answer: asked again meanwhile, it would close the socket twice
    const answer = await fetch("/auth/renew", { method: "POST" }).catch(() => null);
    if (!answer || !answer.ok) return void (renewed = -Infinity); // asked again in some seconds
    window.dispatchEvent(new PageTransitionEvent("pagehide"));
    document.dispatchEvent(new Event("visibilitychange"));
  }

  window.cursive = { clear, copy, enter, renew, spellOut, shortcutsOn: () => !off() };
})();
