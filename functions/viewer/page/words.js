// Formats times, counts and texts of events. All times are in UTC, as they are recorded.

import { html } from "./lit-html/lit-html.js";

const COUNT = new Intl.NumberFormat("en");
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const MINUTE = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});
/** The first and the last millisecond of the API's times. */
const [FIRST, LAST] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];
/** Characters that show nothing, or change how others are shown; tabs and line ends are not among them. */
const HIDDEN = /[\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]|(?![\t\n\r])\p{Cc}/gu;
const NAMES = {
  "00AD": "soft hyphen", "061C": "Arabic letter mark", "200B": "zero width space", "200C": "zero width non-joiner",
  "200D": "zero width joiner", "200E": "left-to-right mark", "200F": "right-to-left mark", "202A": "left-to-right embedding",
  "202B": "right-to-left embedding", "202C": "end of a direction", "202D": "left-to-right override",
  "202E": "right-to-left override", "2060": "word joiner", "2066": "left-to-right isolate", "2067": "right-to-left isolate",
  "2068": "isolate", "2069": "end of an isolate", "FEFF": "zero width no-break space",
};
const ALPHABETS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];

export const count = (number) => COUNT.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A time in the form of the API, in UTC; a text that is no time stays as it is. */
export function utc(text) {
  const time = Date.parse(text);
  return text.endsWith("Z") || !isTime(time) ? text : new Date(time).toISOString();
}

/** `2025-02-18 10:47:37`, from a time of the API or of the address, whatever its offset. */
export const second = (text) => (isTime(Date.parse(text)) ? utc(text).slice(0, 19).replace("T", " ") : text);

/** A moment in milliseconds, as exactly as a span of so many milliseconds makes it useful. */
export const moment = (time, span) => (isTime(time) ? (span > 5 * 86_400_000 ? DAY : MINUTE).format(time) : "");

/** The time of the API that is so many milliseconds after the epoch; undefined for one that it has no form for. */
export const timestamp = (time) => (isTime(time) ? new Date(time).toISOString() : undefined);

/** True if these milliseconds since the epoch are a time of the API. */
export const isTime = (time) => time >= FIRST && time <= LAST;

const mark = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A text of an event: its direction does not affect other texts, and invisible characters are named. */
export function visible(text) {
  const parts = [];
  let at = 0;
  for (const { 0: character, index } of text.matchAll(HIDDEN)) {
    const name = mark(character);
    parts.push(text.slice(at, index), html`<span class="mark" title=${NAMES[name.slice(2)] ?? "an invisible character"}>${name}</span>`);
    at = index + character.length;
  }
  const isMixed = text.split(/[^\p{L}]+/u).some((word) => ALPHABETS.filter((alphabet) => alphabet.test(word)).length > 1);
  return html`<bdi>${at === 0 ? text : [...parts, text.slice(at)]}</bdi>${isMixed
    ? html` <span class="mark" title="A word of it has letters of several alphabets, which may look alike">mixed letters</span>` : ""}`;
}

/** The same for an attribute, which has no marks. */
export function plain(text) {
  const named = text.replace(HIDDEN, (character) => `[${mark(character)}]`);
  return /[^\u0000-\u024f]/.test(named) ? `\u2068${named}\u2069` : named;
}

/** JSON for people: a character that cannot be seen is escaped, which leaves the JSON the same. */
export const printed = (value) => JSON.stringify(value, null, 2).replace(HIDDEN, (character) =>
  Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""));

export const actorName = (event) => event.actor?.username || event.actor?.user_id || "";
export const entityName = (event) => event.entity?.entity_name || event.entity?.entity_id || "";

/** Whether a part of the event was erased. */
export const isErased = (event, part) => Object.hasOwn(event.redacted?.digests ?? {}, part);

/** Tells a screen reader what has changed. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}

/** Puts a text on the clipboard, and says whether that worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
  } catch {
    announce("The browser did not let it be copied");
  }
}
