// The 50 actions and their categories from the API, and the names that the page shows for them.

import { API } from "./api.js";

const actions = new Map();
const categories = new Map();

/** Names for actions whose catalogue text is a sentence or missing, in the form of the others. */
const LABELS = {
  export_data_sql_exported: "Export the output of the SQL editor",
  export_data_report_exported_csv: "Export a report as CSV",
  export_data_report_exported_pdf: "Export a report as PDF",
  report_activity_report_created: "Create a report",
  report_activity_report_edited: "Edit a report",
  report_activity_report_deleted: "Delete a report",
  report_activity_report_moved: "Move a report",
  report_activity_sql_added: "Add SQL",
  report_activity_sql_deleted: "Delete SQL",
  report_activity_visualization_added: "Add a visualization",
  report_activity_visualization_deleted: "Delete a visualization",
  report_activity_python_notebook_added: "Add a Python notebook",
  report_activity_r_notebook_added: "Add an R notebook",
  report_schedule_created: "Create a schedule",
  report_schedule_edited: "Edit a schedule",
  report_schedule_deleted: "Delete a schedule",
  report_schedule_user_email_added: "Add an email address to a schedule",
  report_schedule_user_email_removed: "Remove an email address from a schedule",
  report_schedule_channel_added: "Add a Slack channel to a schedule",
  report_schedule_channel_removed: "Remove a Slack channel from a schedule",
  api_token_member_key_generated: "Generate a member API token",
  api_token_member_key_revoked: "Revoke a member API key",
  api_token_workspace_created: "Create a workspace token",
  api_token_workspace_revoked: "Revoke a workspace token",
  audit_log_accessed: "Read the audit log",
  x_audit_log_settings_changed: "Change the settings of the audit log",
  x_audit_log_redacted: "Erase parts of events",
  x_audit_log_expired: "Events expired",
  x_audit_log_stream_created: "Create a stream",
  x_audit_log_stream_changed: "Change a stream",
  x_audit_log_stream_paused: "Pause a stream",
  x_audit_log_stream_resumed: "Resume a stream",
  x_audit_log_stream_replayed: "Set a stream back",
  x_audit_log_stream_tested: "Test a stream",
  x_audit_log_stream_deleted: "Delete a stream",
};
const OWN = "x_audit_log_";

/** Loads the catalogue. Without it, actions are shown by their technical names. */
export async function loadCatalogue() {
  const answer = await fetch(new URL("actions", API), { credentials: "omit", signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) return;
  const catalogue = await answer.json();
  for (const { category, label } of catalogue.categories) categories.set(category, label);
  for (const { action, event, category } of catalogue.actions) actions.set(action, { label: event, category });
}

/** The name of an action for people; for an unknown record of the service, its technical name in words. */
export function actionLabel(name) {
  const label = LABELS[name] ?? actions.get(name)?.label;
  if (label) return label;
  const words = name.startsWith(OWN) ? name.slice(OWN.length).replaceAll("_", " ") : "";
  return words ? `${words[0].toUpperCase()}${words.slice(1)}` : name;
}

/** The catalogue's text, which is the default description of an event. */
export const catalogueText = (name) => actions.get(name)?.label;

export const categoryLabel = (name) => categories.get(name) ?? { custom: "Custom", other: "Other" }[name] ?? name;
/** The category under which an action is shown; the service's own records are not in the custom category. */
export const categoryOf = ({ action, category }) => (action.startsWith(OWN) ? "Audit log itself" : categoryLabel(category));
/** The category of an action; undefined until the catalogue is loaded. */
export function categoryThatFollows(action) {
  if (actions.size === 0) return undefined;
  return actions.get(action)?.category ?? (action.startsWith("x_") ? "custom" : "other");
}
export const allCategories = () => [...categories.keys(), "custom", "other"];
export const allActions = () => [...actions.keys()];
