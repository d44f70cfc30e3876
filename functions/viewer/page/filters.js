// The filters of the list, and their form in the address, so that a link shows the same list to any reader of the log.

export const LISTS = ["category", "action", "not_category", "not_action", "not_actor"];
/** Lists whose values may contain a comma, so that each has a parameter of its own. */
const LISTS_OF_IDS = ["not_actor"];
export const TEXTS = [
  "start_timestamp", "end_timestamp", "actor", "entity_type", "entity_id", "outcome", "correlation_id", "ip",
  "contains", "actor_name", "entity_name", "on_behalf_of",
];
export const LABELS = {
  category: "Category", action: "Action", start_timestamp: "From", end_timestamp: "Before", actor: "Actor",
  entity_type: "Entity type", entity_id: "Entity", outcome: "Outcome", correlation_id: "Correlation id", ip: "IP address",
  not_category: "Not category", not_action: "Not action", not_actor: "Not actor", contains: "Contains", actor_name: "Actor’s name",
  entity_name: "Entity’s name", on_behalf_of: "On behalf of",
};
const READ = "audit_log_accessed";

/** The default filters. Records of reads are left out. */
export const none = () => ({ ...Object.fromEntries(LISTS.map((name) => [name, []])), hasReads: false });

/** The filters among parameters; other parameters are ignored. */
export function read(parameters) {
  const filters = none();
  for (const name of LISTS) {
    filters[name] = [...new Set(parameters.getAll(name).flatMap((value) => (LISTS_OF_IDS.includes(name) ? [value] : value.split(","))).filter(Boolean))];
  }
  for (const name of TEXTS) {
    if (parameters.get(name)) filters[name] = parameters.get(name);
  }
  filters.hasReads = parameters.get("reads") === "shown";
  return filters;
}

/** The filters as the API's parameters. */
export function parameters(filters) {
  const query = new URLSearchParams();
  for (const name of LISTS) {
    for (const value of filters[name]) query.append(name, value);
  }
  for (const name of TEXTS) {
    if (filters[name]) query.set(name, filters[name]);
  }
  return query;
}

/** The API's parameters for what is shown: without records of reads, unless they are requested. */
export function shownParameters(filters) {
  const query = parameters(filters);
  if (!showsReads(filters)) query.set("reads", "exclude");
  return query;
}

/** True if records of reads are shown: if they are requested, by the switch or by a filter. */
export const showsReads = ({ hasReads, action, category }) => hasReads || action.includes(READ) || category.includes("audit_logs_access");

/** Each filter that is set, with the remaining filters without it. */
export function entries(filters) {
  const lists = LISTS.flatMap((name) => filters[name].map((value) => ({
    name, value, without: { ...filters, [name]: filters[name].filter((other) => other !== value) },
  })));
  const texts = TEXTS.filter((name) => filters[name]).map((name) => ({
    name, value: filters[name], without: { ...filters, [name]: undefined },
  }));
  return [...lists, ...texts];
}

/** The filters with a value of a list added, or removed if it is there. */
export function toggled(filters, name, value) {
  const list = filters[name];
  return { ...filters, [name]: list.includes(value) ? list.filter((other) => other !== value) : [...list, value] };
}

/** The place of the page: the workspace, the view, the filters, and the open event. */
export function place(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [workspace = "", view = ""] = path.split("/").map((part) => {
    try { return decodeURIComponent(part); } catch { return ""; }
  });
  const sent = new URLSearchParams(query);
  const event = /^-?\d{1,15}(\.\d{1,9})?$/.test(sent.get("event") ?? "") ? Number(sent.get("event")) : undefined;
  return { workspace, view: view === "tokens" ? "tokens" : "events", filters: read(sent), event };
}

/** The address of a place. */
export function address({ workspace, view, filters, event }) {
  const query = view === "tokens" ? new URLSearchParams() : parameters(filters);
  if (view !== "tokens" && filters.hasReads) query.set("reads", "shown");
  if (event !== undefined && view !== "tokens") query.set("event", event);
  const text = query.toString();
  return `#/${encodeURIComponent(workspace)}/${view}${text && `?${text}`}`;
}
