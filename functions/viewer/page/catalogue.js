// The 50 actions and their categories, as the API tells them to anyone.

const actions = new Map();
const categories = new Map();

/** Asks for the catalogue, once. Without it actions are shown by their names. */
export async function loadCatalogue() {
  if (actions.size > 0) return;
  const answer = await fetch("api/actions", { credentials: "omit" });
  if (!answer.ok) return;
  const catalogue = await answer.json();
  for (const { category, label } of catalogue.categories) categories.set(category, label);
  for (const { action, event } of catalogue.actions) actions.set(action, event);
}

export const actionLabel = (name) => actions.get(name) ?? name;
export const categoryLabel = (name) => categories.get(name) ?? { custom: "Custom", other: "Other" }[name] ?? name;
export const allCategories = () => [...categories.keys(), "custom", "other"];
export const allActions = () => [...actions.keys()];
