/* Before the first paint: theme and sidebar as the person left them, so that nothing flashes. */
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme") || "system";
    const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.remove("light", "dark");
    root.classList.add(dark ? "dark" : "light");
    root.style.colorScheme = dark ? "dark" : "light";
    root.dataset.nav = localStorage.getItem("cursive.nav") || "open";
  } catch {
    root.classList.add("light");
  }
})();
