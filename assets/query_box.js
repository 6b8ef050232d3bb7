/* Cursive: a query box with suggestions for its last word. The server finds them, the keyboard is worked here.
   <div data-query> holds the field (role=combobox) and a list (role=listbox) whose options carry data-text. */
(() => {
  const parts = (root) => ({ field: root.querySelector('[role="combobox"]'), options: [...root.querySelectorAll('[role="option"]')] });
  const active = (root) => root.querySelector('[role="option"][data-selected="true"]');

  function mark(root, option) {
    const { field, options } = parts(root);
    for (const one of options) {
      one.setAttribute("data-selected", one === option ? "true" : "false");
      one.setAttribute("aria-selected", one === option ? "true" : "false");
    }
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }

  // Where the last word begins; a quotation that is still open belongs to it with its qualifier.
  function wordStart(text) {
    const quotes = text.split('"').length - 1;
    const until = quotes % 2 ? text.lastIndexOf('"') : text.length;
    return text.slice(0, until).lastIndexOf(" ") + 1;
  }

  // React owns the field, so it has to hear about the change the way it hears about typing.
  function choose(root, option) {
    const { field } = parts(root);
    const word = option.dataset.text;
    const next = field.value.slice(0, wordStart(field.value)) + word + (/[:.]$/.test(word) ? "" : " ");
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, next);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    mark(root, null);
    field.focus();
  }

  document.addEventListener("keydown", (event) => {
    const root = event.target.closest && event.target.closest("[data-query]");
    if (!root || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const { options } = parts(root);
    const now = active(root);
    const taken = () => { event.preventDefault(); event.stopPropagation(); };
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length) {
      taken();
      delete root.dataset.closed;
      const at = options.indexOf(now) + (event.key === "ArrowDown" ? 1 : -1);
      mark(root, options[at < 0 ? (now ? -1 : options.length - 1) : at] || null);
    } else if ((event.key === "Enter" || event.key === "Tab") && now && !("closed" in root.dataset)) {
      taken();
      choose(root, now);
    } else if (event.key === "Escape" && options.length && !("closed" in root.dataset)) {
      taken();
      mark(root, null);
      root.dataset.closed = "";
    } else if (event.key === "Enter") root.dataset.closed = "";
  }, true);

  document.addEventListener("input", (event) => {
    const root = event.target.closest("[data-query]");
    if (!root) return;
    delete root.dataset.closed;
    mark(root, null);
  });
  document.addEventListener("focusout", (event) => {
    const root = event.target.closest && event.target.closest("[data-query]");
    if (root) { mark(root, null); delete root.dataset.closed; }
  });
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest('[data-query] [role="option"]')) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest('[data-query] [role="option"]');
    if (option) choose(option.closest("[data-query]"), option);
  });
})();
