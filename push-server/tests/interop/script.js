"use strict";
// Whether two values are the same, to the last property and the sign of zero; they may be of different realms.
function same(a, b) {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  const keys = Reflect.ownKeys(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Reflect.ownKeys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && same(a[key], b[key]))
  );
}

// The first of `texts`, which are JSON, that `got` has not as its values, each with what it has instead.
function differences(texts, got) {
  const all = texts.map((text, at) => [text, JSON.stringify(got[at]), same(JSON.parse(text), got[at])]);
  const wrong = all.filter(([, , isSame]) => !isSame).slice(0, 5);
  return got.length === texts.length ? wrong : [`${got.length} of ${texts.length}`, ...wrong];
}
