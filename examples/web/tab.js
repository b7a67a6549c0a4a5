// Who a tab is: an id at random, which survives a reload.

/** Milliseconds for which a page that is being reloaded may go on holding its id. */
const LEAVING = 1_500;

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, "0")).join("");

/**
 * The id of this tab, kept in its `sessionStorage` as `name`, and whether the tab is a copy of another one. Such a copy ("Duplicate
 * tab") gets a copy of that storage as well, so both would be the same one: the first holds a lock of that name as long as
 * it is open, and the other makes an id of its own. Without HTTPS or localhost browsers have no locks, and it is the same.
 */
export async function tabId(name) {
  const id = sessionStorage[name] ?? random();
  const isCopy = !await hold(`${name} ${id}`);
  sessionStorage[name] = isCopy ? random() : id;
  if (isCopy) await hold(`${name} ${sessionStorage[name]}`);
  return { id: sessionStorage[name], isCopy };
}

/** Whether nobody else has this lock: it is ours then until the page is closed. */
function hold(lock) {
  if (!navigator.locks) return true;
  return new Promise(answer => {
    const held = () => { answer(true); return new Promise(() => {}); };
    navigator.locks.request(lock, { signal: AbortSignal.timeout(LEAVING) }, held).catch(() => answer(false));
  });
}
