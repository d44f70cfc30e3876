// How times, counts and events are put into words. Times are UTC everywhere, as they are recorded.

const COUNT = new Intl.NumberFormat("en");
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const MINUTE = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});

export const count = (number) => COUNT.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** `2025-02-18 10:47:37`, from a time of the API. */
export const second = (text) => text.slice(0, 19).replace("T", " ");

/** A moment in milliseconds, as exactly as a span of so many milliseconds makes it useful. */
export const moment = (time, span) => (span > 5 * 86_400_000 ? DAY : MINUTE).format(time);

/** The time of the API that is so many milliseconds after the epoch. */
export const timestamp = (time) => new Date(time).toISOString();

export const actorName = (event) => event.actor?.username || event.actor?.user_id || "";
export const entityName = (event) => event.entity?.entity_name || event.entity?.entity_id || "";

/** What is shown of a part that was erased. */
export const isErased = (event, part) => Object.hasOwn(event.redacted?.digests ?? {}, part);

/** Tells a screen reader what has changed. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}
