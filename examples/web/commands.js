// Commands to copy into a terminal: for each [client, what, command] a row in `list`, a <dl class="commands">. One that holds a
// secret has a fourth: as it is shown, until it is copied by hand.

export function showCommands(list, commands) {
  list.replaceChildren(...commands.map(([client, what, command, shown = command]) => {
    const row = document.createElement("div"), term = document.createElement("dt"), small = document.createElement("small");
    const data = document.createElement("dd"), code = document.createElement("code"), copy = document.createElement("button");
    small.textContent = what;
    term.append(client, small);
    code.textContent = shown;
    copy.type = "button";
    copy.textContent = "Copy";
    copy.setAttribute("aria-label", `Copy the command: ${client}, ${what}`);
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(command);
        copy.textContent = "Copied";
      } catch {
        // No clipboard without HTTPS or localhost: select it for Ctrl-C.
        code.textContent = command;
        getSelection().selectAllChildren(code);
        copy.textContent = "Selected";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    };
    data.append(code, copy);
    row.append(term, data);
    return row;
  }));
}
