/** The keyboard shortcuts that the help lists. They do nothing while something is typed or a dialog is open. */

export function watchKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const typing = target.matches("select, textarea, input:not([type=radio])");
    if (typing && event.key === "Escape") target.blur();
    if (typing || document.querySelector("dialog[open]") !== null) return;
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
